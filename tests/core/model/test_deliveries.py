"""The decision after an attempt: pure functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.deliveries import (
    FINAL,
    MAX_RETRIES,
    BreakerPolicy,
    Key,
    Outcome,
    Result,
    RetryPolicy,
    Status,
    next_state,
)  # fmt: skip

POLICY = RetryPolicy((5, 30, 120), jitter=0.2)
FAILED = Result(Outcome.RETRY, status_code=500)
JITTER = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Outcome.DELIVERED, Status.DELIVERED), (Outcome.GONE, Status.GONE), (Outcome.REJECTED, Status.REJECTED)],
)
@given(attempt=st.integers(1, 50), jitter=JITTER)
def test_an_end_is_an_end_at_any_attempt(outcome, status, attempt, jitter):
    state = next_state(attempt, Result(outcome), POLICY, jitter)
    assert (state.status, state.wait_seconds) == (status, None)
    assert state.status in FINAL


@given(attempt=st.integers(1, 3), jitter=JITTER)
def test_a_failure_waits_for_its_place_in_the_schedule_give_or_take_the_jitter(attempt, jitter):
    state = next_state(attempt, FAILED, POLICY, jitter)
    planned = POLICY.schedule_seconds[attempt - 1]
    assert state.status == Status.PENDING
    assert planned * 0.8 - 1e-9 <= state.wait_seconds <= planned * 1.2 + 1e-9


def test_after_the_last_retry_it_is_exhausted():
    statuses = [next_state(attempt, FAILED, POLICY, 0).status for attempt in (3, 4, 5)]
    assert statuses == [Status.PENDING, Status.EXHAUSTED, Status.EXHAUSTED]
    assert next_state(1, FAILED, RetryPolicy(()), 0).status == Status.EXHAUSTED


@pytest.mark.parametrize(
    ("wish", "wait"), [(0, 6), (5, 6), (7, 7), (86_400, 86_400), (10**9, 86_400), (-5, 6)]
)
def test_a_targets_wish_prolongs_the_wait_up_to_a_day_and_shortens_none(wish, wait):
    result = Result(Outcome.RETRY, status_code=429, retry_after_seconds=wish)
    state = next_state(1, result, POLICY, 1)
    assert (state.wait_seconds, state.retry_after_seconds) == (wait, None if wait == 6 else wait)
    assert next_state(1, result, RetryPolicy((10**6,)), 0).wait_seconds == 10**6
    assert next_state(4, result, POLICY, 1).status == Status.EXHAUSTED


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (None, [5, 30, 120, None]),
        ({"schedule_seconds": [1, 2]}, [1, 2, None]),
        ({"schedule_seconds": []}, [None]),
        ({"for_seconds": 34.9}, [5, None]),
        ({"for_seconds": 35}, [5, 30, None]),
        ({"for_seconds": 400}, [5, 30, 120, 120, 120, None, None]),
        ({"for_seconds": 0}, [None]),
    ],
)
def test_a_subscription_may_have_a_schedule_or_a_time_of_its_own(retry, waits):
    policy = POLICY.of(retry)
    assert [policy.wait_before(number) for number in range(1, len(waits) + 1)] == waits
    states = [next_state(number, FAILED, policy, 0) for number in range(1, len(waits) + 1)]
    assert [state.wait_seconds for state in states] == waits


@given(st.lists(st.floats(0, 1e6), max_size=9), st.floats(0, 3e6))
def test_the_waits_of_a_time_of_ones_own_never_come_to_more_and_end(schedule, seconds):
    policy = RetryPolicy(tuple(schedule)).of({"for_seconds": seconds})
    waits = [policy.wait_before(number) for number in range(1, MAX_RETRIES + 2)]
    made = waits[: waits.index(None)]
    assert sum(made) <= seconds * (1 + 1e-9)
    assert set(waits[len(made) :]) == {None}


@given(st.integers(1, 2**63 - 1), st.integers(1, 10**18 - 1))
def test_a_delivery_id_is_read_back(position, subscription_no):
    key = Key(position, subscription_no)
    assert Key.parse(str(key)) == key


@given(st.text())
def test_any_text_is_a_delivery_id_or_none(text):
    key = Key.parse(text)
    assert key is None or str(key) == text


@pytest.mark.parametrize(
    "text",
    ["dlv_1", "dlv_0_1", "dlv_01_1", "dlv_9223372036854775808_1", "dlv_1_1\n", "dlv_\u0661_1", "sub_1_1"],
)
def test_what_is_no_delivery_id_is_refused(text):
    assert Key.parse(text) is None


def test_the_breaker_trips_on_many_failures_over_a_long_time_and_not_on_either_alone():
    policy = BreakerPolicy(failures=50, span_seconds=60)
    assert policy.trips(failures=50, failing_since_ms=0, now_ms=60_000)
    assert not policy.trips(failures=49, failing_since_ms=0, now_ms=60_000)
    assert not policy.trips(failures=50, failing_since_ms=1, now_ms=60_000)
