"""A checklist of MCP Events against ``trunkline serve``, over real sockets and without a client's help.

The protocol's own suite has no released scenarios of events. These tests have its five subjects (discovery, poll, push, webhook,
webhook delivery). Each test takes a client's steps and checks the demands of SEP-3415 at each step. Refusals, and effects over time,
are in the other modules.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from tests.answers import json_of
from tests.plugins.mcp.callbacks import Callback
from tests.plugins.mcp.conversation import MODERN, Conversation
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TYPE = "payment.failed"
PAYMENT = {
    "payment_id": 1, "invoice_id": 2, "client_id": 3, "amount_attempted": 99.5, "failure_reason": "Declined",
}  # fmt: skip
DELIVERY = {"poll", "push", "webhook"}
MODERN_RESULT = {"resultType", "_meta"}


@pytest.fixture
async def agent(served_hub) -> AsyncIterator[Conversation]:
    headers = {"Authorization": f"Bearer {served_hub.key}"}
    async with httpx2.AsyncClient(base_url=served_hub.url, headers=headers, timeout=60) as http:
        yield Conversation(http)


async def happen(agent: Conversation, client_id: int = 3) -> str:
    """Let a payment fail; return the event's id."""
    body = {"type": TYPE, "payload": PAYMENT | {"client_id": client_id}}
    return str(json_of(await agent.http.post("/api/v1/events", json=body), 201)["id"])


def is_occurrence(event: dict[str, Any], *, has_cursor: bool) -> bool:
    """Tell whether *event* has exactly the members of an occurrence, of their kinds."""
    assert set(event) - {"_meta"} == {"eventId", "name", "timestamp", "data"} | (
        {"cursor"} if has_cursor else set()
    )
    assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
    assert all(isinstance(event[name], str) for name in ("eventId", "name"))
    assert not has_cursor or isinstance(event["cursor"], str)
    return isinstance(event["data"], dict)


async def test_discovery(agent):
    found = await agent.ask("server/discover")
    assert "events" in found["capabilities"], "clients of the sketch look here"
    assert "io.modelcontextprotocol/events" in found["capabilities"]["extensions"], (
        "the proposal says so here"
    )
    assert MODERN in found["supportedVersions"]
    listed = await agent.ask("events/list")
    assert set(listed) > MODERN_RESULT
    assert listed.get("nextCursor") is None
    for event in listed["events"]:
        assert {"name", "description", "delivery", "inputSchema", "payloadSchema"} <= set(event)
        assert event["delivery"]
        assert set(event["delivery"]) <= DELIVERY
        for schema in (event["inputSchema"], event["payloadSchema"]):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
    assert [event["name"] for event in listed["events"]] == [
        event["name"] for event in (await agent.ask("events/list"))["events"]
    ]
    assert (await agent.error("events/poll", {"name": "no.such"}))["code"] == -32011


async def test_poll(agent):
    first = await agent.ask("events/poll", {"name": TYPE, "cursor": None})
    assert (first["events"], first["hasMore"], first["truncated"]) == ([], False, False)
    assert isinstance(first["cursor"], str)
    assert first["nextPollMs"] >= 1_000
    ids = [await happen(agent, number) for number in (3, 4, 5)]
    page = await agent.ask("events/poll", {"name": TYPE, "cursor": first["cursor"], "maxEvents": 2})
    assert ([event["eventId"] for event in page["events"]], page["hasMore"]) == (ids[:2], True)
    assert all(is_occurrence(event, has_cursor=False) for event in page["events"])
    rest = await agent.ask("events/poll", {"name": TYPE, "cursor": page["cursor"]})
    assert ([event["eventId"] for event in rest["events"]], rest["hasMore"]) == (ids[2:], False)
    again = await agent.ask("events/poll", {"name": TYPE, "cursor": page["cursor"]})
    assert again["events"] == rest["events"], "a poll has no state: the same cursor gives the same"
    assert (await agent.ask("events/poll", {"name": TYPE, "cursor": rest["cursor"]}))["events"] == []
    chosen = {"name": TYPE, "arguments": {"client_id": [4]}, "cursor": first["cursor"]}
    assert [event["eventId"] for event in (await agent.ask("events/poll", chosen))["events"]] == ids[1:2]
    assert (await agent.error("events/poll", {"name": TYPE, "cursor": "nonsense"}))["code"] == -32602
    assert (await agent.error("events/poll", chosen | {"arguments": {"x": 1}}))["code"] == -32602


