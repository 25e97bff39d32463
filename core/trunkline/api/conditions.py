"""The fields of a subscription's condition (``model.health``) in answers to GET."""

from collections.abc import Mapping

from pydantic import Field

from trunkline.model.health import SubscriptionHealth
from trunkline.subscribing.options import Member

CONDITION: Mapping[str, Member] = {
    "health": (
        SubscriptionHealth,
        Field(default=SubscriptionHealth.IDLE, description="what becomes of its events"),
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
            description="share of the attempts of 24 hours that delivered; null if there were none",
        ),
    ),
    "p95_ms_24h": (
        int | None,
        Field(
            default=None,
            description="time within which 95 % of the delivered attempts of 24 hours ended, rounded up; "
            "null if there were none",
        ),
    ),
}
