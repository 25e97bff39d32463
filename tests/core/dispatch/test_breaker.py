"""The circuit breaker: a subscription that has failed for long enough is disabled, with the reason."""

import pytest

from trunkline_kit.receiver import Answer


def _breaker(failures, span_seconds, schedule):
    bounds = {"breaker_failures": failures, "breaker_span_seconds": span_seconds}
    return bounds | {"retry_schedule_seconds": schedule}


async def test_failures_over_the_span_disable_the_subscription_and_park_what_is_pending(open_house, receiver):
    receiver.answer(500)
    async with open_house(**_breaker(3, 0.3, "0.2,0.2,30,30")) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(to=[no])
        await house.until_statuses(no, pending=1)
        both = "SELECT s.status, d.attempts FROM subscriptions AS s JOIN deliveries AS d ON d.subscription_no = s.no"
        [now] = await house.query(both)
        assert (now["status"] == "active") is (now["attempts"] < 3)
        await house.until(lambda: house.is_disabled(no))
        row = await house.subscription(no)
        [delivery] = await house.rows()
        await house.check_ledger()
    assert (row["disabled_reason"], row["failures"]) == ("failing", 3)
    assert row["disabled_ms"] - row["failing_since_ms"] >= 300
    assert (delivery.status, delivery.due_ms, delivery.attempts) == ("pending", None, 3)


async def test_a_step_of_the_clock_does_not_fill_the_span(open_house, receiver):
    receiver.answer(500)
    async with open_house(**_breaker(2, 86_400, "[]")) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(3, to=[no])
        await house.execute("UPDATE subscriptions SET failing_since_ms = 1, failed_ms = 1")
        await house.deliver(3, to=[no])
        row = await house.subscription(no)
    assert (row["status"], row["failures"]) == ("active", 6)


@pytest.mark.parametrize(
    ("failures", "span_seconds"),
    [pytest.param(3, 60, id="many in less than the span"), pytest.param(21, 0, id="few over a long time")],
)
async def test_few_failures_or_a_short_time_disable_nothing(open_house, receiver, failures, span_seconds):
    receiver.answer(500)
    async with open_house(**_breaker(failures, span_seconds, "[]")) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(20, to=[no])
        row = await house.subscription(no)
    assert (row["status"], row["failures"]) == ("active", 20)


async def test_one_success_begins_the_count_anew(open_house, receiver):
    receiver.script([Answer(500), Answer(500), Answer(200), Answer(500), Answer(500)])
    async with open_house(**_breaker(3, 0, "0.1,0.1")) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(to=[no])
        row = await house.subscription(no)
        assert (row["failures"], row["failing_since_ms"]) == (0, None)
        await house.emit(to=[no])
        await house.check_settled(delivered=2)
        assert (await house.subscription(no))["status"] == "active"
    assert receiver.count == 6


async def test_a_disabled_subscription_gets_what_waited_once_it_is_active_again(open_house, receiver):
    receiver.answer(500)
    async with open_house(**_breaker(1, 0, "0.1,0.1")) as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(to=[no])
        await house.until(lambda: house.is_disabled(no))
        receiver.answer(200)
        await house.change(no, status="active")
        await house.check_settled()
        row = await house.subscription(no)
    assert (row["status"], row["disabled_reason"], row["failures"]) == ("active", None, 0)
