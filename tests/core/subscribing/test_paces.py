"""The options that say how a target is treated: each wrong one is refused with a sentence that says what to give."""

import pytest

from trunkline.subscribing import paces

A_WAIT = "must be a number of seconds from 0 to 2592000 (30 days)"
A_RETRY = 'must be an object such as {"schedule_seconds": [5, 30]} or {"for_seconds": 86400}'


@pytest.mark.parametrize("seconds", [0.1, 1, 5, 12.5, 60])
def test_a_limit_of_an_attempt_is_taken(seconds):
    assert paces.check_timeout(seconds, None) == []


@pytest.mark.parametrize("seconds", [0, 0.09, 60.1, -1, "5", True, float("nan"), float("inf"), [5]])
def test_another_limit_is_refused(seconds):
    [fault] = paces.check_timeout(seconds, None)
    assert (fault.path, fault.message) == (
        "/timeout_seconds",
        "must be a number of seconds from 0.1 to 60",
    )


@pytest.mark.parametrize(
    "retry",
    [{"schedule_seconds": []}, {"schedule_seconds": [0, 0.5, 2_592_000] + [1] * 47}, {"for_seconds": 86400}],
)
def test_a_schedule_or_a_time_is_taken(retry):
    assert paces.check_retry(retry, None) == []


@pytest.mark.parametrize(
    ("retry", "path", "message"),
    [
        ("fast", "/retry", A_RETRY),
        ({}, "/retry", A_RETRY),
        ({"schedule_seconds": [5], "for_seconds": 5}, "/retry", A_RETRY),
        ({"times": 3}, "/retry", A_RETRY),
        ({"for_seconds": "5"}, "/retry/for_seconds", A_WAIT),
        ({"for_seconds": 2_592_001}, "/retry/for_seconds", A_WAIT),
        ({"schedule_seconds": [5, -1]}, "/retry/schedule_seconds/1", A_WAIT),
        ({"schedule_seconds": [True]}, "/retry/schedule_seconds/0", A_WAIT),
        (
            {"schedule_seconds": [1] * 51},
            "/retry/schedule_seconds",
            "must be a list of at most 50 waits in seconds; an empty one for no retry",
        ),
        (
            {"schedule_seconds": 5},
            "/retry/schedule_seconds",
            "must be a list of at most 50 waits in seconds; an empty one for no retry",
        ),
    ],
)
def test_another_retry_is_refused(retry, path, message):
    [fault] = paces.check_retry(retry, None)
    assert (fault.path, fault.message) == (path, message)


@pytest.mark.parametrize("count", [1, 8, 10_000])
def test_a_number_in_flight_is_taken(count):
    assert paces.check_max_in_flight(count, None) == []


@pytest.mark.parametrize("count", [0, 10_001, 2.5, "8", True, None])
def test_another_number_is_refused(count):
    [fault] = paces.check_max_in_flight(count, None)
    assert (fault.path, fault.message) == ("/max_in_flight", "must be a whole number from 1 to 10000")


@pytest.mark.parametrize("rate", ["1/minute", "60/hour", "10000/second", "36000000/hour", "7/second"])
def test_a_rate_is_taken(rate):
    assert paces.check_rate(rate, None) == []


@pytest.mark.parametrize(
    "rate",
    [
        "59/hour",
        "0/second",
        "10001/second",
        "5/day",
        "5 /second",
        "1e3/second",
        "05/second",
        "",
        5,
        ["5/second"],
    ],
)
def test_another_rate_is_refused(rate):
    [fault] = paces.check_rate(rate, None)
    assert fault.path == "/rate"
    assert fault.message.startswith('must be a rate such as "50/second"')
