"""Several workers on one PostgreSQL: shards are shared, taken over and fenced."""

import asyncio
import itertools
from collections import Counter

import orjson
import pytest
from tests.core.dispatch.conftest import answer_after
from tests.waiting import until

from trunkline.dispatch.leases import leases as leases_module
from trunkline.dispatch.leases.leases import Leases
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.events import shard_of
from trunkline.model.parts import Slice
from trunkline.store import shards as shard_store
from trunkline.store.wakeup import Signal
from trunkline_kit.receiver import Answer

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def _frequent_renewals(monkeypatch):
    """Let workers take shards soon, and lose none although they are held up."""
    monkeypatch.setattr(leases_module, "LEASE_MS", 60_000)
    monkeypatch.setattr(leases_module, "RENEW_SECONDS", 0.2)


@pytest.fixture
def short_leases(monkeypatch):
    """Let the shards of a worker that is gone be taken soon."""
    monkeypatch.setattr(leases_module, "LEASE_MS", 1_200)


def _shares(*houses):
    return sorted(len(house.hub.dispatcher.owned_shards) for house in houses)


async def _kill(house):
    """End a worker's tasks as a crash does: no lease is given back, nothing more is written."""
    dispatcher = house.hub.dispatcher
    for task in dispatcher._tasks.values():
        task.cancel()
    for job in list(dispatcher._runner._running):
        job.task.cancel()
    await asyncio.gather(*dispatcher._tasks.values(), return_exceptions=True)


async def _has_settled(house, count):
    return (await house.statuses())["delivered"] >= count


async def _bury(house):
    """Let a killed hub leave without touching the database."""
    house.hub.dispatcher._runner.results.take(100)
    house.hub.dispatcher._settlement._unwritten = None
    house.hub.dispatcher._owned.progress.clear()


async def test_workers_share_the_shards_evenly_and_the_last_one_has_them_all(open_house):
    async with open_house() as first:
        await until(lambda: _shares(first) == [16])
        async with open_house() as second, open_house() as third:
            await until(lambda: _shares(first, second, third) == [4, 6, 6])
            holders = Counter(row["holder"] for row in await first.query("SELECT holder FROM shards"))
            assert None not in holders
            assert sorted(holders.values()) == [4, 6, 6]
        await until(lambda: _shares(first) == [16])


@pytest.mark.slow
async def test_two_workers_deliver_each_event_once_while_shards_move_between_them(open_house, receiver):
    async with open_house() as first:
        numbers = {
            company: await first.subscribe(f"{receiver.url}/h", company=company) for company in range(1, 25)
        }
        stop = asyncio.Event()

        async def keep_emitting():
            while not stop.is_set():
                for company, no in numbers.items():
                    await first.emit(company=company, to=[no])

        writers = [asyncio.create_task(keep_emitting()) for _ in range(2)]
        for _ in range(2):
            async with open_house() as second:
                await first.until(lambda second=second: _shares(first, second) == [8, 8])
            await first.until(lambda: _shares(first) == [16])
        stop.set()
        await asyncio.gather(*writers)
        await first.check_settled()
        assert set(await first.statuses()) == {"delivered"}
        times = Counter(request.headers["webhook-id"] for request in receiver.requests)
        assert len(times) == len(first.matched)
        again = sum(count - 1 for count in times.values())
    assert again == 0, f"{again} of {len(times)} were sent twice although every worker left in good order"