@contextlib.asynccontextmanager
async def streamed(
    agent: Conversation, params: dict[str, Any]
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    message = agent.message("events/stream", params)

    async def messages(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
        async for line in answer.aiter_lines():
            if line.startswith("data:") and (text := line.removeprefix("data:").strip()):
                told = json.loads(text)
                meta = told.get("params", {}).get("_meta", {})
                assert meta.get("io.modelcontextprotocol/subscriptionId") == message["id"]
                yield told

    head = agent.head("events/stream", params)
    async with agent.http.stream("POST", "/mcp", content=json.dumps(message), headers=head) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer)


async def test_push(agent):
    async with streamed(agent, {"name": TYPE}) as messages, asyncio.timeout(60):
        opened = await anext(messages)
        assert opened["method"] == "notifications/events/active"
        assert opened["params"]["truncated"] is False
        event_id = await happen(agent)
        async for told in messages:
            if told["method"] == "notifications/events/event":
                break
            assert told["method"] == "notifications/events/heartbeat"
        event = {name: value for name, value in told["params"].items() if name != "_meta"}
        assert is_occurrence(event, has_cursor=True)
        assert event["eventId"] == event_id
    polled = await agent.ask("events/poll", {"name": TYPE, "cursor": opened["params"]["cursor"]})
    assert polled["events"][0]["eventId"] == event_id, "a stream's cursor goes on by poll"
    assert polled["events"][0]["data"] == event["data"]
    refused = await agent.send("events/stream", {"name": "no.such"})
    assert refused.json()["error"]["code"] == -32011, "what cannot be opened is an answer, not a stream"


async def test_webhook(agent, receiver):
    callback = Callback(receiver, path="/hooks/webhook")
    params = {"name": TYPE, "delivery": callback.delivery, "ttlMs": 600_000}
    made = await agent.ask("events/subscribe", params)
    assert {"id", "refreshBefore", "cursor", "truncated"} <= set(made)
    assert made["truncated"] is False
    assert 0 < (datetime.fromisoformat(made["refreshBefore"]) - datetime.now(tz=UTC)).total_seconds() <= 610
    assert [control["type"] for control in callback.controls] == ["verification"]
    assert callback.heads[0]["x-mcp-subscription-id"] == made["id"]
    assert len(callback.controls[0]["challenge"]) >= 32
    again = await agent.ask("events/subscribe", params)
    assert again["id"] == made["id"], "the same again renews it"
    assert len(callback.controls) == 1, "an address that has answered is not asked again"
    assert again["deliveryStatus"]["active"] is True
    unsubscribe = {"name": TYPE, "arguments": {}, "delivery": {"url": callback.url}}
    for _ in range(2):
        assert set(await agent.ask("events/unsubscribe", unsubscribe)) <= MODERN_RESULT
    wrong = {"mode": "webhook", "url": callback.url, "secret": "too-short"}
    assert (await agent.error("events/subscribe", params | {"delivery": wrong}))["code"] == -32602


async def test_webhook_delivery(agent, receiver):
    callback = Callback(receiver, path="/hooks/delivery")
    now = (await agent.ask("events/poll", {"name": TYPE}))["cursor"]
    params = {"name": TYPE, "arguments": {"client_id": 7}, "delivery": callback.delivery}
    made = await agent.ask("events/subscribe", params)
    event_id = await happen(agent, 7)
    await happen(agent, 8)
    await until(lambda: callback.events)
    (event,) = callback.events
    head = callback.heads[-1]
    assert is_occurrence(event, has_cursor=True)
    assert (event["eventId"], head["webhook-id"]) == (event_id, event_id)
    assert head["x-mcp-subscription-id"] == made["id"]
    assert head["webhook-signature"].startswith("v1,"), "and the receiver has verified it"
    assert head["content-type"].startswith("application/json")
    assert "type" not in event, "only control messages have one"
    polled = await agent.ask("events/poll", {"name": TYPE, "arguments": {"client_id": 7}, "cursor": now})
    assert [found["data"] for found in polled["events"]] == [event["data"]], "the same by poll"
    await agent.ask(
        "events/unsubscribe", {"name": TYPE, "arguments": {"client_id": 7}, "delivery": {"url": callback.url}}
    )
    await happen(agent, 7)
    await asyncio.sleep(1)
    assert len(callback.events) == 1
