"""The resources that an agent may read, and the prompts that people choose."""

import json

import orjson
import pytest
from jsonschema import Draft202012Validator
from tests.plugins.mcp.conversation import ERAS, HANDSHAKE, MODERN, Conversation

TYPES = "trunkline://event-types"


async def read(conversation: Conversation, uri: str) -> dict:
    (content,) = (await conversation.ask("resources/read", {"uri": uri}))["contents"]
    assert content["uri"] == uri
    return content


@pytest.mark.parametrize("version", ERAS)
async def test_everything_that_is_listed_can_be_read(api, version):
    conversation = Conversation(api.client, version)
    listed = (await conversation.ask("resources/list"))["resources"]
    assert len({resource["uri"] for resource in listed}) == len(listed) > 20
    for resource in listed:
        assert resource["title"]
        content = await read(conversation, resource["uri"])
        assert content["mimeType"] == resource["mimeType"]
        assert content["text"]


async def test_an_event_type_has_its_meaning_its_schema_and_an_example(api, agent):
    index = json.loads((await read(agent, TYPES))["text"])["event_types"]
    assert [entry["type"] for entry in index] == [kind.name for kind in api.hub.streaming.types()]
    whole = json.loads((await read(agent, index[0]["uri"]))["text"])
    assert (whole["type"], whole["description"], whole["version"]) == (
        index[0]["type"],
        index[0]["description"],
        1,
    )
    Draft202012Validator(whole["schema"]).validate(whole["example"])
    template, *_ = (await agent.ask("resources/templates/list"))["resourceTemplates"]
    assert template["uriTemplate"].replace("{name}", whole["type"]) == index[0]["uri"]


async def test_a_tool_in_its_full_form_is_a_resource(api, agent):
    whole = await Conversation(api.client, address="/mcp?tools=full").tools()
    assert len(whole) > 20
    for name, tool in whole.items():
        assert json.loads((await read(agent, f"trunkline://tools/{name}"))["text"]) == tool
        Draft202012Validator.check_schema(tool["outputSchema"])


PROMPT = {"type": "ref/prompt", "name": "watch_for_event"}
TYPE = {"type": "ref/resource", "uri": "trunkline://event-types/{name}"}
TOOL = {"type": "ref/resource", "uri": "trunkline://tools/{name}"}


@pytest.mark.parametrize("version", ERAS)
@pytest.mark.parametrize(
    ("place", "value", "names"),
    [
        ((PROMPT, "type"), "payment", ["payment.failed", "payment.succeeded"]),
        ((TYPE, "name"), "FAILED", ["payment.failed"]),
        ((TOOL, "name"), "create_", ["create_affiliate", "create_client", "create_lead"]),
        ((PROMPT, "task"), "p", []),
        ((TOOL, "name"), "no_such", []),
        (({"type": "ref/prompt", "name": "no_such"}, "type"), "p", []),
    ],
)
async def test_names_are_completed(api, version, place, value, names):
    ref, argument = place
    params = {"ref": ref, "argument": {"name": argument, "value": value}}
    told = (await Conversation(api.client, version).ask("completion/complete", params))["completion"]
    assert told == {"values": names, "total": len(names), "hasMore": False}


async def test_only_tools_that_the_key_may_use_are_completed(api):
    reader = Conversation(await api.client_of(api.company_id, ["integrations:read"]))
    params = {"ref": TOOL, "argument": {"name": "name", "value": "create_"}}
    assert (await reader.ask("completion/complete", params))["completion"]["values"] == []


async def test_pages_of_the_documentation_are_markdown(api, agent):
    page = await read(agent, "trunkline://docs/actions/create_lead")
    assert page["text"].encode() == (await api.anonymous.get("/docs/events/actions/create_lead.md")).content
    listed = {entry["uri"]: entry for entry in (await agent.ask("resources/list"))["resources"]}
    assert listed["trunkline://docs/actions/create_lead"]["title"] == "Create Lead"


