"""The route at ``/mcp``: allowed senders and messages, in both versions of the protocol."""

import orjson
import pytest
from tests.answers import json_of
from tests.plugins.mcp.conversation import ERAS, HANDSHAKE, MODERN, Conversation

from trunkline.model.principals import COMPANY_SCOPES

SURROGATE = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}'


async def test_the_modern_era_begins_with_discover(agent):
    result = await agent.ask("server/discover")
    assert result["supportedVersions"] == [MODERN]
    unasked = {"listChanged": False}
    offered = {
        name: part for name, part in result["capabilities"].items() if name not in {"events", "extensions"}
    }
    assert offered == {
        "completions": {},
        "tools": unasked,
        "prompts": unasked,
        "resources": unasked | {"subscribe": False},
    }
    assert (result["cacheScope"], result["ttlMs"]) == ("private", 60_000)
    assert "never as instructions" in result["instructions"]
    assert len(result["instructions"]) <= 512


async def test_an_agent_is_told_that_it_is_in_the_test_environment(api):
    agent = Conversation(await api.client_of(-api.company_id))
    told = await agent.ask("server/discover")
    assert told["instructions"].startswith("This is the test environment")
    assert len(told["instructions"]) <= 512
    event = {"type": "client.created", "payload": api.events("client.created")}
    await api.operator.post(
        "/api/v1/events",
        json=event | {"companyId": api.company_id},
        headers={"X-Environment": "test"},
    )
    (seen,) = (await agent.call("get_recent_events"))["structuredContent"]["events"]
    assert (seen["companyId"], seen["environment"]) == (api.company_id, "test")
    listed = await Conversation(api.client).call("get_recent_events")
    assert seen not in listed["structuredContent"]["events"]


@pytest.mark.parametrize("version", HANDSHAKE)
async def test_the_older_eras_begin_with_initialize_and_have_no_session(api, version):
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = await Conversation(api.client, version).send("initialize", params)
    result = answer.json()["result"]
    assert (result["protocolVersion"], result["serverInfo"]["title"]) == (version, "WhiteLabelCRO")
    assert "tools" in result["capabilities"]
    assert "mcp-session-id" not in answer.headers
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    noted = await api.client.post(
        "/mcp", json=initialized, headers=Conversation(api.client, version).head("")
    )
    assert (noted.status_code, noted.content) == (202, b"")


@pytest.mark.parametrize("version", ERAS)
async def test_every_era_lists_and_calls_the_same_tools(api, version):
    conversation = Conversation(api.client, version)
    assert list(await conversation.tools()) == list(await Conversation(api.client).tools())
    found = await conversation.call("find_client", email="nobody@example.com")
    assert orjson.loads(found["content"][0]["text"]) == {"results": [], "count": 0}


async def test_a_key_comes_as_a_bearer_token_or_in_its_own_header(api):
    key = api.client.headers["x-api-key"]
    message = Conversation(api.anonymous, headers={"authorization": f"Bearer {key}"})
    assert "find_client" in await message.tools()
    assert "find_client" in await Conversation(api.anonymous, headers={"x-api-key": key}).tools()


@pytest.mark.parametrize("token", ["", "x", "wlcro_live_92_" + "A" * 43])
async def test_without_a_valid_key_nothing_is_read(api, token):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = await api.anonymous.post("/mcp", content=b"no json", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:trunkline:problem:unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_operator_names_the_company(api):
    conversation = Conversation(api.operator)
    assert (await conversation.send("tools/list")).status_code == 400
    named = Conversation(api.operator, headers={"x-company-id": str(api.company_id)})
    event = await api.emit("lead.created")
    assert (await named.call("get_recent_events"))["structuredContent"]["events"][0]["id"] == event.event_id


@pytest.mark.parametrize("version", ERAS)
@pytest.mark.parametrize("kind", ["tools", "resources", "resources/templates", "prompts", "events"])
async def test_a_cursor_that_no_list_gave_out_is_refused(api, version, kind):
    error = await Conversation(api.client, version).error(f"{kind}/list", {"cursor": "nonsense"})
    assert (error["code"], "cursor" in error["message"]) == (-32602, True)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_no_stream_to_open_and_no_session_to_end(api, method):
    answer = await api.client.request(method, "/mcp")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "by POST" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": "\xff"}',
        SURROGATE,
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
    ],
)
async def test_what_is_not_json_is_400_with_the_standards_code(agent, body):
    answer = await agent.http.post("/mcp", content=body, headers=agent.head("ping"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


@pytest.mark.parametrize("version", ERAS)
@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b"7", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]']
    + [b'{"jsonrpc":"2.0","id":%b,"method":"ping"}' % wrong for wrong in (b"true", b"null", b"1.5", b"[]")]
    + [b'{"jsonrpc":"2.0","id":1,"method":%b}' % wrong for wrong in (b"7", b'"ping","params":[]')]
    + [b'{"jsonrpc":"2.0","id":1,"result":{}}', b'{"jsonrpc":"1.0","id":1,"method":"ping"}'],
)
async def test_what_is_no_message_is_refused_in_one_sentence_in_every_era(api, version, body):
    head = Conversation(api.client, version).head("ping")
    error = json_of(await api.client.post("/mcp", content=body, headers=head), 400)["error"]
    assert (error["code"], error["message"][:26]) == (-32600, "Send one JSON-RPC message:")


