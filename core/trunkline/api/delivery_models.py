"""The models of requests and answers about deliveries and replays."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from trunkline.api.models import EventId, NextAttemptBy, SentTwice, Strict, Utc
from trunkline.subscribing.checks import MAX_EVENT_TYPES, MAX_VERSIONS


class ReplayRequest(Strict):
    """The events to send again."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    from_utc: AwareDatetime | None = Field(
        default=None,
        strict=False,  # JSON has no times: they come as text
        alias="from",
        description="time of acceptance, inclusive; from the oldest event, if absent",
    )
    to_utc: AwareDatetime | None = Field(
        default=None, strict=False, alias="to", description="exclusive; up to now, if absent"
    )
    event_types: list[str] | None = Field(
        default=None,
        max_length=MAX_EVENT_TYPES,
        description="only these; all types of the subscription, if absent",
    )
    versions: dict[str, int] | None = Field(
        default=None,
        max_length=MAX_VERSIONS,
        description="version to send of each event type; that of the subscription, if absent",
        examples=[{"invoice.created": 1}],
    )
    only_failed: bool = Field(default=False, description="only deliveries that have failed for good")
    dry_run: bool = Field(default=False, description="only count")

    def request(self) -> dict[str, Any]:
        """The members under their public names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class ReplayView(BaseModel):
    """A replay and its progress."""

    id: str
    matched: int = Field(description="deliveries made due so far")
    delivered: int
    status: Literal["running", "completed", "cancelled", "failed"]
    created_utc: Utc
    updated_utc: Utc


class ReplayCount(BaseModel):
    """The number of deliveries that a replay would send."""

    matched: int
    complete: bool | None = Field(
        default=None, description="false if counting stopped early: `matched` is then a lower bound"
    )


DeliveryStatus = Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]


class DeliverySummary(BaseModel):
    """A delivery: one event for one subscription."""

    id: str
    event_id: EventId
    event_type: str
    status: DeliveryStatus
    attempts: int
    last_status_code: int | None
    next_attempt_utc: Utc | None
    next_attempt_by: NextAttemptBy = None
    updated_utc: Utc
    held_by: str | None = Field(
        default=None,
        description="for a held delivery: the earlier delivery of the same order that it waits for",
    )


class DeliveryList(BaseModel):
    """A page of the delivery log, newest event first."""

    deliveries: list[DeliverySummary]
    next_cursor: str | None


class AttemptView(BaseModel):
    """One attempt at a delivery."""

    number: int
    started_utc: Utc
    duration_ms: int
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    response_body: str | None
    error: str | None
    sent_twice: SentTwice = None


class DeliveryDetail(DeliverySummary):
    """A delivery with its attempts."""

    subscription_id: str
    attempts: list[AttemptView]  # type: ignore[assignment]  # a number in lists, the attempts here