@pytest.mark.own_hub(settings={"plugins.disabled": '["docs"]'})
async def test_without_the_documentation_there_are_the_event_types(agent):
    listed = (await agent.ask("resources/list"))["resources"]
    assert {entry["uri"].partition("://")[2].partition("/")[0] for entry in listed} == {"event-types"}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "trunkline://event-types/no.such",
        "trunkline://tools/no_such",
        "trunkline://events/1",
        "trunkline://events/x",
        "trunkline://docs/../../etc/passwd",
        "file:///etc/passwd",
        "trunkline://docs/",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize(("version", "code"), [(MODERN, -32602), (HANDSHAKE[-1], -32002)])
async def test_an_unknown_address_is_told_back_with_the_code_of_its_era(api, uri, version, code):
    error = await Conversation(api.client, version).error("resources/read", {"uri": uri})
    assert (error["code"], error["data"]) == (code, {"uri": uri[:2000]})


async def test_any_key_may_read_and_the_answer_may_be_kept(api):
    conversation = Conversation(await api.client_of(api.company_id, ["webhooks:write"]))
    answer = await conversation.ask("resources/read", {"uri": TYPES})
    assert (answer["ttlMs"], answer["cacheScope"]) == (60_000, "private")
    assert (await conversation.ask("prompts/list"))["prompts"] == []


@pytest.mark.parametrize("version", ERAS)
async def test_prompts_name_the_tools_and_carry_what_they_were_given(api, version):
    conversation = Conversation(api.client, version)
    listed = {prompt["name"]: prompt for prompt in (await conversation.ask("prompts/list"))["prompts"]}
    assert list(listed) == ["watch_for_event", "find_out_why"]
    assert [argument["name"] for argument in listed["watch_for_event"]["arguments"]] == ["type", "task"]
    given = {"type": "payment.failed", "task": "add a note"}
    watched = await conversation.ask("prompts/get", {"name": "watch_for_event", "arguments": given})
    (message,) = watched["messages"]
    assert message["role"] == "user"
    for words in (
        "payment.failed",
        "add a note",
        "get_recent_events",
        "idempotency_key",
        f"{TYPES}/payment.failed",
    ):
        assert words in message["content"]["text"]
    tools = await conversation.tools()
    assert {"get_recent_events", "explain_event"} <= set(tools)


async def test_a_prompt_without_its_optional_arguments_asks_for_what_it_needs(agent):
    without = await agent.ask("prompts/get", {"name": "find_out_why"})
    text = without["messages"][0]["content"]["text"]
    assert "get_recent_events" in text
    assert "ask me for its type and time" in text
    known = await agent.ask(
        "prompts/get", {"name": "find_out_why", "arguments": {"event_id": "7", "target": "Zapier"}}
    )
    text = known["messages"][0]["content"]["text"]
    assert text.startswith("Find out why the event 7 did not arrive at Zapier")
    assert "get_recent_events" not in text


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("no_such", {}, "There is no prompt 'no_such' here"),
        ("watch_for_event", {}, "type is required"),
        ("watch_for_event", {"type": ""}, "type is required"),
        ("watch_for_event", {"type": "a", "shoe": "b"}, "shoe is not known here"),
        ("watch_for_event", {"type": "a" * 1001}, "type must have 1000 or fewer characters, not 1001"),
        ("watch_for_event", {"type": 7}, ""),
    ],
)
async def test_a_prompt_that_cannot_be_is_an_error_that_names_why(agent, name, arguments, sentence):
    error = await agent.error("prompts/get", {"name": name, "arguments": arguments})
    assert error["code"] == -32602
    assert sentence in error["message"]


async def test_numbers_of_an_example_keep_their_digits(tmp_path, sqlite_database_url, make_hub):
    (tmp_path / "events").mkdir()
    schema = {
        "title": "Paid",
        "description": "Paid.",
        "type": "object",
        "properties": {"sum": {"type": "number"}},
    }
    document = orjson.dumps(schema)[:-1] + b',"examples":[{"sum":99.00}]}'
    (tmp_path / "events" / "bill.paid.json").write_bytes(document)
    hub = await make_hub(
        sqlite_database_url, {"product.schemas": f"whitelabelcro,{tmp_path}"}, dispatch=False
    )
    text = (await read(Conversation(hub.client), f"{TYPES}/bill.paid"))["text"]
    assert '"example":{"sum":99.00}' in text
