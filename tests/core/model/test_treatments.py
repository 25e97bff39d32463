"""The options for the treatment of a target: each wrong value is refused with a sentence that says what is allowed."""

from types import SimpleNamespace

import pytest

from trunkline.model import treatments

A_WAIT = "must be a number of seconds from 0 to 2592000 (30 days)"
A_SCHEDULE = "must be a list of at most 50 waits in seconds; an empty one for no retry"
A_RETRY = 'must be an object such as {"schedule_seconds": [5, 30]} or {"for_seconds": 86400}'


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("timeout_seconds", [0.1, 1, 5, 12.5, 60]),
        ("retry", [{"schedule_seconds": []}, {"schedule_seconds": [0, 0.5, 2_592_000] + [1] * 47}, {"for_seconds": 86400}]),
        ("max_in_flight", [1, 8, 10_000]),
        ("rate", ["1/minute", "60/hour", "10000/second", "36000000/hour", "7/second"]),
    ],
)  # fmt: skip
def test_what_is_within_the_bounds_is_taken(name, values):
    for value in values:
        assert treatments.faults_in(name, value) == [], value


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("timeout_seconds", [0, 0.09, 60.1, -1, "5", True, float("nan"), float("inf"), [5]], "must be a number of seconds from 0.1 to 60"),
        ("max_in_flight", [0, 10_001, 2.5, "8", True, None], "must be a whole number from 1 to 10000"),
    ],
)  # fmt: skip
def test_another_number_is_refused(name, values, message):
    for value in values:
        [fault] = treatments.faults_in(name, value)
        assert (fault.path, fault.message) == (f"/{name}", message), value


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
        ({"schedule_seconds": [1] * 51}, "/retry/schedule_seconds", A_SCHEDULE),
        ({"schedule_seconds": 5}, "/retry/schedule_seconds", A_SCHEDULE),
    ],
)
def test_another_retry_is_refused(retry, path, message):
    [fault] = treatments.faults_in("retry", retry)
    assert (fault.path, fault.message) == (path, message)


@pytest.mark.parametrize(
    "text", ["59/hour", "0/second", "10001/second", "5/day", "5 /second", "1e3/second", "05/second"]
)
def test_another_rate_is_refused_and_repeated(text):
    [fault] = treatments.faults_in("rate", text)
    assert fault.path == "/rate"
    assert fault.message.startswith('must be a rate such as "50/second"')
    assert fault.message.endswith(f", not '{text}'")


@pytest.mark.parametrize("value", ["", 5, ["5/second"]])
def test_what_is_no_rate_is_refused(value):
    [fault] = treatments.faults_in("rate", value)
    assert fault.message.startswith('must be a rate such as "50/second"')


def subscription(**options):
    return SimpleNamespace(**dict.fromkeys((*treatments.NAMES, "defaults")) | options)


def test_what_a_subscription_leaves_open_its_company_says_and_else_the_deployment():
    deployment = {"rate": "9/second", "max_in_flight": 3}
    plain = subscription()
    assert treatments.missing(plain, {}) == {}
    assert treatments.missing(plain, deployment) == deployment
    of_company = subscription(defaults={"max_in_flight": 2, "retry": {"for_seconds": 60}})
    assert treatments.missing(of_company, deployment) == {
        "rate": "9/second",
        "max_in_flight": 2,
        "retry": {"for_seconds": 60},
    }
    own = subscription(defaults={"max_in_flight": 2, "timeout_seconds": 5}, max_in_flight=1, rate="1/minute")
    assert treatments.missing(own, deployment) == {"timeout_seconds": 5}
    assert (treatments.timeout_of(own), treatments.timeout_of(plain)) == (5, None)


def test_what_a_row_says_is_told_from_its_options_its_own_before_its_companys():
    said = treatments.said_of
    assert said("rate", {}) is None
    assert said("rate", {"rate": "1/minute", "defaults": {"rate": "9/second"}}) == "1/minute"
    assert said("timeout_seconds", {"rate": "1/minute", "defaults": {"timeout_seconds": 5}}) == 5
    assert said("timeout_seconds", {"defaults": {"rate": "9/second"}}) is None
