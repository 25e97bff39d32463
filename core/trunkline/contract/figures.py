"""Statistics for a company: counts over time, lists, and problems that need attention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Bucket:
    """A company's counts in one span of time, which ends at the start of the next bucket.

    Events count in the span in which they were accepted. Their deliveries and attempts count in the same span, even if they were
    made later. *matched* counts deliveries in any state, *delivered* those that were delivered, *unfinished* those that are still
    open, *failed* those that were given up. *failed_attempts* counts attempts that did not deliver. *p50_ms* and *p95_ms* are
    percentiles (nearest rank) of the attempts that delivered; None if there were none.
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


DeliveriesState = Literal["failed", "open"]
"""A filter for lists of events: a delivery was given up (``failed``), or a delivery is pending or held (``open``)."""
AttentionKind = Literal[
    "disabled", "failing", "exhausted", "rejected", "held", "quarantined", "paused", "replay", "unused_key"
]
"""The kinds of problems, for callers that show each kind differently."""


@dataclass(frozen=True, slots=True)
class Attention:
    """A problem that a person should look at. *sentence* says what is wrong and how to fix it.

    *count* depends on the kind: the number of failures in a row, the number of deliveries, or the number of positions
    that a replay has not read; it is 1 for all other kinds. *target_url* is the subscription's target, for people who
    may read subscriptions; *sentence* names only the subscription's description or its target's host.
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
    """A company's statistics: *total* is one bucket from *since_ms*, *buckets* has the same counts by time, oldest first.

    *success_rate* is the share of *attempts* that delivered, as in a subscription's ``success_rate_24h``; None without attempts.
    *subscriptions* are counted by ``health``. *attention* has the most urgent problem first.

    In a span with more than 2,500 deliveries, the counts of deliveries and attempts are estimated from one in every
    *sampled_one_in* events; only the total's *matched* is counted in full. If *sampled_one_in* is 1, all counts are
    exact. Counts of events are always exact.
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
    """The state of a subscription: its failed attempts in a row, and the delivery of the newest event that it got.

    *last_status* is ``retrying`` if that delivery is pending after a failed attempt, and ``in flight`` during its first
    attempt.
    """

    subscription_id: str
    failures: int
    failing_since_ms: int | None
    last_status: str | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event of a list: *body* is its envelope as it is sent, *deliveries* are counted by status.

    A pending delivery counts as ``retrying`` after a failed attempt, and as ``in flight`` during its first attempt.
    """

    event_id: int
    type: str
    accepted_ms: int
    body: bytes = field(repr=False)
    deliveries: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class EventList:
    """Events, newest first. *before* is the position at which the next page starts; None if there are no older events.

    A text search reads a limited number of events per call, so a page may be short or empty although *before* is not None.
    *looked_to_ms* is the acceptance time of the oldest event that the search read; None if it read none.
    """

    events: Sequence[ListedEvent]
    before: str | None
    looked_to_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event, with the ids of the company's next *older* and next *newer* event; None at an end of the log."""

    event: ListedEvent
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """The attempts of a subscription's target in a period, and the deliveries of the period's events that failed.

    *p50_ms* and *p95_ms* are percentiles of the attempts that delivered, as upper bounds of histogram classes; None if
    there were no such attempts. *failed* counts deliveries that ended without success, up to 1,000.
    """

    subscription_id: str
    attempts: int
    failed_attempts: int
    p50_ms: int | None
    p95_ms: int | None
    failed: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A subscription of any company, failing or disabled since *since_ms*, with the result of its newest attempt.

    *answer* is the first line of that attempt's answer. *lost* counts the deliveries that were given up, up to 1,000;
    *lost_since_ms* is the time at which the first of their events was accepted.
    """

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
    answer: str | None = field(repr=False)
    lost: int
    lost_since_ms: int | None


class Activity(Protocol):
    """Statistics and lists about a company; the cost of each call is bounded."""

    async def overview(self, company_id: int, *, since_ms: int, until_ms: int, buckets: int = 48) -> Overview:
        """Show statistics of the events accepted from *since_ms* to before *until_ms* (Unix ms), in up to 200 *buckets*.

        Raises ValueError: *until_ms* is not after *since_ms*, or the number of buckets is too low or too high.
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
        state: DeliveriesState | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> EventList:
        """List up to *limit* events, newest first, that contain *text* and were accepted from *since_ms* to before *until_ms*.

        No *types* means every type. *text* is searched in the envelope's JSON, ignoring case; ``name:value`` finds the
        events in which a field *name* has that value (``sought``). With a *state*, only events that have a delivery in
        that state are listed.

        Raises BadCursor: this service did not issue the cursor *before*.
        """
        ...

    async def event(self, company_id: int, event_id: int) -> ShownEvent:
        """Show one event. Raises NotFound."""
        ...

    async def subscriptions(self, company_id: int) -> Sequence[SubscriptionActivity]:
        """Show the state of each of a company's subscriptions, oldest first."""
        ...

    async def companies(self, query: str | None = None, *, limit: int = 20) -> Sequence[int]:
        """List the companies with keys or events, and an id that begins with the digits *query*, lowest id first."""
        ...

    async def targets(self, company_id: int, *, since_ms: int) -> Sequence[TargetFigures]:
        """Return the figures of each subscription's target, from the beginning of the hour of *since_ms*.

        Attempts are counted for 7 days.
        """
        ...

    async def hours(self, company_id: int, subscription_id: str) -> Sequence[tuple[int, int]]:
        """Count the delivered and the failed attempts of a subscription in each of the last 24 hours, oldest first.

        The list is empty if there is no such subscription.
        """
        ...

    async def troubles(self, *, limit: int = 100) -> Sequence[Trouble]:
        """List subscriptions of every company: up to *limit* failing ones, and up to *limit* disabled ones, newest first."""
        ...

    async def owner(self, name: str) -> int | None:
        """Find the company of the event, delivery, subscription or key with the id *name*; None if there is none."""
        ...

    async def used(self, company_id: int) -> Mapping[str, int]:
        """Return how much of each limit a company uses now, keyed by the name of the limit.

        Limits of rates and sizes are left out.
        """
        ...
