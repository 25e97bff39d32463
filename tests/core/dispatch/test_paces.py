"""A subscription's own time limit, retries and pace, on both databases."""

import asyncio
import time

import pytest

from trunkline.contract import Channel
from trunkline.dispatch.attempts import runner
from trunkline.model.events import shard_of
from trunkline_kit.receiver import Answer

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


async def test_an_attempt_ends_at_the_limit_of_its_subscription(open_house, receiver, monkeypatch):
    monkeypatch.setattr(runner, "SLOW_SECONDS", 30)
    receiver.answer(delay_seconds=2.5)
    async with open_house(timeout_seconds=2, retry_schedule_seconds="[]") as house:
        short = await house.subscribe(f"{receiver.url}/short", timeout_seconds=0.2)
        usual = await house.subscribe(f"{receiver.url}/usual")
        long = await house.subscribe(f"{receiver.url}/long", timeout_seconds=30)
        [position] = await house.deliver(to=[short, usual, long])
        [quick], [common], [patient] = [await house.attempts(position, no) for no in (short, usual, long)]
    assert (quick["error"], common["error"]) == ("timeout", "timeout")
    assert quick["duration_ms"] < 1900 < common["duration_ms"]
    assert (patient["outcome"], patient["duration_ms"] >= 2500) == ("delivered", True)


@on_sqlite
async def test_a_channel_that_never_ends_is_cancelled_at_the_limit_of_its_subscription(open_house):
    async def hang(push, http):
        await asyncio.sleep(600)

    async with open_house(
        channels=[Channel("pigeon", "", "", hang)], timeout_seconds=60, retry_schedule_seconds="[]"
    ) as house:
        no = await house.subscribe("https://example.com", channel="pigeon", timeout_seconds=0.2)
        [position] = await house.deliver(to=[no])
        [attempt] = await house.attempts(position, no)
    assert (attempt["error"], attempt["duration_ms"] < 30_000) == ("timeout", True)


async def test_a_claim_lasts_longer_than_the_longest_limit_of_a_subscription(open_house, receiver):
    async with open_house(timeout_seconds=1) as house:
        usual = house.hub.dispatcher._runner.claim_ms
        await house.subscribe(receiver.url, timeout_seconds=40)
        await house.until(house.routing_is_fresh)
        assert usual < 40_000 < house.hub.dispatcher._runner.claim_ms


async def test_each_subscription_is_tried_again_as_it_says_or_as_the_deployment_does(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="0.1,0.2", retry_jitter=0) as house:
        usual = await house.subscribe(f"{receiver.url}/usual")
        own = await house.subscribe(f"{receiver.url}/own", retry={"schedule_seconds": [0.1, 0.1, 0.1, 0.1]})
        timed = await house.subscribe(f"{receiver.url}/timed", retry={"for_seconds": 0.8})
        never = await house.subscribe(f"{receiver.url}/never", retry={"schedule_seconds": []})
        await house.deliver(to=[usual, own, timed, never])
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


class Gauge:
    """A target that takes *seconds* for each request, and notes each arrival and the number of open requests."""

    def __init__(self, receiver, seconds=0.0):
        self.began = []
        self.now = self.most = 0
        self.seconds = seconds
        receiver.always(self.reply)

    async def reply(self, connection):
        self.began.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        await Answer()(connection)

    def most_within(self, seconds):
        """Give the highest number of arrivals within any *seconds*.

        Tests allow a quarter more than the rate, because a busy machine may hold up some arrivals.
        """
        began = sorted(self.began)
        return max(sum(moment <= other < moment + seconds for other in began) for moment in began)


async def test_no_more_attempts_begin_in_a_second_than_the_rate_says_and_all_are_made(open_house, receiver):
    gauge = Gauge(receiver)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, rate="20/second")
        await house.emit(50, to=[no])
        await house.check_settled(delivered=50)
    assert gauge.most_within(0.9) <= 25
    assert 2.2 < gauge.began[-1] - gauge.began[0] < 4.9


@on_sqlite
async def test_a_gate_opens_again_after_a_moment_without_a_sure_lease(open_house, receiver, monkeypatch):
    monkeypatch.setattr(
        runner, "SLOW_SECONDS", 60
    )  # otherwise waiting deliveries go by the ledger, and begin from there
    gauge = Gauge(receiver)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, rate="5/second")
        await house.emit(4, to=[no])
        await house.until(lambda: gauge.began)
        for progress in house.hub.dispatcher.owned_shards.values():
            progress.valid_until = 0.0  # until the next renewal
        await house.until(lambda: len(gauge.began) == 4)


async def test_no_more_attempts_are_in_flight_than_a_subscription_asks_for(open_house, receiver):
    gauge = Gauge(receiver, seconds=0.03)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, max_in_flight=3)
        await house.emit(60, to=[no])
        await house.check_settled(delivered=60)
    assert gauge.most == 3


async def test_deliveries_beyond_a_gate_wait_in_the_ledger_and_are_taken_from_there(open_house, receiver):
    gauge = Gauge(receiver, seconds=0.01)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, max_in_flight=4, rate="100/second")
        await house.emit(250, to=[no])
        await house.until(
            lambda: house.query("SELECT 1 FROM deliveries WHERE order_shard IS NOT NULL LIMIT 1")
        )
        await house.check_settled(delivered=250)
    assert gauge.most <= 4
    assert gauge.most_within(0.9) <= 125


