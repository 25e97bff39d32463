"""Events that a client of MCP Events by webhook will not get, and the reports about them: gaps, and suspension."""

import asyncio

import pytest
from tests.plugins.mcp.callbacks import Callback
from tests.plugins.mcp.conversation import Conversation
from tests.statements import execute
from tests.waiting import until

from trunkline.model import cursors
from trunkline.store import retention
from trunkline_kit.receiver.replies import Answer

TYPE = "payment.failed"
SETTINGS = {
    "mcp.suspend_after_failures": "4",
    "mcp.suspend_after_seconds": "0",
    "mcp.retry_schedule_seconds": "0.1,0.1,0.1,60",
}


class Watcher:
    """A subscription to ``payment.failed``, and its administrator's actions."""

    def __init__(self, running, receiver):
        self.running = running
        self.agent = Conversation(running.client)
        self.callback = Callback(receiver)

    async def subscribe(self):
        return await self.agent.ask("events/subscribe", {"name": TYPE, "delivery": self.callback.delivery})

    async def emit(self, count: int = 1) -> list[int]:
        return [(await self.running.emit(TYPE)).event_id for _ in range(count)]

    async def view(self):
        answer = await self.running.client.get("/api/v1/subscriptions", params={"channel": "mcp"})
        (view,) = answer.json()["subscriptions"]
        return view

    async def set(self, **changes) -> None:
        path = f"/api/v1/subscriptions/{(await self.view())['id']}"
        assert (await self.running.client.patch(path, json=changes)).status_code == 200

    async def miss(self) -> list[int]:
        """Receive one event, pause, and miss three."""
        await self.subscribe()
        await self.emit()
        await self.callback.until(1)
        await self.set(status="paused")
        return await self.emit(3)

    @property
    def kinds(self) -> list[str]:
        return [each["type"] for each in self.callback.controls]


@pytest.fixture
async def watcher(lend_hub, receiver) -> Watcher:
    return Watcher(await lend_hub("sqlite", SETTINGS), receiver)


async def test_what_is_removed_during_a_pause_is_told_as_a_gap_and_the_rest_is_sent(watcher):
    missed = await watcher.miss()
    async with watcher.running.hub.engines.write() as connection:
        removed = await retention.remove(connection, missed[:2])
    assert removed["events"] == 2
    await watcher.set(status="active")
    await until(lambda: watcher.kinds == ["verification", "gap"])
    gap, head = watcher.callback.controls[-1], watcher.callback.heads[-1]
    assert set(gap) == {"type", "cursor"}
    assert missed[1] <= cursors.decode(gap["cursor"])  # up to it, every event was sent or left out
    await watcher.callback.until(2)
    assert watcher.callback.ids[1:] == missed[2:]
    told = [head for head in watcher.callback.heads if head["webhook-id"].startswith("msg_gap_")]
    assert len(told) == 1
    assert told[0]["x-mcp-subscription-id"] == head["x-mcp-subscription-id"]
    polled = await watcher.agent.ask("events/poll", {"name": TYPE, "cursor": gap["cursor"]})
    assert polled["truncated"] is False, "the client goes on from there"
    assert (await watcher.subscribe())["truncated"] is False, "it has been told"


async def test_a_gap_that_is_not_taken_is_told_again_under_the_same_id(watcher, monkeypatch):
    monkeypatch.setattr("trunkline.dispatch.upkeep.gaps.WAITS_SECONDS", (0.1,) * 400)
    missed = await watcher.miss()
    watcher.callback.challenged = Answer(503)
    await watcher.set(status="active", catch_up=False)
    await until(lambda: "gap" in watcher.kinds)
    told = watcher.kinds.count("gap")
    watcher.callback.challenged = None
    await until(lambda: watcher.kinds.count("gap") == told + 1)
    ids = {each["webhook-id"] for each in watcher.callback.heads if "gap" in each["webhook-id"]}
    assert len(ids) == 1
    assert cursors.decode(watcher.callback.controls[-1]["cursor"]) >= missed[-1]
    after = await watcher.emit()
    assert (await watcher.callback.until(2))[1:] == after


async def test_nothing_is_told_of_one_that_is_deleted_meanwhile(watcher, monkeypatch, caplog):
    monkeypatch.setattr("trunkline.dispatch.upkeep.gaps.WAITS_SECONDS", (0.1,) * 400)
    await watcher.miss()
    watcher.callback.challenged = Answer(503)
    await watcher.set(status="active", catch_up=False)
    await until(lambda: "gap" in watcher.kinds)
    await execute(watcher.running.hub.engines, "UPDATE subscriptions SET status = 'deleted'")
    with caplog.at_level("INFO", "trunkline"):
        await until(lambda: "subscription_ended" in [getattr(each, "error", "") for each in caplog.records])
        told = watcher.kinds.count("gap")
        caplog.clear()
        await until(lambda: "subscription_ended" in [getattr(each, "error", "") for each in caplog.records])
    assert watcher.kinds.count("gap") == told


async def test_whoever_renews_is_told_of_a_gap_that_nobody_took(watcher):
    await watcher.miss()
    watcher.callback.challenged = Answer(503)
    await watcher.set(status="active", catch_up=False)
    await until(lambda: "gap" in watcher.kinds)
    assert [(await watcher.subscribe())["truncated"] for _ in range(2)] == [True, False]


async def test_catching_up_that_is_cancelled_leaves_a_gap(watcher):
    missed = await watcher.miss()
    watcher.callback.reply = Answer(503, headers={"retry-after": "600"})
    await watcher.set(status="active")
    await watcher.callback.until(4)
    running = watcher.running
    [replay] = await running.hub.replays.of_subscription(
        running.company_id, (await watcher.view())["id"], channel="mcp"
    )
    assert replay["status"] == "running"
    assert (await running.client.delete(f"/api/v1/replays/{replay['id']}")).status_code == 204
    await until(lambda: "gap" in watcher.kinds)
    assert cursors.decode(watcher.callback.controls[-1]["cursor"]) >= missed[-1]


async def test_a_pause_that_misses_nothing_makes_no_gap(watcher):
    missed = await watcher.miss()
    await watcher.set(status="active")
    assert (await watcher.callback.until(4))[1:] == missed
    await watcher.set(status="paused")
    await watcher.set(status="active", catch_up=False)
    await asyncio.sleep(1.5)
    assert watcher.kinds == ["verification"]


async def test_one_that_only_fails_is_suspended_until_it_is_renewed_and_then_gets_all(watcher):
    await watcher.subscribe()
    watcher.callback.reply = Answer(500)
    made = await watcher.emit()
    async with asyncio.timeout(60):
        while (view := await watcher.view())["status"] == "active":
            await asyncio.sleep(0.05)
    assert view["disabled_reason"] == "failing"
    made += await watcher.emit(2)
    watcher.callback.reply = Answer(204)
    before = len(watcher.callback.events)
    answer = await watcher.subscribe()
    assert answer["truncated"] is False
    status = answer["deliveryStatus"]
    assert (status["active"], status["lastError"]) == (False, "http_5xx")
    assert status["failedSince"][:19] <= view["disabled_utc"][:19]
    await until(lambda: {int(event["eventId"]) for event in watcher.callback.events[before:]} == set(made))
    assert (await watcher.subscribe())["deliveryStatus"]["active"] is True
