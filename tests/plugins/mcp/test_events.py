"""MCP Events by polling: the types to poll, the start and the cursor of a poll, and the events that it leaves out."""

import orjson
import pytest
from jsonschema import Draft202012Validator
from tests.plugins.mcp.conversation import ERAS, HANDSHAKE, MODERN, Conversation
from tests.statements import execute

from trunkline.model import cursors

EXTENSION = "io.modelcontextprotocol/events"


def ids(page) -> list[int]:
    return [int(event["eventId"]) for event in page["events"]]


async def test_both_places_say_that_there_are_events(api, agent):
    params = {
        "protocolVersion": HANDSHAKE[-1],
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    for result in (
        await agent.ask("server/discover"),
        await Conversation(api.client, HANDSHAKE[-1]).ask("initialize", params),
    ):
        assert result["capabilities"]["events"] == {}
        assert result["capabilities"]["extensions"][EXTENSION] == {"listChanged": False}
        assert "tools" in result["capabilities"]


@pytest.mark.parametrize("version", ERAS)
async def test_each_event_type_is_listed_with_its_payload_and_what_it_may_be_chosen_by(api, version):
    listed = (await Conversation(api.client, version).ask("events/list"))["events"]
    modes = ["poll", "push", "webhook"] if version == MODERN else ["poll", "webhook"]
    types = {kind.name: kind for kind in api.hub.streaming.types()}
    assert [event["name"] for event in listed] == list(types)
    for event in listed:
        assert event["delivery"] == modes
        Draft202012Validator(event["payloadSchema"]).validate(types[event["name"]].example)
        Draft202012Validator.check_schema(event["inputSchema"])
    by_name = {event["name"]: event["inputSchema"] for event in listed}
    asked = Draft202012Validator(by_name["client.created"])
    for arguments, is_valid in (
        ({}, True),
        ({"client_id": 1, "phone": None}, True),
        ({"status": ["a", "b"]}, True),
        ({"client_id": "1"}, False),
        ({"status": []}, False),
        ({"shoe": 1}, False),
    ):
        assert asked.is_valid(arguments) is is_valid


@pytest.mark.parametrize("version", ERAS)
async def test_a_poll_begins_now_and_goes_on_from_its_cursor(api, version):
    agent = Conversation(api.client, version)
    await api.emit("lead.created")
    begun = await agent.ask("events/poll", {"name": "lead.created"})
    assert (begun["events"], begun["hasMore"], begun["truncated"]) == ([], False, False)
    made = [(await api.emit("lead.created")).event_id for _ in range(3)]
    await api.emit("client.created")
    await api.emit("lead.created", company_id=api.neighbour_id)
    page = await agent.ask("events/poll", {"name": "lead.created", "cursor": begun["cursor"]})
    assert ids(page) == made
    event = page["events"][0]
    stored = (await api.client.get(f"/api/v1/events/{made[0]}")).json()
    assert event == {
        "eventId": str(made[0]),
        "name": "lead.created",
        "timestamp": stored["createdUtc"],
        "data": stored["payload"],
    }
    rest = await agent.ask("events/poll", {"name": "lead.created", "cursor": page["cursor"]})
    assert (rest["events"], rest["nextPollMs"]) == ([], 5000)


async def test_polling_page_by_page_gives_each_event_once_and_in_order(api, agent):
    begun = await agent.ask("events/poll", {"name": "lead.created"})
    made = [(await api.emit("lead.created")).event_id for _ in range(7)]
    seen, cursor, has_more = [], begun["cursor"], True
    while has_more:
        page = await agent.ask("events/poll", {"name": "lead.created", "cursor": cursor, "maxEvents": 3})
        assert page["nextPollMs"] == (1000 if page["hasMore"] else 5000)
        seen, cursor, has_more = seen + ids(page), page["cursor"], page["hasMore"]
    assert seen == made


async def test_a_cursor_of_http_goes_on_here_and_the_other_way_round(api, agent):
    first = await api.emit("lead.created")
    page = (await api.client.get("/api/v1/events", params={"types": "lead.created"})).json()
    second = await api.emit("lead.created")
    polled = await agent.ask("events/poll", {"name": "lead.created", "cursor": page["next_cursor"]})
    assert ids(polled) == [second.event_id] != [first.event_id]
    third = await api.emit("lead.created")
    rest = (await api.client.get("/api/v1/events", params={"cursor": polled["cursor"]})).json()
    assert [event["id"] for event in rest["events"]] == [third.event_id]


async def test_arguments_choose_events_by_their_plain_fields(api, agent):
    begun = await agent.ask("events/poll", {"name": "lead.created"})
    payload = api.events("lead.created")
    made = [
        (await api.emit("lead.created", payload | {"client_id": number, "phone": phone})).event_id
        for number, phone in ((1, "1"), (2, None), (3, "3"))
    ]
    for arguments, wanted in (
        ({}, made),
        ({"client_id": 2}, made[1:2]),
        ({"client_id": [1, 3]}, [made[0], made[2]]),
        ({"phone": None}, made[1:2]),
        ({"client_id": [1, 2], "phone": ["1", None]}, made[:2]),
        ({"client_id": 99}, []),
    ):
        params = {"name": "lead.created", "cursor": begun["cursor"], "arguments": arguments}
        page = await agent.ask("events/poll", params)
        assert ids(page) == wanted, arguments
        assert cursors.decode(page["cursor"]) >= made[-1], "what does not match is passed"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"arguments": {"shoe": 1}}, "'shoe' is not known here; known are client_id, "),
        ({"arguments": {"client_id": "1"}}, "'client_id' must be integer, or a list of such"),
        ({"arguments": {"client_id": True}}, "'client_id' must be integer"),
        ({"arguments": {"client_id": []}}, "'client_id' must have 1 to 50 values"),
        ({"arguments": {"client_id": list(range(51))}}, "'client_id' must have 1 to 50 values"),
        ({"arguments": {"client_id": [[1]]}}, "'client_id' must be integer"),
        ({"cursor": "nonsense"}, "'cursor' is not one that this service gave out"),
        ({"cursor": 7}, ""),
        ({"maxEvents": 0}, ""),
        ({"maxEvents": "5"}, ""),
        ({"maxAgeMs": -1}, ""),
        ({"maxAgeMs": 2**70}, ""),
        ({"arguments": []}, ""),
        ({"name": 7}, ""),
    ],
)
async def test_what_cannot_be_is_invalid_and_named(agent, params, words):
    error = await agent.error("events/poll", {"name": "lead.created"} | params)
    assert error["code"] == -32602
    assert words in error["message"]


