"""A hot company: its shard is divided, and several workers share its deliveries. Thresholds are low here."""

import asyncio
import json
from collections import defaultdict

import pytest
from tests.core.dispatch.conftest import answer_after

from trunkline.dispatch.attempts import open_limit
from trunkline.dispatch.leases import dividing
from trunkline.dispatch.leases import leases as leases_module
from trunkline.dispatch.reading import matching_lane
from trunkline.model.events import shard_of
from trunkline.model.parts import PARTS, WHOLE, part_of

pytestmark = [pytest.mark.timeout(180), pytest.mark.parametrize("engine", ["postgresql"], indirect=True)]
COMPANY = 92


@pytest.fixture(autouse=True)
def _little_is_much(monkeypatch):
    monkeypatch.setattr(leases_module, "LEASE_MS", 60_000)  # a worker that is held up loses none
    monkeypatch.setattr(leases_module, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(dividing, "HOT_EVENTS", 20)
    monkeypatch.setattr(dividing, "LOOKS", 2)
    monkeypatch.setattr(open_limit, "COMPANY_HIGH_WATER", 16)
    monkeypatch.setattr(matching_lane, "COMPANY_LISTED", 10)


def parts_of(house) -> set[int]:
    """Give the parts of the company's shard that a worker holds."""
    shard = shard_of(COMPANY, 16)
    return {h.part for h in house.hub.dispatcher.owned_shards if h.shard == shard and h.part != WHOLE}


def is_shared(*houses) -> bool:
    """Whether every part is held, and each of *houses* has its share."""
    held = [parts_of(house) for house in houses]
    return sum(map(len, held)) == PARTS and all(len(parts) == PARTS // len(houses) for parts in held)


def holder_of(number, first, second):
    return first if first.hub.dispatcher._owned.of(COMPANY, number) else second


async def keep_hot_until_shared(first, second, numbers):
    """Emit more events than are delivered until both workers have their shares; return the holder."""
    await first.until(first.routing_is_fresh)
    holder = holder_of(numbers[0], first, second)
    async with asyncio.timeout(60):
        while not is_shared(first, second):
            if holder.waiting() < 200:
                await holder.emit(40, to=numbers)
            await asyncio.sleep(0.02)
    return holder


async def test_two_workers_share_a_hot_company_and_each_event_is_delivered_once(open_house, receiver):
    receiver.answer(delay_seconds=0.02)
    async with open_house() as first, open_house() as second:
        await first.until(lambda: len(second.hub.dispatcher.owned_shards) == 8)
        numbers = [await first.subscribe(f"{receiver.url}/{n}") for n in range(4)]
        other = await first.subscribe(f"{receiver.url}/other", company=7)
        holder = await keep_hot_until_shared(first, second, numbers)
        receiver.answer()
        before = receiver.count
        await holder.emit(50, to=numbers)
        await holder.emit(10, to=[other], company=7)
        await first.check_settled()
        workers = {
            row["no"]: house
            for house in (first, second)
            for row in await first.query("SELECT no FROM subscriptions")
            if part_of(row["no"]) in parts_of(house)
        }
    assert {workers[no] for no in numbers} == {first, second}
    assert receiver.count - before >= 210
    ids = [request.headers["webhook-id"] + request.path for request in receiver.requests]
    assert len(ids) == len(set(ids)) == len(first.matched)


@pytest.mark.slow
async def test_orders_and_paces_are_kept_while_a_shard_is_divided(open_house, receiver):
    receiver.answer(delay_seconds=0.01)
    async with open_house() as first, open_house() as second:
        await first.until(lambda: len(second.hub.dispatcher.owned_shards) == 8)
        ordered = [
            await first.subscribe(f"{receiver.url}/ordered{n}", ordering="subscription") for n in range(2)
        ]
        paced = [await first.subscribe(f"{receiver.url}/paced{n}", max_in_flight=1) for n in range(2)]
        free = [await first.subscribe(f"{receiver.url}/free{n}") for n in range(2)]
        numbers = [*ordered, *paced, *free]
        holder = await keep_hot_until_shared(first, second, numbers)
        await holder.emit(30, to=numbers)
        receiver.answer()
        await first.check_settled(seconds=60)
    came = defaultdict(list)
    for request in receiver.requests:
        came[request.path].append(json.loads(request.body)["id"])
    for path, ids in came.items():
        assert len(ids) == len(set(ids)), path
        if path.startswith("/ordered"):
            assert ids == sorted(ids), path


@pytest.mark.parametrize("alone", ["worker", "subscription"])
async def test_what_could_not_be_shared_is_not_divided(open_house, receiver, alone):
    looked = asyncio.Event()
    receiver.always(answer_after(looked))
    async with open_house(timeout_seconds=60) as first:
        numbers = [
            await first.subscribe(f"{receiver.url}/{n}") for n in range(1 if alone == "subscription" else 4)
        ]
        await first.until(first.routing_is_fresh)

        async def be_hot(house):
            await house.emit(200, to=numbers)
            await house.until(lambda: house.waiting() > 100)
            await asyncio.sleep(5 * leases_module.RENEW_SECONDS)
            assert not await house.query("SELECT 1 FROM shard_parts")
            looked.set()
            await house.check_settled()

        if alone == "worker":
            await be_hot(first)
            return
        async with open_house(timeout_seconds=60) as second:
            await first.until(lambda: len(second.hub.dispatcher.owned_shards) == 8)
            await be_hot(holder_of(numbers[0], first, second))


async def test_who_is_left_alone_has_all_parts_and_a_worker_that_joins_gets_its_share(open_house, receiver):
    async with open_house() as first:
        async with open_house() as second:
            await first.until(lambda: len(second.hub.dispatcher.owned_shards) == 8)
            numbers = [await first.subscribe(f"{receiver.url}/{n}") for n in range(2)]
            for house in (first, second):
                for held, progress in house.hub.dispatcher.owned_shards.items():
                    progress.dividing = held.shard == shard_of(COMPANY, 16)
            await first.until(lambda: is_shared(first, second))
            await first.deliver(5, to=numbers)
        await first.until(lambda: is_shared(first))
        await first.deliver(5, to=numbers)
        async with open_house() as second:
            await first.until(lambda: is_shared(first, second))
            await first.deliver(5, to=numbers)
    assert receiver.count == 30
