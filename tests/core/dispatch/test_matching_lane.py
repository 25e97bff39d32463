"""Expensive filters: their cost does not delay other companies, and no event is lost on the way."""

import json

import pytest
from tests.waiting import until

from trunkline.dispatch.attempts import open_limit
from trunkline.dispatch.reading import matching_lane
from trunkline.dispatch.reading.matching_lane import Budget
from trunkline.model.events import Event, shard_of
from trunkline_kit.receiver import Answer

TEXT = "a" * 15_000
HARD = {"contains": "a" * 40 + "b"}


def neighbour_of(company: int) -> int:
    """Give another company in the same shard."""
    return next(n for n in range(company + 1, company + 1000) if shard_of(n, 16) == shard_of(company, 16))


def event(company=92, size=100):
    return Event(1, company, "lead.created", 0, b"x" * size)


def dear(number):
    """Make a filter of a hundred searches, of which the last matches."""
    searches = [{"payload.last_name": {"contains": f"{'a' * 40}b{number}.{n}"}} for n in range(99)]
    return {"any": [*searches, {"payload.last_name": {"contains": "aaa"}}]}


@pytest.mark.slow
async def test_a_neighbour_in_the_shard_is_served_while_dear_events_are_matched(open_house, receiver):
    async with open_house() as house:
        await house.hub.companies.change(92, {"limits": {"filter_cost": 1_000_000}})
        matching = [await house.subscribe(f"{receiver.url}/dear", filter=dear(n)) for n in range(6)]
        none = {"payload.last_name": HARD}
        for _ in range(4):
            await house.subscribe(f"{receiver.url}/none", filter=none)
        victim = await house.subscribe(f"{receiver.url}/victim", company=neighbour_of(92))
        await until(house.routing_is_fresh)
        positions = await house.emit(30, to=matching, last_name=TEXT)
        await house.emit(to=[victim], company=neighbour_of(92))
        await until(lambda: [r for r in receiver.requests if r.path == "/victim"])
        lane = house.hub.dispatcher._matching
        assert house.waiting(), "its delivery did not wait for what came before it"
        assert await house.cursor() < positions[-1], "the cursor waits for what is not matched"
        await house.check_settled(seconds=60)
        assert not house.waiting()
        assert lane.pauses.taken > 30, "the loop was given to others all the while"
    assert receiver.count == 6 * 30 + 1


async def test_what_waits_when_a_hub_stops_is_matched_by_the_next_one(open_house, receiver, monkeypatch):
    monkeypatch.setattr(matching_lane, "COMPANY_COST", 0)
    url = f"{receiver.url}/h"
    async with open_house(dispatch=False) as house:
        no = await house.subscribe(url, filter={"payload.last_name": {"ne": "Doe"}})
        every = await house.subscribe(url)
        matched = await house.emit(20, to=[no, every], last_name="Roe")
        await house.emit(20, to=[every], last_name="Doe")
    async with open_house() as first:
        await first.until(lambda: receiver.count > 3)
    async with open_house() as second:
        await second.check_settled()
        assert {row.position for row in await second.rows(no)} == set(matched)


async def test_events_of_a_company_that_waits_wait_behind_each_other(open_house, receiver, monkeypatch):
    monkeypatch.setattr(matching_lane, "COMPANY_COST", 500)
    async with open_house(concurrency_per_subscription=1) as house:
        no = await house.subscribe(
            f"{receiver.url}/h", filter={"not": {"payload.last_name": {"contains": "zz"}}}
        )
        for _ in range(4):
            await house.emit(5, to=[no], last_name="Roe")
            await house.emit(to=[no], type="invoice.created")
        await house.check_settled()
    ids = [json.loads(request.body)["id"] for request in receiver.requests]
    assert ids == sorted(ids)


def test_a_page_has_a_budget_and_each_company_a_part_of_it():
    budget = Budget()
    assert budget.allows(event(), matching_lane.COMPANY_COST - 2)
    assert not budget.allows(event(), 2)
    others = [budget.allows(event(company), matching_lane.COMPANY_COST - 2) for company in range(100, 110)]
    assert others.count(True) == matching_lane.PAGE_COST // matching_lane.COMPANY_COST - 1


