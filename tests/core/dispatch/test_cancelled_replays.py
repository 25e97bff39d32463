"""Cancelling a replay withdraws the deliveries that have not begun, on both databases."""

import asyncio
import time

import pytest

from trunkline.store import replays
from trunkline_kit.receiver import Answer


async def replay_and_cancel(house, no, receiver, *, begun):
    """Replay everything, cancel after *begun* more pushes; return the number of pushes within a second, and after it."""
    before = receiver.count
    replay_id = await house.replay(no)
    await house.until(lambda: receiver.count >= before + begun)
    await house.hub.replays.cancel(92, replay_id)
    await asyncio.sleep(1)
    within = receiver.count
    await asyncio.sleep(1.2)
    assert (await house.hub.replays.get(92, replay_id))["status"] == "cancelled"
    return within - before, receiver.count - within


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param({"rate": "10/second"}, id="rate", marks=pytest.mark.slow),
        pytest.param({"max_in_flight": 1}, id="in flight", marks=pytest.mark.slow),
        pytest.param({"ordering": "subscription"}, id="order", marks=pytest.mark.slow),
        pytest.param({"ordering": {"key": "/payload/status_id"}, "rate": "10/second"}, id="order and rate"),
    ],
)
async def test_a_cancelled_replay_ends_within_a_second_and_all_is_as_it_was(open_house, receiver, options):
    async with open_house(concurrency_per_subscription=1) as house:
        no = await house.subscribe(receiver.url, **({} if "rate" in options else options))
        await house.deliver(150, to=[no])
        receiver.answer(delay_seconds=0.1)
        await house.change(no, **options)
        await house.until(house.routing_is_fresh)
        within, after = await replay_and_cancel(house, no, receiver, begun=5)
        assert after == 0
        assert within < 40
        await house.check_settled(delivered=150)
        assert not await house.query("SELECT 1 FROM replays WHERE withdrawing IS NOT NULL")
        receiver.answer()
        await house.emit(1, to=[no])
        await house.check_settled(delivered=151)


async def test_a_cancelled_replay_in_an_order_is_taken_back_piece_by_piece(open_house, receiver, monkeypatch):
    monkeypatch.setattr(replays, "PIECE", 20)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, ordering={"key": "/payload/status_id"})
        for client in range(1, 13):
            await house.emit(10, to=[no], status_id=client)
        await house.check_settled()
        receiver.answer(delay_seconds=0.1)
        _, after = await replay_and_cancel(house, no, receiver, begun=5)
        assert after == 0
        await house.check_settled(delivered=120)

        async def is_withdrawn():
            return not await house.query("SELECT 1 FROM replays WHERE withdrawing IS NOT NULL")

        await house.until(is_withdrawn)
        receiver.answer()
        await house.deliver(1, to=[no])


async def test_failures_of_a_cancelled_replay_are_exhausted_and_older_open_ones_go_on(open_house, receiver):
    async with open_house(retry_schedule_seconds="1.5,1.5") as house:
        no = await house.subscribe(receiver.url)
        delivered = await house.deliver(1, to=[no])
        receiver.answer(500)
        pending = await house.emit(1, to=[no])
        await house.until(lambda: receiver.count == 2)
        _, after = await replay_and_cancel(house, no, receiver, begun=2)
        assert after <= 1  # only deliveries that were open before the replay
        receiver.answer()
        await house.check_settled()
        statuses = {row.position: row.status for row in await house.rows()}
    assert statuses[delivered[0]] == "exhausted"
    assert statuses[pending[0]] in {"delivered", "exhausted"}


async def test_events_of_a_cancelled_replay_alone_are_skipped_and_may_be_replayed(open_house, receiver):
    receiver.answer(delay_seconds=0.1)
    async with open_house() as house:
        await house.emit(60)
        no = await house.subscribe(receiver.url, max_in_flight=1)
        _, after = await replay_and_cancel(house, no, receiver, begun=3)
        assert after == 0
        counted = await house.statuses()
        assert counted["skipped"] > 10
        assert set(counted) == {"delivered", "skipped"}
        receiver.answer()
        await house.replay(no)
        await house.until_statuses(no, delivered=60)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_another_worker_gives_back_what_it_has_in_memory_of_a_cancelled_replay(open_house, receiver):
    receiver.script([Answer()] * 100)
    async with (
        open_house(concurrency_per_subscription=2) as house,
        open_house(concurrency_per_subscription=2),
    ):
        no = await house.subscribe(receiver.url)
        await house.deliver(100, to=[no])
        receiver.answer(delay_seconds=0.15)
        began = time.monotonic()
        _, after = await replay_and_cancel(house, no, receiver, begun=8)
        assert after == 0
        await house.check_settled(delivered=100)
        assert time.monotonic() - began < 10
