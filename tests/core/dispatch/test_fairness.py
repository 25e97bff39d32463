"""Slots, the two-second rule, and the delays that a slow target may cause others."""

import asyncio
import contextlib
import statistics
import time

import pytest
from tests.core.dispatch.conftest import answer_after
from tests.waiting import until

from trunkline_kit.receiver import Answer, Hang

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Gauge:
    """Answers after *seconds*, and notes the highest number of open requests.

    After the first hundred, answers wait until *is_full*, a second at most, so that a slow dispatcher has time to fill the slots.
    """

    def __init__(self, seconds: float, is_full):
        self.seconds = seconds
        self.is_full = is_full
        self.full = asyncio.Event()
        self.answered = 0
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.most_in_all = 0

    def at(self, path: str):
        async def reply(connection):
            self.now[path] = self.now.get(path, 0) + 1
            self.most[path] = max(self.most.get(path, 0), self.now[path])
            self.most_in_all = max(self.most_in_all, sum(self.now.values()))
            if self.is_full(self):
                self.full.set()
            try:
                await asyncio.sleep(self.seconds)
                if self.answered >= 100 and not self.full.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.full.wait(), 1)
                self.answered += 1
            finally:
                self.now[path] -= 1
            await Answer()(connection)

        return reply


@on_sqlite
async def test_no_more_attempts_are_in_flight_than_a_subscription_and_the_process_allow(open_house, receiver):
    paths = ["/a", "/b", "/c"]
    gauge = Gauge(
        0.05, is_full=lambda it: it.most_in_all >= 15 and all(it.most.get(path, 0) >= 5 for path in paths)
    )
    for path in paths:
        receiver.always(gauge.at(path), path=path)
    async with open_house(concurrency=20, concurrency_per_subscription=10) as house:
        subscribed = [
            (company, await house.subscribe(f"{receiver.url}{path}", company=company))
            for company, path in enumerate(paths, 1)
        ]
        await asyncio.gather(*(house.emit(150, to=[no], company=company) for company, no in subscribed))
        await house.check_settled(delivered=450)
    assert 15 <= gauge.most_in_all <= 20, "all slots but those that are kept for other companies"
    assert all(5 <= most <= 10 for most in gauge.most.values()), gauge.most


@pytest.mark.slow
async def test_an_attempt_of_two_seconds_is_written_as_claimed_and_the_cursor_goes_on(open_house, receiver):
    passed = asyncio.Event()
    receiver.script([answer_after(passed)])
    async with open_house(timeout_seconds=60) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        began = time.monotonic()
        [position] = await house.emit(to=[no])
        await receiver.wait_for(1)
        found = await house.rows(), await house.cursor() < position
        assert found == ([], True) or time.monotonic() - began > 2
        await house.until_statuses(pending=1)
        assert time.monotonic() - began > 2
        [row] = await house.rows()
        assert (row.attempts, row.claim, row.claimed_by) == (0, 1, house.hub.dispatcher.worker)
        await until(lambda: house.has_passed(position))
        assert await house.statuses() == {"pending": 1}, "the cursor went on while the attempt was under way"
        passed.set()
        await house.check_settled()
        [row] = await house.rows()
        [attempt] = await house.attempts(position, no)
    assert (row.status, row.attempts) == ("delivered", 1)
    assert attempt["duration_ms"] >= 2000
    assert receiver.count == 1


@pytest.mark.slow
async def test_deliveries_without_a_place_in_memory_wait_in_the_table(open_house, receiver):
    receiver.script([Answer(200, delay_seconds=2.3)] * 8)
    async with open_house(timeout_seconds=5, concurrency_per_subscription=8) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(400, to=[no])
        await house.until(lambda: _some_spilled(house))
        await house.check_settled(delivered=400)
    assert receiver.count == 400, "none was sent twice"


async def _some_spilled(house):
    return any(row.status == "pending" and row.claim == 0 for row in await house.rows())


@on_sqlite
@pytest.mark.slow
@pytest.mark.alone
async def test_subscriptions_that_hang_delay_nobody_else(open_house, receiver):
    receiver.always(Hang(), path="/hang")
    async with open_house(timeout_seconds=10, concurrency=64) as house:
        healthy = await house.subscribe(f"{receiver.url}/well", company=1)
        alone = await _latencies(house, receiver, healthy)
        hanging = [await house.subscribe(f"{receiver.url}/hang", company=2) for _ in range(12)]
        await house.emit(60, to=hanging, company=2)
        await house.until(lambda: _some_spilled(house))
        together = await _latencies(house, receiver, healthy)
        await house.check_recorded()
    usual, beside = statistics.median(alone), statistics.median(together)
    slowest = statistics.quantiles(together, n=10)[-1]
    print(f"median {usual * 1000:.1f} ms, {beside / usual:.2f} times that beside 12 that hang")
    assert beside < 3 * usual + 0.02
    assert slowest < 10 * usual + 0.1, (
        "nine of ten are not held up by what the database writes for those that hang"
    )


async def _latencies(house, receiver, no) -> list[float]:
    """Measure the time from an event's acceptance to its arrival, one event at a time."""
    delays: list[float] = []
    for _ in range(40):
        arrived = sum(r.path == "/well" for r in receiver.requests)
        began = time.monotonic()
        await house.emit(company=1, to=[no])
        await house.until(lambda arrived=arrived: sum(r.path == "/well" for r in receiver.requests) > arrived)
        [request] = [r for r in receiver.requests if r.path == "/well"][arrived:]
        delays.append(request.received_at / 1e9 - began)
    return delays
