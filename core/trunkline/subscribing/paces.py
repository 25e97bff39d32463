"""The options that say how a subscription's target is treated: how they are checked, and described in requests and answers."""

import math
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from trunkline.errors import FieldError
from trunkline.model.pace import MAX_IN_FLIGHT, Rate
from trunkline.subscribing.checks import Context

MIN_TIMEOUT_SECONDS = 0.1
MAX_TIMEOUT_SECONDS = 60
"""The longest limit of an attempt that a subscription may ask for: as long a target that hangs has its slots."""
MAX_RETRY_STEPS = 50
MAX_RETRY_SECONDS = 30 * 24 * 60 * 60
"""How long one wait before a retry, and all of them together, may be."""

Timeout = Annotated[
    float | None,
    Field(
        ge=MIN_TIMEOUT_SECONDS,
        le=MAX_TIMEOUT_SECONDS,
        description="limit of one attempt, in seconds; null for the deployment's",
        examples=[5],
    ),
]
Retry = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "schedule_seconds": {
                            "type": "array",
                            "items": {"type": "number", "minimum": 0, "maximum": MAX_RETRY_SECONDS},
                            "maxItems": MAX_RETRY_STEPS,
                        }
                    },
                    "required": ["schedule_seconds"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {
                        "for_seconds": {"type": "number", "minimum": 0, "maximum": MAX_RETRY_SECONDS}
                    },
                    "required": ["for_seconds"],
                    "additionalProperties": False,
                },
                {"type": "null"},
            ]
        }
    ),
    Field(
        description=(
            "when a failed delivery is tried again: after these waits, or after the deployment's for so many seconds, the "
            "last of them repeated where they are shorter; null for the deployment's"
        ),
        examples=[{"schedule_seconds": [5, 30]}],
    ),
]

MaxInFlight = Annotated[
    int | None,
    Field(
        ge=1,
        le=MAX_IN_FLIGHT,
        description="how many attempts may be in flight at once, whatever workers there are; null for the deployment's limits alone",
        examples=[8],
    ),
]
RateText = Annotated[
    str | None,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[1-9][0-9]{0,8}/(second|minute|hour)$"},
                {"type": "null"},
            ]
        }
    ),
    Field(
        description="how many attempts may begin in a second, a minute or an hour, whatever workers there are; null for no limit",
        examples=["50/second"],
    ),
]


def check_timeout(seconds: Any, _: Context) -> list[FieldError]:
    """Check that it is a number of seconds within the bounds."""
    if _is_number(seconds, least=MIN_TIMEOUT_SECONDS, most=MAX_TIMEOUT_SECONDS):
        return []
    message = f"must be a number of seconds from {MIN_TIMEOUT_SECONDS} to {MAX_TIMEOUT_SECONDS}"
    return [FieldError("/timeout_seconds", message)]


def check_retry(retry: Any, _: Context) -> list[FieldError]:
    """Check that it is a schedule or a time, within the bounds."""
    if (
        not isinstance(retry, dict)
        or len(retry) != 1
        or not retry.keys() <= {"schedule_seconds", "for_seconds"}
    ):
        message = 'must be an object such as {"schedule_seconds": [5, 30]} or {"for_seconds": 86400}'
        return [FieldError("/retry", message)]
    if "for_seconds" in retry:
        return [] if _is_wait(retry["for_seconds"]) else [_wait_fault("/retry/for_seconds")]
    schedule = retry["schedule_seconds"]
    if not isinstance(schedule, list) or len(schedule) > MAX_RETRY_STEPS:
        message = f"must be a list of at most {MAX_RETRY_STEPS} waits in seconds; an empty one for no retry"
        return [FieldError("/retry/schedule_seconds", message)]
    return [
        _wait_fault(f"/retry/schedule_seconds/{index}")
        for index, wait in enumerate(schedule)
        if not _is_wait(wait)
    ]


def check_max_in_flight(count: Any, _: Context) -> list[FieldError]:
    """Check that it is a whole number within the bounds."""
    if type(count) is int and 1 <= count <= MAX_IN_FLIGHT:
        return []
    return [FieldError("/max_in_flight", f"must be a whole number from 1 to {MAX_IN_FLIGHT}")]


def check_rate(rate: Any, _: Context) -> list[FieldError]:
    """Check that it is a rate within the bounds."""
    if isinstance(rate, str) and Rate.parse(rate) is not None:
        return []
    message = 'must be a rate such as "50/second", "600/minute" or "3600/hour", from 1/minute to 10000/second'
    return [FieldError("/rate", message)]


def _wait_fault(path: str) -> FieldError:
    return FieldError(path, f"must be a number of seconds from 0 to {MAX_RETRY_SECONDS} (30 days)")


def _is_wait(seconds: Any) -> bool:
    return _is_number(seconds, least=0, most=MAX_RETRY_SECONDS)


def _is_number(value: Any, *, least: float, most: float) -> bool:
    return type(value) in {int, float} and math.isfinite(value) and least <= value <= most
