"""The models of requests and answers for readers."""

from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from trunkline.api import models
from trunkline.api.models import Strict, Utc
from trunkline.api.requests import QueryModel, read_json
from trunkline.errors import BodyInvalid
from trunkline.model.times import epoch_ms_of
from trunkline.subscribing.digests import MAX_RANGES
from trunkline.subscribing.leasing import LEASE_SECONDS, MAX_LEASE_SECONDS
from trunkline.subscribing.options import EventTypeNames

_PLACE = "a cursor, an ISO 8601 time with its offset, or the id of an event"


class ReadBy(BaseModel):
    """Whether a consumer that takes the event's type has read it."""

    name: str
    state: Literal["committed", "leased", "unread"] = Field(
        description="`leased`: a poller has got it and has not committed it; a filter is not looked at"
    )


class EventExplanation(BaseModel):
    """What became of an event: subscription by subscription, and who has read it."""

    event_id: models.EventId
    subscriptions: list[models.SubscriptionExplanation]
    consumers: list[ReadBy]


class ConsumerRequest(Strict):
    """What a consumer reads, and where it begins."""

    event_types: EventTypeNames | None = None
    filter: dict[str, Any] | None = Field(
        default=None,
        description="conditions as a subscription's",
        examples=[{"payload.amount": {"gte": 100}}],
    )
    start: str | None = Field(
        default=None,
        description="`now` (default), `beginning`, a cursor, or an ISO 8601 time; it counts when the consumer is made",
    )


class ConsumerView(BaseModel):
    """A consumer, and how far it is."""

    name: str
    cursor: str = Field(description="everything up to it is committed")
    lag: int = Field(description="events of its types after the cursor, counted without its filter")
    lag_is_least: bool = Field(description="whether there are more than were counted")
    leases: int = Field(description="pages that pollers hold now")
    is_expired: bool = Field(description="whether events after the cursor were removed; `seek` moves it on")
    event_types: list[str]
    filter: dict[str, Any] | None
    created_utc: Utc
    updated_utc: Utc = Field(description="when it was last read, committed, moved or changed")
    committed_utc: Utc | None = Field(description="when the last page was committed; null if none was")


class ConsumerList(BaseModel):
    """Consumers, oldest first."""

    consumers: list[ConsumerView]
    next_cursor: str | None


class LeasedEvents(BaseModel):
    """A page that the caller holds until it commits it, or until the lease lapses."""

    events: list[models.Envelope]
    cursor: str = Field(description="what to commit once the events are handled")
    lease: str | None = Field(description="what to commit it with; null if there are no events")


class ConsumerCommit(Strict):
    """How far the events of a page are handled."""

    cursor: str = Field(max_length=100, description="`cursor` of the page, or that of an earlier event of it")
    lease: str | None = Field(
        default=None,
        max_length=100,
        description="`lease` of the page; if absent, everything up to the cursor is committed, whoever holds it",
    )


class ConsumerSeek(Strict):
    """Where a consumer is to go on: one of both."""

    cursor: str | None = Field(default=None, max_length=100, description="after this cursor")
    time: str | None = Field(
        default=None, description="with what was accepted at this ISO 8601 time or later"
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
    """Which consumers to list."""

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
        description="how long the page is kept for the caller; then it is given out again",
    )


class DigestQuery(QueryModel):
    """Which events to digest."""

    begin: str | None = Field(
        default=None, alias="from", description=f"after it: {_PLACE}; from the oldest event on, if absent"
    )
    end: str | None = Field(default=None, alias="to", description=f"up to it: {_PLACE}; up to now, if absent")
    types: str | None = Field(default=None, description="comma-separated, as for `GET /api/v1/events`")
    filter: Any = Field(
        default=None,
        description="JSON of a filter, as for `GET /api/v1/events`",
        json_schema_extra={"type": "string"},
    )
    subscription: str | None = Field(
        default=None, description="only what this subscription takes; not together with `types` or `filter`"
    )
    ranges: int | None = Field(
        default=None, ge=1, le=MAX_RANGES, description="split it into so many parts with as many events each"
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
    """A stretch of the log: the events after `from` and up to `to`."""

    begin: str = Field(alias="from", description="cursor")
    to: str = Field(description="cursor")
    after_id: int = Field(description="`from` as an id: the ids of the stretch are greater")
    last_id: int = Field(description="`to` as an id: no id of the stretch is greater")
    count: int
    digest: str = Field(
        description="SHA-256, hex, of the ids as decimal text, ascending, each followed by a line feed"
    )


class EventDigest(DigestRange):
    """The digest of a stretch, and of its parts if they were asked for."""

    more: bool = Field(description="whether `to` is short of what was asked for: ask again from there")
    ranges: list[DigestRange] | None = None


class InterestQuery(QueryModel):
    """Whose interest to tell."""

    company: str | None = Field(
        default=None, description="the company's id or reference; the caller's, if absent"
    )


class InterestView(BaseModel):
    """Who takes an event type, whatever their filters."""

    type: str
    is_wanted: bool
    subscriptions: int
    consumers: int


class KeysQuery(QueryModel):
    """Whose public keys to show: a company's, or those of one subscription."""

    company: str | None = Field(default=None, description="the company's id or reference")
    environment: Literal["live", "test"] = Field(default="live", description="environment of the company")
    subscription: str | None = Field(
        default=None, description="id of a subscription; then `company` is not needed"
    )


class PublicKeys(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]