@pytest.mark.slow
async def test_of_a_killed_worker_only_what_was_in_flight_is_sent_twice(open_house, receiver, monkeypatch):
    killed, answered = asyncio.Event(), itertools.count()

    async def reply(connection):
        if next(answered) >= 100:  # so both have something under way when one is killed
            await killed.wait()
        await Answer(200)(connection)

    receiver.always(reply)
    async with open_house(timeout_seconds=60) as first, open_house(timeout_seconds=60) as second:
        await first.until(lambda: _shares(first, second) == [8, 8])
        numbers = {
            company: await first.subscribe(f"{receiver.url}/h", company=company) for company in range(1, 25)
        }
        for company, no in numbers.items():
            await first.emit(20, company=company, to=[no])
        await first.until(lambda: _has_settled(first, 50))
        await first.until(lambda: second.hub.dispatcher._runner.slots.in_use)
        settled = {row.position for row in await first.rows() if row.status == "delivered"}
        await _kill(second)
        killed.set()
        monkeypatch.setattr(leases_module, "LEASE_MS", 1_200)
        await first.check_settled()
        await first.until(lambda: _shares(first) == [16])
        times = Counter(orjson.loads(request.body)["id"] for request in receiver.requests)
        await _bury(second)
    assert len(times) == 480
    assert 50 <= len(settled) < 480
    assert {times[position] for position in settled} == {1}
    assert max(times.values()) <= 2


@pytest.mark.usefixtures("short_leases")
async def test_the_claims_of_a_dead_worker_are_due_as_soon_as_it_is_known_to_be_dead(open_house, receiver):
    receiver.script([Answer(200, delay_seconds=30)])
    async with open_house(timeout_seconds=60) as first:
        no = await first.subscribe(f"{receiver.url}/h")
        await first.emit(to=[no])
        await first.until_statuses(pending=1)
        [row] = await first.rows()
        assert row.claimed_by == first.hub.dispatcher.worker
        async with open_house(timeout_seconds=60) as second:
            await _kill(first)
            await second.check_settled()
            [row] = await second.rows()
            assert (row.status, row.attempts) == ("delivered", 1)
        await _bury(first)
    assert receiver.count == 2


@pytest.mark.usefixtures("short_leases")
async def test_a_worker_that_cannot_renew_stops_reading_before_another_begins(open_house, receiver):
    async with open_house() as first:
        no = await first.subscribe(f"{receiver.url}/h")
        await first.deliver(to=[no])
        first.hub.dispatcher._tasks["leases"].cancel()
        async with open_house() as second:
            await first.until(lambda: _shares(second) == [16])
            await first.deliver(50, to=[no])
    assert receiver.count == 51


@pytest.mark.usefixtures("short_leases")
async def test_a_worker_that_lost_its_shards_cannot_settle_what_it_had_in_flight(open_house, receiver):
    receiver.script([Answer(200, delay_seconds=4), Answer(500)])
    async with open_house(timeout_seconds=10, retry_schedule_seconds="30") as first:
        no = await first.subscribe(f"{receiver.url}/h")
        [position] = await first.emit(to=[no])
        await receiver.wait_for(1)
        first.hub.dispatcher._tasks["leases"].cancel()
        async with open_house(timeout_seconds=10, retry_schedule_seconds="30") as second:
            await first.until_statuses(pending=1)
            await first.until(lambda: first.hub.dispatcher._runner.slots.in_use == 0)
            await first.hub.dispatcher._settlement.flush()
            [row] = await first.rows()
            [attempt] = await first.attempts(position, no)
            await first.until(lambda: _shares(second) == [16])
    assert (row.status, row.attempts, attempt["outcome"]) == ("pending", 1, "retry")


async def test_shards_that_were_to_be_handed_over_are_read_on_when_the_newcomer_is_gone(database):
    owned = OwnedShards("wrk_old", 16)
    old = Leases(database, owned, Signal(), mark_hot=lambda _: None)
    new = Leases(database, OwnedShards("wrk_new", 16), Signal(), mark_hot=lambda _: None)
    await old.renew()
    for progress in owned.progress.values():
        progress.open(progress.live.read + 1, 1)  # an event is open in every shard
    await new.renew()
    await old.renew()
    assert [progress.draining for progress in owned.progress.values()].count(True) == 8
    await new.leave()
    await old.renew()
    assert not any(progress.draining for progress in owned.progress.values())


