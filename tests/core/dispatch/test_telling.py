"""Operational events about subscriptions: the events about a failing target, their times, and their recipients."""

import orjson
import pytest
from tests.statements import scalar

from trunkline_kit.receiver import Answer

OPERATORS = 0


async def told(house, company: int = 92) -> list[tuple[str, dict]]:
    """List the operational events in the log of *company*, with their payloads."""
    page = await house.hub.streaming.page(company, types=["operational.*"], limit=200)
    events = map(orjson.loads, page.bodies)
    return [(event["type"], event["payload"]) for event in events]


async def test_a_target_that_fails_is_told_of_once_and_again_when_it_recovers(open_house, receiver):
    receiver.answer(500)
    async with open_house(
        failing_spans_seconds="0.2", retry_schedule_seconds=",".join(["0.05"] * 60)
    ) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(50, to=[no])
        await house.until(lambda: told(house))
        await house.emit(50, to=[no])
        receiver.answer(200)
        await house.check_settled()
        await house.until(lambda: _are_told(house, 2))
        [(first, failing), (second, recovered)] = await told(house)
        row = await house.subscription(no)
        copies = await told(house, OPERATORS)
    assert (first, second) == ("subscription.failing", "subscription.recovered")
    assert (failing["threshold"], failing["last_status_code"]) == (1, 500)
    assert failing["failures"] >= 3
    assert failing["subscription"]["target_url"] == f"{receiver.url}/h"
    assert recovered["failing_since_utc"] == failing["failing_since_utc"]
    assert (failing["company_id"], row["failing_level"]) == (92, None)
    assert copies == [(first, failing), (second, recovered)]


async def _are_told(house, count: int) -> bool:
    return len(await told(house)) == count


async def test_a_target_that_flaps_is_told_of_once_an_hour(open_house, receiver):
    receiver.script([Answer(500), Answer(500), Answer(500), Answer(200)] * 5)
    async with open_house(failing_spans_seconds="0", retry_schedule_seconds="0.05,0.05,0.05,0.05") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        for _ in range(5):
            await house.deliver(to=[no])
        await house.until(lambda: _are_told(house, 2))
        await house.execute("UPDATE subscriptions SET told_ms = told_ms - 3600000")
        receiver.script([Answer(500), Answer(500), Answer(500), Answer(200)])
        await house.deliver(to=[no])
        await house.until(lambda: _are_told(house, 4))
        names = [name for name, _ in await told(house)]
    assert names == ["subscription.failing", "subscription.recovered"] * 2


async def test_the_attempts_at_operational_events_are_told_of_by_none(open_house, receiver):
    receiver.answer(500)
    breaker = {"breaker_failures": 6, "breaker_span_seconds": 0}
    async with open_house(failing_spans_seconds="0", retry_schedule_seconds="0.05,0.05", **breaker) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        to_people = await house.subscribe(f"{receiver.url}/people", types=["operational.*"])
        await house.emit(to=[no])
        await house.until_statuses(to_people, exhausted=1)
        assert [(name, payload["subscription"]["target_url"]) for name, payload in await told(house)] == [
            ("subscription.failing", f"{receiver.url}/h")
        ]
        assert (await house.subscription(to_people))["failures"] == 3
        await house.emit(to=[no])
        await house.until(lambda: house.is_disabled(to_people))
        disabled = [
            payload["subscription"]["target_url"] for name, payload in await told(house) if "disabled" in name
        ]
    assert disabled == [f"{receiver.url}/h"]


@pytest.mark.parametrize("types", [["*"], ["lead.*"]])
async def test_a_subscription_to_every_type_gets_no_operational_event(open_house, receiver, types):
    receiver.answer(500)
    async with open_house(failing_spans_seconds="0", retry_schedule_seconds="0.05,0.05") as house:
        no = await house.subscribe(f"{receiver.url}/h", types=types)
        named = await house.subscribe(f"{receiver.url}/named", types=["subscription.failing"])
        await house.emit(to=[no])
        await house.until_statuses(named, exhausted=1)
        paths = {request.path for request in receiver.requests if b"subscription.failing" in request.body}
    assert paths == {"/named"}


async def test_exhausted_deliveries_are_gathered_by_subscription_and_minute(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="[]") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(7, to=[no])
        await house.execute("UPDATE gathered SET minute = minute - 2")
        await house.deliver(3, to=[no])
        await house.until(lambda: _exhausted(house), what="the event of the minute")
        payload, *later = await _exhausted(house)
        left = await scalar(house.hub.engines, "SELECT sum(count) FROM gathered")
    assert (payload["count"], sum(each["count"] for each in later) + (left or 0)) == (7, 3)
    assert payload["last_event_id"] - payload["first_event_id"] == 6


async def _exhausted(house) -> list[dict]:
    return [payload for name, payload in await told(house) if name == "delivery.exhausted"]