@pytest.mark.slow
async def test_a_new_event_and_the_backlog_of_its_subscription_share_the_pace(open_house, receiver):
    gauge = Gauge(receiver)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, rate="20/second")
        await house.change(no, status="paused")
        await house.until(house.routing_is_fresh)
        await house.emit(120, to=[no])
        await house.change(no, status="active")
        await house.until(lambda: len(gauge.began) > 5)
        fresh = await house.emit(20, to=[no])
        await house.until(
            lambda: {r.headers["webhook-id"] for r in receiver.requests} >= {str(p) for p in fresh}
        )
        assert 30 < len(gauge.began) < 100
        await house.check_settled()
    assert gauge.most_within(0.9) <= 25


async def test_due_deliveries_go_by_a_pace_that_is_set_later_and_without_one_again(open_house, receiver):
    receiver.answer(500)
    async with open_house(retry_schedule_seconds="600") as house:
        no = await house.subscribe(receiver.url)
        await house.emit(150, to=[no])

        async def all_failed() -> bool:
            return [row.attempts for row in await house.rows()] == [1] * 150

        await house.until(all_failed)
        gauge = Gauge(receiver)
        await house.change(no, rate="10/second")
        await house.until(house.routing_is_fresh)
        await house.execute("UPDATE deliveries SET due_ms = 1")
        house.hub.signals.due.set()
        await house.until(lambda: len(gauge.began) >= 12)
        assert gauge.most_within(0.9) <= 13
        await house.change(no, rate=None)
        await house.check_settled(delivered=150)
    assert gauge.began[-1] - gauge.began[0] < 10, "with a pace it takes 15 s"


async def test_a_failing_target_with_a_pace_is_tried_again_by_it(open_house, receiver):
    gauge = Gauge(receiver, seconds=0.05)
    receiver.script([Answer(500)] * 40)
    async with open_house(retry_schedule_seconds="0.1,0.1,0.1,0.1,0.1,0.1") as house:
        no = await house.subscribe(receiver.url, max_in_flight=2)
        await house.emit(20, to=[no])
        await house.check_settled(delivered=20)
    assert gauge.most <= 2


@pytest.mark.parametrize(
    "ordering",
    [
        pytest.param(None, id="none", marks=pytest.mark.slow),
        pytest.param("subscription", id="one"),
        pytest.param({"key": "/payload/status_id"}, id="by key", marks=pytest.mark.slow),
    ],
)
async def test_a_pace_goes_with_an_order_a_pause_and_a_replay(open_house, receiver, ordering):
    gauge = Gauge(receiver, seconds=0.005)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, rate="60/second", max_in_flight=2, ordering=ordering)
        await house.emit(20, to=[no])
        await house.change(no, status="paused")
        await house.emit(20, to=[no])
        await house.change(no, status="active")
        await house.check_settled()
        await house.replay(no)
        await house.until(lambda: len(gauge.began) >= 80)
        await house.check_settled(delivered=40)
    assert gauge.most <= 2
    assert gauge.most_within(0.9) <= 75
    if ordering == "subscription":
        assert gauge.most == 1
        positions = [int(r.headers["webhook-id"]) for r in receiver.requests]
        assert positions[:40] == sorted(positions[:40])
        assert positions[40:] == sorted(positions[40:])


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_the_pace_is_one_over_all_workers_also_where_they_come_and_go(open_house, receiver):
    gauge = Gauge(receiver, seconds=0.02)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, rate="20/second", max_in_flight=2)
        async with open_house():
            await house.emit(30, to=[no])
            await asyncio.sleep(1)
        async with open_house():
            await asyncio.sleep(0.7)
            await house.emit(30, to=[no])
            await asyncio.sleep(1)
        await house.check_settled(delivered=60)
    assert gauge.most <= 2
    assert gauge.most_within(0.9) <= 25


async def test_a_late_delivery_of_a_deleted_subscription_with_a_pace_ends(open_house, receiver, monkeypatch):
    monkeypatch.setattr("trunkline.dispatch.lanes.lane.IDLE_SECONDS", 0.2)
    monkeypatch.setattr("trunkline.dispatch.lanes.paced_lane.LOOK_SECONDS", 0.05)
    async with open_house() as house:
        no = await house.subscribe(receiver.url, rate="5/second")
        await house.until(house.routing_is_fresh)
        [position] = await house.deliver(type="invoice.created", to=[no])
        await house.delete(no)
        await house.until(house.routing_is_fresh)
        await house.until(lambda: house.hub.dispatcher._paced._idleness._state)
        await house.execute(
            "UPDATE deliveries SET status = 'pending', due_ms = 1, order_shard = :shard WHERE position = :position",
            shard=shard_of(92, 16),
            position=position,
        )
        await house.until_statuses(gone=1)


async def test_nobody_asks_about_paces_where_no_subscription_has_one(open_house, receiver, monkeypatch):
    asked = []

    async def waiting(connection, kind, **_):
        asked.append(1)
        return []

    monkeypatch.setattr("trunkline.store.due.waiting", waiting)
    monkeypatch.setattr("trunkline.dispatch.lanes.lane.IDLE_SECONDS", 600)
    monkeypatch.setattr("trunkline.dispatch.lanes.paced_lane.LOOK_SECONDS", 0.05)
    async with open_house() as house:
        no = await house.subscribe(receiver.url)
        await house.until(house.routing_is_fresh)
        lane = house.hub.dispatcher._paced
        await house.until(
            lambda: lane._idleness._state == (frozenset(lane._owned.progress), lane._table.version)
        )
        asked.clear()
        await house.deliver(5, to=[no])
        await asyncio.sleep(0.3)
        assert not asked
