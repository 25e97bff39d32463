"""The models of requests and answers for readers."""

from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from trunkline.api import models
from trunkline.api.models import Strict, Utc
from trunkline.api.requests import QueryModel
from trunkline.errors import BodyInvalid
from trunkline.model.times import epoch_ms_of
from trunkline.runtime.strict_json import read_json
from trunkline.subscribing.digests import MAX_RANGES
from trunkline.subscribing.leasing import LEASE_SECONDS, MAX_LEASE_SECONDS
from trunkline.subscribing.options import EventTypeNames

_PLACE = "a cursor, an ISO 8601 time with its offset, or the id of an event"


class ReadBy(BaseModel):
    """Whether a consumer of the event's type has read the event."""

    name: str
    state: Literal["committed", "leased", "unread"] = Field(
        description="`leased`: a poller has received the event and not committed it; filters are ignored"
    )


class EventExplanation(BaseModel):
    """The deliveries of an event, by subscription, and the consumers that have read it."""

    event_id: models.EventId
    subscriptions: list[models.SubscriptionExplanation]
    consumers: list[ReadBy]


class ConsumerRequest(Strict):
    """The events that a consumer reads, and its start."""

    event_types: EventTypeNames | None = None
    filter: dict[str, Any] | None = Field(
        default=None,
        description="conditions on the payload, as in a subscription",
        examples=[{"payload.amount": {"gte": 100}}],
    )
    start: str | None = Field(
        default=None,
        description="`now` (default), `beginning`, a cursor, or an ISO 8601 time; ignored if the consumer exists",
    )


class ConsumerView(BaseModel):
    """A consumer, its cursor and its lag."""

    name: str
    cursor: str = Field(description="everything up to this position is committed")
    lag: int = Field(description="events of its types after the cursor, counted without its filter")
    lag_is_least: bool = Field(description="true if `lag` is only a lower bound")
    leases: int = Field(description="number of pages that are leased now")
    is_expired: bool = Field(
        description="true if events after the cursor were deleted; move the consumer with `seek`"
    )
    event_types: list[str]
    filter: dict[str, Any] | None
    created_utc: Utc
    updated_utc: Utc = Field(description="time of the last read, commit, seek or change")
    committed_utc: Utc | None = Field(description="when the last page was committed; null if none was")


class ConsumerList(BaseModel):
    """Consumers, oldest first."""

    consumers: list[ConsumerView]
    next_cursor: str | None


class LeasedEvents(BaseModel):
    """A page of events that is leased to the caller until its commit, or until the lease lapses."""

    events: list[models.Envelope]
    cursor: str = Field(description="the cursor to commit once the events are handled")
    lease: str | None = Field(description="the lease to commit with; null if there are no events")


class ConsumerCommit(Strict):
    """The commit of a page, or of its first events."""

    cursor: str = Field(
        max_length=100, description="`cursor` of the page, or the cursor of an earlier event in it"
    )
    lease: str | None = Field(
        default=None,
        max_length=100,
        description="`lease` of the page; if absent, everything up to the cursor is committed, whoever holds the leases",
    )


class ConsumerSeek(Strict):
    """The new position of a consumer: either `cursor` or `time`."""

    cursor: str | None = Field(default=None, max_length=100, description="continue after this cursor")
    time: str | None = Field(
        default=None, description="continue with the events accepted at this ISO 8601 time or later"
    )

    @field_validator("time")
    @classmethod
    def _check_time(cls, time: str | None) -> str | None:
        if time is not None and epoch_ms_of(time) is None:
            msg = "should be an ISO 8601 time with its offset, such as 2026-01-28T10:30:00Z"
            raise ValueError(msg)
        return time

    @model_validator(mode="after")
    def _check_one(self) -> "ConsumerSeek":
        if (self.cursor is None) == (self.time is None):
            raise ValueError("should have either 'cursor' or 'time'")
        return self


class ListQuery(QueryModel):
    """The page of consumers to list."""

    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=100)


class LeaseQuery(QueryModel):
    """Which page to lease."""

    limit: int = Field(default=50, ge=1, le=200)
    wait: int = Field(
        default=0, ge=0, le=30, description="whole seconds to wait for the first event (long poll)"
    )
    lease_seconds: int = Field(
        default=LEASE_SECONDS,
        ge=1,
        le=MAX_LEASE_SECONDS,
        description="how long the caller holds the page; after that another poller gets it",
    )


class DigestQuery(QueryModel):
    """Which events to digest."""

    begin: str | None = Field(
        default=None,
        alias="from",
        description=f"begin after this place: {_PLACE}; at the oldest event, if absent",
    )
    end: str | None = Field(
        default=None, alias="to", description=f"end at this place: {_PLACE}; now, if absent"
    )
    types: str | None = Field(default=None, description="comma-separated, as for `GET /api/v1/events`")
    filter: Any = Field(
        default=None,
        description="JSON of a filter, as for `GET /api/v1/events`",
        json_schema_extra={"type": "string"},
    )
    subscription: str | None = Field(
        default=None,
        description="only events that this subscription takes; not together with `types` or `filter`",
    )
    ranges: int | None = Field(
        default=None,
        ge=1,
        le=MAX_RANGES,
        description="split the range into this many parts with equally many events",
    )

    @field_validator("filter", mode="before")
    @classmethod
    def _read_filter(cls, text: object, _: ValidationInfo) -> object:
        if not isinstance(text, str):
            return text
        try:
            return read_json(text.encode())[1]
        except BodyInvalid as error:
            raise ValueError(error.errors[0].message) from None


class DigestRange(BaseModel):
    """A range of the log: the events after `from` and up to `to`."""

    begin: str = Field(alias="from", description="cursor")
    to: str = Field(description="cursor")
    after_id: int = Field(description="`from` as an id: all ids of the range are greater")
    last_id: int = Field(description="`to` as an id: no id of the range is greater")
    count: int
    digest: str = Field(
        description="SHA-256, hex, of the ids as decimal text, ascending, each followed by a line feed"
    )


class EventDigest(DigestRange):
    """The digest of a range, and of its parts if `ranges` was given."""

    more: bool = Field(description="true if the digest ends early, at `to`: request the rest from there")
    ranges: list[DigestRange] | None = None


class InterestQuery(QueryModel):
    """The company whose subscriptions and consumers are counted."""

    company: str | None = Field(
        default=None, description="the company's id or reference; the caller's, if absent"
    )


class InterestView(BaseModel):
    """The number of subscriptions and consumers that take an event type; filters are ignored."""

    type: str
    is_wanted: bool
    subscriptions: int
    consumers: int


class KeysQuery(QueryModel):
    """The company, or the subscription, whose public keys to show."""

    company: str | None = Field(default=None, description="the company's id or reference")
    environment: Literal["live", "test"] = Field(default="live", description="environment of the company")
    subscription: str | None = Field(
        default=None, description="id of a subscription; then `company` is not needed"
    )


class PublicKeys(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]
