"""Stopping and starting a dispatcher under load: nothing is lost, and little is sent twice."""

import asyncio
from collections import Counter

import pytest

from trunkline.dispatch.attempts import runner
from trunkline.store import shards as shard_store
from trunkline_kit.receiver import Hang


@pytest.mark.slow
async def test_a_hub_that_is_stopped_and_started_under_load_loses_nothing(open_house, receiver):
    receiver.answer(200, delay_seconds=0.02)
    no = None
    for _ in range(5):
        async with open_house(concurrency_per_subscription=16) as house:
            no = no or await house.subscribe(f"{receiver.url}/h")
            await house.emit(120, to=[no])
    async with open_house() as house:
        await house.check_settled(delivered=600)
    times = Counter(request.headers["webhook-id"] for request in receiver.requests)
    assert len(times) == 600
    assert max(times.values()) == 1, "a hub that stops in good order waits for what is in flight"


async def test_results_that_a_stop_cut_off_are_written_by_the_next_hub(open_house, receiver, monkeypatch):
    reached = asyncio.Event()
    advance = shard_store.advance

    async def slow_once(*arguments):
        if not reached.is_set():
            reached.set()
            await asyncio.sleep(30)
        return await advance(*arguments)

    receiver.answer(500)
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        monkeypatch.setattr(shard_store, "advance", slow_once)
        await house.emit(3, to=[no])
        await receiver.wait_for(3)
        await reached.wait()
    monkeypatch.undo()
    receiver.answer(200)
    async with open_house() as house:
        await house.check_settled(delivered=3)
    assert sorted(r.headers["trunkline-attempt"] for r in receiver.requests) == ["1", "1", "1", "2", "2", "2"]


async def test_what_hangs_when_a_hub_stops_is_held_by_nobody_and_tried_again_by_the_next(
    open_house, receiver, monkeypatch
):
    monkeypatch.setattr(runner, "SLOW_SECONDS", 0.3)
    receiver.script([Hang(), Hang()])
    async with open_house(timeout_seconds=20) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(2, to=[no])
        await receiver.wait_for(2)
        await house.until_statuses(pending=2)
    async with open_house(dispatch=False) as house:
        assert [(row.status, row.claimed_by) for row in await house.rows()] == [("pending", None)] * 2
        assert {s["holder"] for s in await house.query("SELECT holder FROM shards")} == {None}
        assert await house.query("SELECT id FROM workers") == []
    async with open_house() as house:
        await house.check_settled(delivered=2)
    assert receiver.count == 4