@pytest.mark.parametrize(
    ("numbers", "not_found", "forbidden"), [("sketch", -32011, -32012), ("sep-3415", -32023, -32024)]
)
async def test_errors_have_the_numbers_that_are_set(lend_hub, numbers, not_found, forbidden):
    api = await lend_hub("sqlite", {"mcp.error_numbers": numbers}, dispatch=False)
    error = await Conversation(api.client).error("events/poll", {"name": "no.such"})
    assert (error["code"], error["data"]) == (not_found, {"kind": "event"})
    other = Conversation(await api.client_of(api.company_id, ["integrations:read"]))
    error = await other.error("events/poll", {"name": "lead.created"})
    assert (error["code"], error["data"]) == (forbidden, {"scope": "events:read"})
    assert (await other.ask("events/list"))["events"] == []


async def test_old_events_are_left_out_and_that_is_told(api, agent):
    old = {
        "type": "lead.created",
        "payload": api.events("lead.created"),
        "createdUtc": "2026-01-01T00:00:00Z",
    }
    begun = await agent.ask("events/poll", {"name": "lead.created"})
    assert (await api.client.post("/api/v1/events", json=old)).status_code == 201
    new = await api.emit("lead.created")
    params = {"name": "lead.created", "cursor": begun["cursor"]}
    page = await agent.ask("events/poll", params | {"maxAgeMs": 60_000})
    assert (ids(page), page["truncated"]) == ([new.event_id], True)
    page = await agent.ask("events/poll", params)
    assert (len(page["events"]), page["truncated"]) == (2, False)


@pytest.mark.own_hub
async def test_a_cursor_from_before_what_is_kept_goes_on_with_the_oldest_and_says_so(api, agent):
    begun = await agent.ask("events/poll", {"name": "lead.created"})
    made = [(await api.emit("lead.created")).event_id for _ in range(3)]
    await execute(api.hub.engines, f"UPDATE retention SET edge = {made[0]}")
    page = await agent.ask("events/poll", {"name": "lead.created", "cursor": begun["cursor"]})
    assert (ids(page), page["truncated"]) == (made[1:], True)


async def test_digits_stay_as_they_came_in(api, agent):
    begun = await agent.ask("events/poll", {"name": "payment.failed"})
    payload = b'{"payment_id":1,"invoice_id":2,"client_id":3,"amount_attempted":99.00,"failure_reason":"raw-0 \\"x\\""}'
    body = b'{"type":"payment.failed","payload":%b}' % payload
    await api.client.post("/api/v1/events", content=body, headers={"content-type": "application/json"})
    for version in (MODERN, HANDSHAKE[-1]):
        params = {"name": "payment.failed", "cursor": begun["cursor"]}
        answer = await Conversation(api.client, version).send("events/poll", params)
        assert b'"data":%b' % payload in answer.content.replace(b'"data": ', b'"data":')
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert orjson.loads(answer.content)["result"]["events"][0]["data"]["amount_attempted"] == 99.0
