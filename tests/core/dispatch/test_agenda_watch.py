"""Work that a worker finds without a wake-up, and the cost of looking for it."""

import asyncio
import time

import pytest
from tests.waiting import until

from trunkline.dispatch.ledger.settlement import Settlement

IDLE_SECONDS = 2.0
KINDS = 9
"""Statements of an idle hub: of its worker one for all lanes, one for the event types, and one or two for the leases; of its
services the clock, the figures of the metrics, and whether the log can be written; and one that comes every few seconds."""


@pytest.fixture
def soon(monkeypatch):
    """Let workers look ten times as often as usual."""
    monkeypatch.setattr("trunkline.dispatch.dispatcher.LOOK_SECONDS", 0.1)


@pytest.mark.usefixtures("soon")
async def test_what_another_process_has_made_due_is_delivered(open_house, receiver):
    async with open_house(retry_schedule_seconds="600") as house:
        receiver.answer(500)
        no = await house.subscribe(f"{receiver.url}/h")
        [position] = await house.emit(to=[no])
        await until(lambda: len(receiver.requests) == 1)
        await house.until_statuses(pending=1)
        receiver.answer(200)
        await house.execute("UPDATE deliveries SET due_ms = 1 WHERE position = :position", position=position)
        await house.check_settled()


@pytest.mark.usefixtures("soon")
async def test_events_and_changes_are_found_whose_wake_up_was_lost(open_house, receiver, monkeypatch):
    async with open_house() as house:
        monkeypatch.setattr(house.hub.wakeup, "announce", lambda _: None)
        no = await house.subscribe(f"{receiver.url}/h")
        await until(house.routing_is_fresh)
        await house.deliver(to=[no])


async def test_an_idle_hub_looks_for_everything_with_few_statements(open_house, statements, monkeypatch):
    flushes, flush = [], Settlement.flush

    async def counted_flush(self, **more):
        flushes.append(1)
        await flush(self, **more)

    monkeypatch.setattr(Settlement, "flush", counted_flush)
    monkeypatch.setattr("trunkline.dispatch.upkeep.publishing.MINUTES_SECONDS", 600)
    async with open_house() as house:
        await house.until(house.is_read)
        for _ in range(5):  # what a slow start leaves may come in the first spans
            statements.clear()
            flushes.clear()
            began = time.monotonic()
            await asyncio.sleep(IDLE_SECONDS)
            seconds = time.monotonic() - began
            if len(set(statements)) <= KINDS:
                break
        assert 2 <= len(set(statements)) <= KINDS, statements  # a busy machine comes to fewer in this time
        assert len(statements) <= 5 * seconds
        assert len(flushes) <= 2 * seconds
