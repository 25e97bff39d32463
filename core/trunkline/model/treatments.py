"""Limits of a target, set by the subscription, or else by the company's operator, or else by the deployment. Pure.

The names and bounds are the same on every level.
"""

import math
from collections.abc import Callable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

from trunkline.errors import FieldError, but_not
from trunkline.model.pace import MAX_IN_FLIGHT, Rate
from trunkline.model.subscriptions import Subscription

MIN_TIMEOUT_SECONDS = 0.1
MAX_TIMEOUT_SECONDS = 60
"""The longest time limit that a subscription may set: a target that hangs keeps its slots for this long."""
MAX_RETRY_STEPS = 50
MAX_RETRY_SECONDS = 30 * 24 * 60 * 60
"""The maximum length of one wait before a retry, and of the sum of all waits."""
RATE_FORM = 'must be a rate such as "50/second", "600/minute" or "3600/hour", from 1/minute to 10000/second'
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def missing(subscription: Subscription, deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options that *subscription* does not set, by name: its company's values, or else *deployment*'s."""
    if not deployment and subscription.defaults is None:
        return _NOTHING
    found = {**deployment, **(subscription.defaults or _NOTHING)}
    return {name: value for name, value in found.items() if getattr(subscription, name) is None}


def said_of(name: str, options: Mapping[str, Any]) -> Any:
    """Return the option *name* of a subscription, or else of its company; None if neither sets it.

    *options* are the stored options of the subscription, which include those of its company.
    """
    own = options.get(name)
    return own if own is not None else (options.get("defaults") or _NOTHING).get(name)


def timeout_of(subscription: Subscription) -> float | None:
    """Return the time limit of an attempt that *subscription* or its company sets; None if the deployment's applies."""
    own = subscription.timeout_seconds
    return own if own is not None else (subscription.defaults or _NOTHING).get("timeout_seconds")


def _timeout_faults(seconds: Any) -> list[FieldError]:
    if _is_number(seconds, least=MIN_TIMEOUT_SECONDS, most=MAX_TIMEOUT_SECONDS):
        return []
    message = f"must be a number of seconds from {MIN_TIMEOUT_SECONDS} to {MAX_TIMEOUT_SECONDS}"
    return [FieldError("/timeout_seconds", message)]


def _retry_faults(retry: Any) -> list[FieldError]:
    if not isinstance(retry, dict) or set(retry) not in ({"schedule_seconds"}, {"for_seconds"}):
        message = 'must be an object such as {"schedule_seconds": [5, 30]} or {"for_seconds": 86400}'
        return [FieldError("/retry", message)]
    if "for_seconds" in retry:
        return _wait_faults("/retry/for_seconds", retry["for_seconds"])
    schedule = retry["schedule_seconds"]
    if not isinstance(schedule, list) or len(schedule) > MAX_RETRY_STEPS:
        message = f"must be a list of at most {MAX_RETRY_STEPS} waits in seconds; an empty one for no retry"
        return [FieldError("/retry/schedule_seconds", message)]
    found = [_wait_faults(f"/retry/schedule_seconds/{at}", wait) for at, wait in enumerate(schedule)]
    return list(chain.from_iterable(found))


def _max_in_flight_faults(count: Any) -> list[FieldError]:
    if type(count) is int and 1 <= count <= MAX_IN_FLIGHT:
        return []
    return [FieldError("/max_in_flight", f"must be a whole number from 1 to {MAX_IN_FLIGHT}")]


def _rate_faults(rate: Any) -> list[FieldError]:
    is_rate = isinstance(rate, str) and Rate.parse(rate) is not None
    return [] if is_rate else [FieldError("/rate", RATE_FORM + but_not(rate))]


def _wait_faults(path: str, seconds: Any) -> list[FieldError]:
    if _is_number(seconds, least=0, most=MAX_RETRY_SECONDS):
        return []
    return [FieldError(path, f"must be a number of seconds from 0 to {MAX_RETRY_SECONDS} (30 days)")]


def _is_number(value: Any, *, least: float, most: float) -> bool:
    return type(value) in {int, float} and math.isfinite(value) and least <= value <= most


_FAULTS: Mapping[str, Callable[[Any], list[FieldError]]] = {
    "timeout_seconds": _timeout_faults,
    "retry": _retry_faults,
    "max_in_flight": _max_in_flight_faults,
    "rate": _rate_faults,
}
NAMES = tuple(_FAULTS)
"""The options of a subscription that limit how its target is called."""

PACE = ("max_in_flight", "rate")
"""The options that make a pace (``model.pace``)."""


def faults_in(name: str, value: Any) -> list[FieldError]:
    """List the faults of *value* for the option *name*, one of ``NAMES``."""
    return _FAULTS[name](value)
