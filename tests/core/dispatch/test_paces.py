"""How one subscription's target is treated: its own time limit and its own retries, on both databases."""

import asyncio

import pytest

from trunkline.contract import Channel
from trunkline.dispatch import runner

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


async def test_an_attempt_ends_at_the_limit_of_its_subscription_not_at_the_deployments(
    open_house, receiver, monkeypatch
):
    monkeypatch.setattr(runner, "SLOW_SECONDS", 30)
    receiver.answer(delay_seconds=1.5)
    async with open_house(timeout_seconds=1, retry_schedule_seconds="[]") as house:
        short = await house.subscribe(f"{receiver.url}/short", timeout_seconds=0.2)
        usual = await house.subscribe(f"{receiver.url}/usual")
        long = await house.subscribe(f"{receiver.url}/long", timeout_seconds=5)
        [position] = await house.emit(to=[short, usual, long])
        await house.check_settled()
        [quick], [common], [patient] = [await house.attempts(position, no) for no in (short, usual, long)]
    assert (quick["error"], common["error"]) == ("timeout", "timeout")
    assert quick["duration_ms"] < 900 < common["duration_ms"] < 1400
    assert (patient["outcome"], patient["duration_ms"] >= 1500) == ("delivered", True)


@on_sqlite
async def test_a_channel_that_never_ends_is_cancelled_at_the_limit_of_its_subscription(open_house):
    async def hang(push, http):
        await asyncio.sleep(600)

    async with open_house(
        channels=[Channel("pigeon", "", "", hang)], timeout_seconds=60, retry_schedule_seconds="[]"
    ) as house:
        no = await house.subscribe("https://example.com", channel="pigeon", timeout_seconds=0.2)
        [position] = await house.emit(to=[no])
        await house.check_settled(seconds=5)
        [attempt] = await house.attempts(position, no)
    assert (attempt["error"], attempt["duration_ms"] < 4000) == ("timeout", True)


async def test_a_claim_holds_for_longer_than_the_longest_limit_that_a_subscription_asks_for(
    open_house, receiver
):
    async with open_house(timeout_seconds=1) as house:
        usual = house.hub.dispatcher._runner.claim_ms
        await house.subscribe(receiver.url, timeout_seconds=40)
        await house.until(house.routing_is_fresh)
        assert usual < 40_000 < house.hub.dispatcher._runner.claim_ms


async def test_each_subscription_is_tried_again_as_it_says_and_the_others_as_the_deployment_does(
    open_house, receiver
):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="0.1,0.2", retry_jitter=0) as house:
        usual = await house.subscribe(f"{receiver.url}/usual")
        own = await house.subscribe(f"{receiver.url}/own", retry={"schedule_seconds": [0.1, 0.1, 0.1, 0.1]})
        timed = await house.subscribe(f"{receiver.url}/timed", retry={"for_seconds": 0.8})
        never = await house.subscribe(f"{receiver.url}/never", retry={"schedule_seconds": []})
        await house.emit(to=[usual, own, timed, never])
        await house.check_settled()
        attempts = {row.no: row.attempts for row in await house.rows()}
        assert await house.statuses() == {"exhausted": 4}
    assert attempts == {usual: 3, own: 5, timed: 5, never: 1}  # 0.1 + 0.2 + 0.2 + 0.2 is within 0.8 s


async def test_a_change_of_the_retries_is_for_what_fails_from_then_on(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="600") as house:
        no = await house.subscribe(receiver.url)
        await house.change(no, retry={"schedule_seconds": []}, timeout_seconds=3)
        await house.until(house.routing_is_fresh)
        await house.emit(to=[no])
        await house.until_statuses(no, exhausted=1)
        await house.change(no, retry=None, timeout_seconds=None)
        await house.until(house.routing_is_fresh)
        await house.emit(to=[no])
        await house.until_statuses(no, exhausted=1, pending=1)
