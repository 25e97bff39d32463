"""Subscriptions that are made at the same moment: one transaction for several companies, each with its own result."""

import asyncio

import pytest
from tests.some import some

from trunkline.errors import TargetRefused, TooManySubscriptions
from trunkline.store import subscriptions as store
from trunkline.subscribing import creating

URL = "https://example.com/"


def wanted(target_url: str = URL, **more) -> dict:
    return {"target_url": target_url, "event_types": ["*"], **more}


def companies(running, count: int) -> list[int]:
    """Give companies that only this test uses."""
    return [10**9 + running.company_id * 1000 + number for number in range(count)]


async def create(running, company_id: int, **more) -> dict:
    return await running.hub.subscriptions.create(company_id, wanted(**more), channel="webhooks")


async def versions(running, company_ids) -> list[int]:
    async with running.hub.engines.read() as connection:
        return [row.version for each in company_ids for row in await store.of_company(connection, each)]


async def test_what_several_companies_ask_for_at_once_is_made_in_few_transactions(running):
    ids = companies(running, 20)
    made = await asyncio.gather(*(create(running, company_id) for company_id in ids))
    assert len({each["id"] for each in made}) == 20
    assert len({each["secret"] for each in made}) == 20
    found = await versions(running, ids)
    assert len(found) == 20
    assert len(set(found)) <= 6, "a transaction takes one routing version"


async def test_no_more_are_made_at_once_than_was_said(running, monkeypatch):
    monkeypatch.setattr(running.hub.subscriptions._creation._batcher, "_max_batch", 5)
    ids = companies(running, 20)
    await asyncio.gather(*(create(running, company_id) for company_id in ids))
    found = await versions(running, ids)
    assert max(found.count(version) for version in found) == 5


async def test_a_company_that_asks_for_many_has_no_more_than_it_may_and_others_are_not_behind_it(running):
    greedy, other = companies(running, 2)
    await running.hub.companies.change(greedy, {"limits": {"subscriptions": 10}})
    await running.hub.company_limits.of(other)  # so that its call has nothing to read before its turn
    calls = [asyncio.create_task(create(running, greedy)) for _ in range(30)]
    late = asyncio.create_task(create(running, other))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TooManySubscriptions)]
    assert (len(answers), len(refused)) == (30, 20)
    await late
    (own,) = await versions(running, [other])
    assert own <= sorted(await versions(running, [greedy]))[2], "its turn came with the second transaction"


async def test_what_is_refused_to_one_is_not_refused_to_the_others(running):
    ids = companies(running, 4)
    await create(running, -ids[1], target_url=URL)
    await running.hub.companies.change(ids[2], {"limits": {"subscriptions": 0}})
    calls = [create(running, company_id) for company_id in ids]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [dict, TargetRefused, TooManySubscriptions, dict]


async def test_where_nothing_is_made_dispatchers_have_nothing_to_read(running):
    (company,) = companies(running, 1)
    await running.hub.companies.change(company, {"limits": {"subscriptions": 0}})
    async with running.hub.engines.write() as connection:
        before = await store.next_version(connection)
    with pytest.raises(TooManySubscriptions):
        await create(running, company)
    async with running.hub.engines.write() as connection:
        assert await store.next_version(connection) == before + 1


async def test_both_environments_of_a_company_cannot_take_one_target_at_the_same_moment(running):
    (company,) = companies(running, 1)
    calls = [create(running, company), create(running, -company)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["TargetRefused", "dict"]


async def test_who_subscribes_twice_at_the_same_moment_has_one(running):
    ids = companies(running, 3)
    subscribe = running.hub.subscriptions.subscribe
    answers = await asyncio.gather(*(subscribe(each, wanted(), channel="webhooks") for each in ids * 2))
    for one, again in some(zip(answers[:3], answers[3:], strict=True)):
        assert one[0]["id"] == again[0]["id"]
        assert one[1] != again[1], "one of the two is new"


async def test_each_has_its_own_options_and_what_its_company_has_for_those_that_do_not_say(running):
    plain, paced = companies(running, 2)
    await running.hub.companies.change(paced, {"delivery": {"timeout_seconds": 7}})
    await asyncio.gather(create(running, plain, max_in_flight=3), create(running, paced, rate="5/second"))
    rows = []
    async with running.hub.engines.read() as connection:
        for company_id in (plain, paced):
            rows += await store.of_company(connection, company_id)
    assert [dict(row.options) for row in rows] == [
        {"max_in_flight": 3},
        {"rate": "5/second", "defaults": {"timeout_seconds": 7}},
    ]


async def test_what_the_database_will_not_have_of_one_is_made_for_the_others(running, monkeypatch):
    insert = creating.new_subscriptions.insert

    async def without_its_target(connection, rows, *, version, by):
        """Store rows, with a required column missing in a marked row."""
        marked = [{**row, "target_url": None} if row["description"] == "bad" else row for row in rows]
        return await insert(connection, marked, version=version, by=by)

    monkeypatch.setattr(creating.new_subscriptions, "insert", without_its_target)
    ids = companies(running, 4)
    calls = [create(running, each, description="bad" if each == ids[2] else "") for each in ids]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, dict) for answer in answers] == [True, True, False, True]
    assert "target_url" in str(answers[2])
    assert len(await versions(running, ids)) == 3
