"""The options that say how a subscription's target is treated: how they are checked, and described in requests and answers."""

import math
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from trunkline.errors import FieldError
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


def _wait_fault(path: str) -> FieldError:
    return FieldError(path, f"must be a number of seconds from 0 to {MAX_RETRY_SECONDS} (30 days)")


def _is_wait(seconds: Any) -> bool:
    return _is_number(seconds, least=0, most=MAX_RETRY_SECONDS)


def _is_number(value: Any, *, least: float, most: float) -> bool:
    return type(value) in {int, float} and math.isfinite(value) and least <= value <= most
