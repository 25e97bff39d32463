"""The delivery options of a subscription: their checks, and their descriptions in requests and answers."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from trunkline.model import treatments
from trunkline.model.pace import MAX_IN_FLIGHT
from trunkline.model.treatments import (
    MAX_RETRY_SECONDS,
    MAX_RETRY_STEPS,
    MAX_TIMEOUT_SECONDS,
    MIN_TIMEOUT_SECONDS,
)
from trunkline.subscribing.checks import Check

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
                    "x-component": "Retry",
                    "type": "object",
                    "properties": {
                        "schedule_seconds": {
                            "type": "array",
                            "items": {"type": "number", "minimum": 0, "maximum": MAX_RETRY_SECONDS},
                            "maxItems": MAX_RETRY_STEPS,
                        },
                        "for_seconds": {"type": "number", "minimum": 0, "maximum": MAX_RETRY_SECONDS},
                    },
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
                {"type": "null"},
            ]
        }
    ),
    Field(
        description=(
            "waits before the retries of a failed delivery: these, or the deployment's for this many seconds in all, with the "
            "last one repeated if necessary; null for the deployment's"
        ),
        examples=[{"schedule_seconds": [5, 30]}],
    ),
]

MaxInFlight = Annotated[
    int | None,
    Field(
        ge=1,
        le=MAX_IN_FLIGHT,
        description="maximum of attempts in flight at once, over all workers; null for the deployment's limits alone",
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
        description="maximum of attempts that begin per second, minute or hour, over all workers; null for no limit",
        examples=["50/second"],
    ),
]


def check_of(name: str) -> Check:
    """Return the check of the option *name*, which must be declared in this module."""
    return lambda value, _: treatments.faults_in(name, value)
