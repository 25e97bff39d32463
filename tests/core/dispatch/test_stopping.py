"""Stopping and starting a dispatcher under load: nothing is lost, and little is sent twice."""

import asyncio
from collections import Counter

import pytest

from trunkline.store import shards as shard_store
from trunkline_kit.receiver import Answer, Hang


@pytest.mark.slow
async def test_a_hub_that_is_stopped_and_started_again_and_again_under_load_loses_nothing(
    open_house, receiver
):
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


async def test_results_whose_writing_was_cut_off_by_a_stop_are_written_before_the_cursor_moves(
    open_house, receiver, monkeypatch
):
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


async def test_what_hangs_when_a_hub_stops_is_tried_again_by_the_next(open_house, receiver):
    receiver.script([Hang(), Hang()])
    async with open_house(timeout_seconds=20) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(2, to=[no])
        await receiver.wait_for(2)
    async with open_house() as house:
        await house.check_settled(delivered=2)
    assert receiver.count == 4


async def test_a_hub_that_has_stopped_holds_no_shard_and_no_claim(open_house, receiver):
    receiver.script([Answer(200, delay_seconds=20)])
    async with open_house(timeout_seconds=30) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(to=[no])
        await house.until_statuses(pending=1)
    async with open_house(dispatch=False) as house:
        [row] = await house.rows()
        assert (row.status, row.claimed_by) == ("pending", None)
        assert {s["holder"] for s in await house.query("SELECT holder FROM shards")} == {None}
        assert await house.query("SELECT id FROM workers") == []