@pytest.mark.parametrize(("size", "fits"), [(100, True), (64 * matching_lane.COMPANY_COST, False)])
def test_the_size_of_an_event_counts_as_it_has_to_be_parsed(size, fits):
    assert Budget().allows(event(size=size), 1) is fits


async def test_a_company_without_room_waits_and_each_event_comes_once(open_house, receiver, monkeypatch):
    monkeypatch.setattr(open_limit, "COMPANY_HIGH_WATER", 8)
    monkeypatch.setattr(matching_lane, "COMPANY_LISTED", 30)
    async with open_house() as house:
        numbers = [await house.subscribe(f"{receiver.url}/{n}") for n in range(3)]
        await until(house.routing_is_fresh)
        await house.emit(100, to=numbers)
        await until(house.waiting)
        await house.check_settled(delivered=300)
        assert house.hub.dispatcher._runner.room.open == 0
    assert receiver.count == 300


async def test_a_neighbour_waits_for_no_backlog_and_none_of_it_is_lost(open_house, receiver, monkeypatch):
    monkeypatch.setattr(open_limit, "COMPANY_HIGH_WATER", 8)
    monkeypatch.setattr(matching_lane, "COMPANY_LISTED", 10)
    monkeypatch.setattr(matching_lane, "AT_ONCE", 7)
    neighbour = neighbour_of(92)
    async with open_house(concurrency_per_subscription=1) as house:
        no = await house.subscribe(f"{receiver.url}/92", types=["lead.created"])
        other = await house.subscribe(f"{receiver.url}/neighbour", company=neighbour)
        await until(house.routing_is_fresh)
        receiver.always(Answer(delay_seconds=0.5), path="/92")
        for _ in range(3):  # events of other types stand between the waiting ones
            await house.emit(40, to=[no])
            await house.emit(10, type="invoice.created")
        await until(lambda: house.waiting() > 100)
        await house.emit(to=[other], company=neighbour)
        await until(lambda: [r for r in receiver.requests if r.path == "/neighbour"])
        assert house.waiting() > 50
        assert await house.cursor() < house.hub.dispatcher._reader._head
        receiver.always(Answer(), path="/92")
        await house.check_settled()
    ids = [json.loads(r.body)["id"] for r in receiver.requests if r.path == "/92"]
    assert (len(ids), ids) == (120, sorted(ids))


async def test_unlisted_events_are_delivered_by_the_next_hub(open_house, receiver, monkeypatch):
    monkeypatch.setattr(open_limit, "COMPANY_HIGH_WATER", 4)
    monkeypatch.setattr(matching_lane, "COMPANY_LISTED", 3)
    async with open_house(dispatch=False) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(60, to=[no])
    receiver.answer(delay_seconds=0.1)
    async with open_house(concurrency_per_subscription=1) as first:
        await first.until(lambda: receiver.count > 3)
        assert [line for line in first.hub.dispatcher._matching._waiting.values() if line.rest is not None]
    receiver.answer()
    async with open_house() as second:
        await second.check_settled()
    assert receiver.count == 60


@pytest.mark.parametrize(("ordering", "spills"), [(None, True), ("subscription", False)])
async def test_a_long_line_takes_free_room_but_breaks_no_order(
    open_house, receiver, monkeypatch, ordering, spills
):
    monkeypatch.setattr(open_limit, "COMPANY_HIGH_WATER", 8)
    monkeypatch.setattr(matching_lane, "SPILLS_FROM", 20)
    options = {"ordering": ordering} if ordering else {}
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h", **options)
        await house.until(house.routing_is_fresh)
        receiver.answer(delay_seconds=0.3)
        await house.emit(100, to=[no])
        await house.until(house.waiting)
        most = 0

        def is_over():
            nonlocal most
            most = max(most, house.hub.dispatcher._runner.room.open)
            return most > 40 or not house.waiting()

        await house.until(is_over)
        receiver.answer()
        await house.check_settled()
    assert (most > 40) is spills
    assert receiver.count == 100
