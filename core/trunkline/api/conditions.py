"""The fields of a subscription's condition (``model.health``) in answers to GET."""

from collections.abc import Mapping

from pydantic import Field

from trunkline.model.health import SubscriptionHealth
from trunkline.subscribing.options import Member

CONDITION: Mapping[str, Member] = {
    "health": (
        SubscriptionHealth,
        Field(default=SubscriptionHealth.IDLE, description="state of its deliveries"),
    ),
    "failing_since": (
        str | None,
        Field(
            default=None,
            description="when it began to fail; null if it does not",
            json_schema_extra={"format": "date-time"},
        ),
    ),
    "success_rate_24h": (
        float | None,
        Field(
            default=None,
            description="share of successful attempts in the last 24 hours; null if there were none",
        ),
    ),
    "p95_ms_24h": (
        int | None,
        Field(
            default=None,
            description="95th percentile of the duration of successful attempts in the last 24 hours, in ms, rounded up; "
            "null if there were none",
        ),
    ),
}