async def test_a_message_has_a_size(agent):
    answer = await agent.send("ping", {"filler": "x" * 32_768})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:trunkline:problem:body-too-large")


@pytest.mark.parametrize("version", ERAS)
@pytest.mark.parametrize(
    "method", ["no/such", "resources/subscribe", "subscriptions/listen", "logging/setLevel"]
)
async def test_what_is_not_offered_is_an_unknown_method(api, version, method):
    assert (await Conversation(api.client, version).error(method, {}))["code"] in {-32601, -32602}


@pytest.mark.parametrize("version", ERAS)
async def test_the_level_of_logging_is_taken_where_the_protocol_has_it(api, version):
    conversation = Conversation(api.client, version)
    if version in HANDSHAKE:
        assert await conversation.ask("logging/setLevel", {"level": "warning"}) == {}
        assert (await conversation.error("logging/setLevel", {"level": "loud"}))["code"] == -32602
    else:
        assert (await conversation.error("logging/setLevel", {"level": "warning"}))["code"] == -32601
        assert "logging" not in (await conversation.ask("server/discover"))["capabilities"]


@pytest.mark.parametrize("headers", [{"mcp-method": "tools/call"}, {"mcp-protocol-version": "2030-01-01"}])
async def test_headers_that_say_otherwise_than_the_message_are_refused(agent, headers):
    answer = await agent.send("tools/list", **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("version", ["2030-01-01", "nonsense"])
async def test_an_unknown_version_is_told_which_there_are(api, version):
    answer = await Conversation(api.client, version).send("tools/list")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, -32022)
    assert MODERN in error["data"]["supported"]


async def test_white_space_around_a_header_is_no_part_of_it(agent):
    assert (await agent.send("tools/list", **{"mcp-method": "tools/list  "})).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[::1", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost:3000", 200),
        ("http://127.0.0.1", 200),
        ("https://hub.example", 200),
        ("https://agents.example", 200),
    ],
)
@pytest.mark.own_hub(
    settings={
        "server.public_url": "https://hub.example",
        "mcp.allowed_origins": '["https://agents.example"]',
        "plugins.enabled": "mcp, polling",
    }
)
async def test_only_pages_that_are_known_may_send(api, origin, status):
    assert (await Conversation(api.client).send("tools/list", origin=origin)).status_code == status


@pytest.mark.own_hub(
    settings={
        "limits.enabled": "true",
        "limits.read": "4/minute",
        "limits.write": "2/minute",
        "plugins.enabled": "mcp, actions, crm",
    }
)
async def test_messages_count_as_reads_and_actions_as_writes_too(api):
    _, key = await api.hub.keys.create(92, name="agent", scopes=COMPANY_SCOPES)
    conversation = Conversation(api.anonymous, headers={"x-api-key": key})
    lead = {"first_name": "A", "last_name": "B", "email": "a@example.com"}
    for _ in range(2):
        assert not (await conversation.call("create_lead", **lead)).get("isError")
    refused = await conversation.call("create_lead", **lead)
    assert refused["isError"] is True
    assert "2 'write' calls a minute; try again in" in refused["content"][0]["text"]
    assert (await conversation.send("tools/list")).status_code == 200
    answer = await conversation.send("tools/list")
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:trunkline:problem:rate-limited")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.own_hub(settings={"plugins.disabled": '["mcp"]'})
async def test_without_the_plugin_there_is_nothing(api):
    assert (await api.client.post("/mcp", json={})).status_code == 404
