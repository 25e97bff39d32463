"""Figures for a company's people: counts over time, lists, and what needs attention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a company's events of one span of time came to; the span ends where the next one starts.

    Events count where they were accepted, and so do their deliveries and attempts, whenever those were made: the figures of
    a bucket are those of the same events. *matched* are deliveries in whatever state, *delivered* those that have been
    delivered, *unfinished* those that are still to be, *failed* those that never will be. *failed_attempts* are attempts that
    did not deliver. *p50_ms* and *p95_ms* are of the attempts that delivered, by nearest rank; None if there were none.
    """

    start_ms: int
    events: int = 0
    matched: int = 0
    delivered: int = 0
    failed_attempts: int = 0
    p50_ms: int | None = None
    p95_ms: int | None = None
    unfinished: int = 0
    failed: int = 0


AttentionKind = Literal[
    "disabled", "failing", "exhausted", "rejected", "held", "quarantined", "paused", "replay", "unused_key"
]
"""What may be the matter, for whoever shows each in a way of its own."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person should look at. *sentence* says what is the matter and what to do.

    *count* is of failures in a row, deliveries, or positions that a replay has still to look at; 1 otherwise.
    *target_url* is the subscription's, for people who may read subscriptions; the sentence has its description, or its host.
    """

    kind: AttentionKind
    sentence: str
    count: int = 1
    subscription_id: str | None = None
    event_id: int | None = None
    replay_id: str | None = None
    key_id: str | None = None
    target_url: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """How one company does: *total* (as one bucket, from *since_ms*) and the same in *buckets*, oldest first.

    *success_rate* is the share of the *attempts* that delivered, as a subscription's ``success_rate_24h`` is; None if there were
    none. *subscriptions* are counted by ``health``. *attention* has the most urgent first.
    Where the span has more than 10,000 deliveries, what is said of deliveries and attempts is estimated from those of one
    event in *sampled_one_in* (but the total's *matched*); with 1 it is exact. Numbers of events are always exact.
    """

    since_ms: int
    until_ms: int
    total: Bucket
    buckets: Sequence[Bucket]
    success_rate: float | None
    subscriptions: Mapping[str, int]
    attention: Sequence[Attention]
    sampled_one_in: int = 1
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionActivity:
    """How a subscription does: attempts that failed in a row, and the delivery of the newest event that it got.

    *last_status* is ``retrying`` if that delivery is pending after a failed attempt, and ``in flight`` during its first one.
    """

    subscription_id: str
    failures: int
    failing_since_ms: int | None
    last_status: str | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """One event of a list; *body* is its envelope as it is sent, *deliveries* are counted by status.

    A pending delivery counts as ``retrying`` after a failed attempt, and as ``in flight`` during its first one.
    """

    event_id: int
    type: str
    accepted_ms: int
    body: bytes = field(repr=False)
    deliveries: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class EventList:
    """Events, newest first. *before* goes on where this list ends; None where there is nothing older.

    A search in the text looks at a bounded number of events a call: it may end with fewer than were asked for, or none,
    and still have a *before*. *looked_to_ms* is when the oldest event that it looked at was accepted; None if there was none.
    """

    events: Sequence[ListedEvent]
    before: str | None
    looked_to_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event, and the company's events next to it: the ids of the one *older* and the one *newer*, None at an end."""

    event: ListedEvent
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """How the target of a subscription did in 24 hours, and what failed since a time.

    *p50_ms* and *p95_ms* are of the attempts that delivered, as upper bounds of classes; None if there were none. *failed*
    are the deliveries that ended without success, counted up to 1,000.
    """

    subscription_id: str
    attempts: int
    failed_attempts: int
    p50_ms: int | None
    p95_ms: int | None
    failed: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A subscription of any company that is failing or disabled since *since_ms*, and how its newest attempt ended."""

    company_id: int
    company_name: str | None
    company_reference: str | None
    subscription_id: str
    channel: str
    target_url: str
    description: str | None
    status: str
    disabled_reason: str | None
    failures: int
    since_ms: int | None
    status_code: int | None
    error: str | None


class Activity(Protocol):
    """What a company's people look at: figures and lists, each call bounded in cost."""

    async def overview(self, company_id: int, *, since_ms: int, until_ms: int, buckets: int = 48) -> Overview:
        """Show how the events accepted from *since_ms* to before *until_ms* (Unix ms) did, in up to 200 *buckets*.

        Raises:
            ValueError: *until_ms* is not after *since_ms*, or there are too few or too many buckets.
        """
        ...

    async def events(
        self,
        company_id: int,
        *,
        types: Sequence[str] = (),
        since_ms: int | None = None,
        until_ms: int | None = None,
        text: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> EventList:
        """List up to *limit* events newest first: accepted from *since_ms* to before *until_ms*, with *text* in them.

        No *types* means every type. *text* is looked for in the envelope as JSON, whatever the case of its letters; ``name:value``
        finds the fields of that name which have that value (``sought``).

        Raises:
            BadCursor: *before* is not one that this service gave out.
        """
        ...

    async def event(self, company_id: int, event_id: int) -> ShownEvent:
        """Show one event. Raises NotFound."""
        ...

    async def subscriptions(self, company_id: int) -> Sequence[SubscriptionActivity]:
        """Tell how each of a company's subscriptions does, oldest first."""
        ...

    async def companies(self, query: str | None = None, *, limit: int = 20) -> Sequence[int]:
        """List the companies that have keys or events and whose number begins with the digits *query*, lowest first."""
        ...

    async def targets(self, company_id: int, *, since_ms: int) -> Sequence[TargetFigures]:
        """Tell how the target of each of a company's subscriptions does, and how many deliveries failed of events since *since_ms*."""
        ...

    async def hours(self, company_id: int, subscription_id: str) -> Sequence[tuple[int, int]]:
        """Give the delivered and the failed attempts of a subscription in each of the last 24 hours, oldest first; none if there is no such one."""
        ...

    async def troubles(self, *, limit: int = 100) -> Sequence[Trouble]:
        """List subscriptions of every company: up to *limit* that are failing, and up to *limit* that are disabled, newest first."""
        ...

    async def owner(self, name: str) -> int | None:
        """Tell of which company the event, delivery, subscription or key with the id *name* is; None if there is none."""
        ...

    async def used(self, company_id: int) -> Mapping[str, int]:
        """Tell how much of its limits a company uses now, by their names; those of pace and size are left out."""
        ...