async def test_a_newcomer_has_its_share_as_soon_as_what_is_under_way_has_ended(database, monkeypatch):
    monkeypatch.setattr(leases_module, "LEASE_MS", 120_000)
    monkeypatch.setattr(leases_module, "RENEW_SECONDS", 60)  # only the checks between two renewals can do it
    owned, taken = OwnedShards("wrk_old", 16), OwnedShards("wrk_new", 16)
    old, new = (Leases(database, each, Signal(), mark_hot=lambda _: None) for each in (owned, taken))
    await old.renew()
    for progress in owned.progress.values():
        progress.open(progress.live.read + 1, 1)
    await new.renew()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(leases.run()) for leases in (old, new)]
        await until(lambda: any(progress.draining for progress in owned.progress.values()))
        for progress in owned.progress.values():
            progress.close(progress.live.read + 1)
        await until(lambda: len(owned.progress) == len(taken.progress) == 8)
        for task in tasks:
            task.cancel()


async def test_a_shard_is_handed_over_while_an_attempt_in_order_hangs(open_house, receiver):
    seen = asyncio.Event()
    receiver.script([Answer(500), answer_after(seen)])
    company = next(n for n in range(1, 999) if shard_of(n, 16) == 15)  # the shard that is given away first
    async with open_house(timeout_seconds=60, retry_schedule_seconds="0.1") as first:
        no = await first.subscribe(f"{receiver.url}/h", company=company, ordering="subscription")
        await first.emit(2, company=company, to=[no])
        await receiver.wait_for(2)
        async with open_house(timeout_seconds=60, retry_schedule_seconds="0.1") as second:
            await first.until(lambda: _shares(first, second) == [8, 8])
            await first.until_statuses(pending=1, held=1)
            seen.set()
            await first.check_settled()
        assert await first.statuses() == Counter(delivered=2)
    assert receiver.count == 3


async def test_a_shard_whose_lease_was_taken_over_is_let_go_of(database):
    owned = OwnedShards("wrk_old", 16)
    leases = Leases(database, owned, Signal(), mark_hot=lambda _: None)
    await leases.renew()
    lost = [owned.progress[Slice(3)], owned.progress[Slice(4)]]
    async with database.write() as connection:
        await shard_store.release(connection, "wrk_old", [progress.lease for progress in lost])
        await shard_store.claim(connection, "wrk_new", limit=2, lease_ms=60_000)
    await leases.renew()
    assert sorted(owned.progress) == [Slice(number) for number in range(16) if number not in {3, 4}]
    assert all(progress.lost for progress in lost)


async def test_shards_whose_claim_went_unanswered_are_read_after_the_next_look(database):
    owned = OwnedShards("wrk_a", 16)
    leases = Leases(database, owned, Signal(), mark_hot=lambda _: None)
    async with database.write() as connection:  # committed, but the connection was lost before the answer
        await shard_store.claim(connection, "wrk_a", limit=16, lease_ms=3_600_000)
    await leases.renew()
    assert sorted(owned.progress) == [Slice(number) for number in range(16)]


async def test_a_shard_to_be_handed_over_is_not_read_on_and_the_others_are(open_house, monkeypatch):
    monkeypatch.setattr(leases_module, "LEASE_MS", 60_000)
    async with open_house() as house:
        dispatcher = house.hub.dispatcher
        leases = dispatcher._tasks["leases"]
        leases.cancel()  # no other worker changes the shards to be handed over
        await asyncio.gather(leases, return_exceptions=True)
        owned = {held.shard: progress for held, progress in dispatcher.owned_shards.items()}
        await until(lambda: len({progress.live.read for progress in owned.values()}) == 1)
        before = owned[3].live.read
        owned[3].draining = True
        [position] = await house.emit()
        await until(lambda: owned[4].live.read == position)
        assert {progress.live.read for no, progress in owned.items() if no != 3} == {position}
        assert owned[3].live.read == before
        owned[3].draining = False
        [position] = await house.emit()
        await until(lambda: {progress.live.read for progress in owned.values()} == {position})
