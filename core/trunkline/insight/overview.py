"""Figures and lists for a company: events, their deliveries, and problems."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil

from msgspec import Struct, field

from trunkline.contract import (
    Bucket,
    DeliveriesState,
    EventList,
    ListedEvent,
    Overview,
    ShownEvent,
    SubscriptionActivity,
    TargetFigures,
    Trouble,
)
from trunkline.errors import NotFound
from trunkline.insight import attention
from trunkline.insight.event_counts import EventCounts
from trunkline.insight.last_answers import one_line
from trunkline.model import cursors
from trunkline.model.companies import MAX_COMPANY_ID
from trunkline.model.deliveries import FAILED, OPEN, Outcome, Status
from trunkline.model.events import Event
from trunkline.model.health import NO_FIGURES
from trunkline.model.seeking import Sought
from trunkline.runtime.turns import Turns
from trunkline.store import activity as store
from trunkline.store import health, stream, troubles
from trunkline.store.activity import Outcomes, Span
from trunkline.store.database import Database

MAX_BUCKETS = 200
WAIT_SECONDS = 10.0
"""How long an overview waits for other overviews of the company."""
SAMPLE = 2_500
"""The approximate maximum number of deliveries that are read for an overview."""
SEARCHED = 10_000
"""The number of events that one text search reads."""
SEARCHED_BYTES = 16 * 1024 * 1024
_CHUNK, _FEW = 500, 20
"""The number of events in one chunk: ``_CHUNK`` normally, ``_FEW`` for the first chunk and for long events."""
_LONG_BYTES = 16 * 1024
_NO_END = 2**63 - 1
MOST_FAILED = 1_000
"""The limit up to which failed deliveries of a subscription are counted."""
MAX_ID = 60
"""A length that exceeds the length of any id."""


class Activity:
    """Figures and lists, one company at a time (``contract.Activity``)."""

    def __init__(self, database: Database, *, sample: int = SAMPLE, searched: int = SEARCHED) -> None:
        self._database = database
        self._counts = EventCounts()
        self._overviews = Turns(share=1)
        self._sample = sample
        self._searched = searched

    async def overview(self, company_id: int, *, since_ms: int, until_ms: int, buckets: int = 48) -> Overview:
        """Show the figures of the events accepted from *since_ms* to before *until_ms*, divided into *buckets*.

        Raises:
            ValueError: a bucket is shorter than a millisecond, or the number of buckets is too small or too large.
            TooMuchAtOnce: other overviews of the company are running.
        """
        if not 1 <= buckets <= min(MAX_BUCKETS, until_ms - since_ms):
            msg = f"a span of time takes 1 to {MAX_BUCKETS} buckets, of a millisecond or more each"
            raise ValueError(msg)
        starts = [since_ms + (until_ms - since_ms) * no // buckets for no in range(buckets)]
        # Over a long log each overview takes a second of CPU.
        turn = self._overviews.turn(company_id, wait_seconds=WAIT_SECONDS, things="overviews")
        async with turn, self._database.read() as connection:
            edges = await store.positions_at(connection, [*starts, until_ms])
            span = Span(edges[0], edges[-1])
            spans = [Span(*pair) for pair in pairwise(edges)]
            events = await self._counts.of_spans(connection, company_id, spans)
            matched = await store.count_deliveries(connection, company_id, span)
            one_in = max(1, ceil(matched / self._sample))
            outcomes = await store.outcomes(connection, company_id, spans, one_in=one_in)
            by_health = await store.subscriptions_by_health(connection, company_id)
            needed = await attention.gather(connection, company_id, after=span.after)
        tallies = [Tally(count) for count in events]
        total = Tally(sum(events))
        for of_span in outcomes:
            tallies[of_span.no].add(of_span)
            total.add(of_span)
        whole = total.bucket(since_ms, one_in=one_in)
        return Overview(
            since_ms=since_ms,
            until_ms=until_ms,
            total=whole if one_in == 1 else replace(whole, matched=matched),
            buckets=[
                tally.bucket(start, one_in=one_in) for start, tally in zip(starts, tallies, strict=True)
            ],
            success_rate=total.success_rate,
            subscriptions=by_health,
            attention=needed,
            sampled_one_in=one_in,
            attempts=total.attempts * one_in,
        )

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
        """List up to *limit* events, newest first (``contract.Activity.events``). Raises BadCursor."""
        last = cursors.decode(before, kind="a") - 1 if before is not None else _NO_END
        async with self._database.read() as connection:
            after = 0 if since_ms is None else await stream.position_before(connection, since_ms)
            if until_ms is not None:
                last = min(last, await stream.position_before(connection, until_ms))
        span = Span(after, last)
        if text or state:
            matches = await self._search(company_id, span, types=types, text=text, state=state, limit=limit)
        else:
            async with self._database.read() as connection:
                events = await stream.newest_of_company(
                    connection, company_id, types=types, limit=limit + 1, after=span.after, up_to=span.up_to
                )
                page = events[:limit]
                matches = Matches(page, page[-1] if page else None, is_all=len(events) <= limit)
        positions = [event.position for event in matches.events]
        deliveries: Mapping[int, Mapping[str, int]] = {}
        if positions:
            async with self._database.read() as connection:
                deliveries = await store.deliveries_of(connection, positions)
        return EventList(
            [_listed(event, deliveries) for event in matches.events],
            before=None
            if matches.is_all or matches.last is None
            else cursors.encode(matches.last.position, kind="a"),
            looked_to_ms=matches.last.accepted_ms if matches.last else None,
        )

    async def event(self, company_id: int, event_id: int) -> ShownEvent:
        """Show one event and its neighbours (``contract.Activity.event``). Raises NotFound."""
        async with self._database.read() as connection:
            event = (await stream.by_positions(connection, [event_id])).get(event_id)
            if event is None or event.company_id != company_id:
                raise NotFound("event", event_id)
            older, newer = await store.neighbours(connection, company_id, event_id)
            deliveries = await store.deliveries_of(connection, [event_id])
        return ShownEvent(_listed(event, deliveries), older=older, newer=newer)

    async def subscriptions(self, company_id: int) -> Sequence[SubscriptionActivity]:
        """List a company's subscriptions with their latest figures, oldest first."""
        async with self._database.read() as connection:
            return await store.subscriptions(connection, company_id)

    async def targets(self, company_id: int, *, since_ms: int) -> Sequence[TargetFigures]:
        """Return the figures of a company's targets (``contract.Activity.targets``), oldest subscription first."""
        since_ms -= since_ms % health.HOUR_MS
        async with self._database.read() as connection:
            after = await stream.position_before(connection, since_ms)
            ids = await troubles.live_subscriptions(connection, company_id)
            figures = await health.figures(connection, ids, since_ms=since_ms)
            failed: Counter[str] = Counter()
            for status in (Status.EXHAUSTED, Status.REJECTED):
                for group in await store.stuck(
                    connection, company_id, status, after=after, count_limit=MOST_FAILED, limit=len(ids)
                ):
                    failed[group.subscription_id] += group.count
        all_figures = [(subscription_id, figures.get(no, NO_FIGURES)) for no, subscription_id in ids.items()]
        return [
            TargetFigures(
                name, own.attempts, own.failed, own.p50_ms, own.p95_ms, min(failed[name], MOST_FAILED)
            )
            for name, own in all_figures
        ]

    async def hours(self, company_id: int, subscription_id: str) -> Sequence[tuple[int, int]]:
        """Return the attempts of a subscription by hour (``contract.Activity.hours``)."""
        async with self._database.read() as connection:
            for no, name in (await troubles.live_subscriptions(connection, company_id)).items():
                if name == subscription_id:
                    return await health.by_hour(connection, no)
            return []

    async def troubles(self, *, limit: int = 100) -> Sequence[Trouble]:
        """List the failing and the disabled subscriptions of every company (``contract.Activity.troubles``)."""
        async with self._database.read() as connection:
            found = [
                *await troubles.failing(connection, limit=limit, count_limit=MOST_FAILED),
                *await troubles.disabled(connection, limit=limit, count_limit=MOST_FAILED),
            ]
        return [replace(each, answer=one_line(each.answer or "")) for each in found]

    async def owner(self, name: str) -> int | None:
        """Find the company of the object with the id *name* (``contract.Activity.owner``)."""
        if not name.isascii() or len(name) > MAX_ID or (name.isdigit() and int(name) > _NO_END):
            return None
        async with self._database.read() as connection:
            return await troubles.owner(connection, name)

    async def used(self, company_id: int) -> Mapping[str, int]:
        """Count how much of its limits a company uses (``contract.Activity.used``)."""
        async with self._database.read() as connection:
            return await troubles.used(connection, company_id)

    async def companies(self, query: str | None = None, *, limit: int = 20) -> Sequence[int]:
        """List the companies with keys or events, and a number that begins with the digits *query*, lowest first."""
        numbers: list[int] = []
        async with self._database.read() as connection:
            for first, last in _numbers_from(query or ""):
                numbers += await store.companies(connection, first, last, limit=limit - len(numbers))
                if len(numbers) >= limit:
                    break
        return numbers

    async def _search(
        self,
        company_id: int,
        span: Span,
        *,
        types: Sequence[str],
        text: str | None,
        state: DeliveriesState | None,
        limit: int,
    ) -> "Matches":
        """Search a limited number of events for *text* and *state*. Each chunk takes a connection and returns it."""
        sought, matches = Sought(text) if text else None, Matches()
        looked = looked_bytes = 0
        while looked < self._searched and looked_bytes < SEARCHED_BYTES:
            average = looked_bytes // looked if looked else 0
            size = min(_CHUNK if average < _LONG_BYTES else _FEW, self._searched - looked)
            size = size if looked else min(size, _FEW)
            async with self._database.read() as connection:
                chunk = (
                    await stream.newest_of_company(
                        connection, company_id, types=types, limit=size, after=span.after, up_to=span.up_to
                    )
                    if state is None
                    else await store.newest_in_state(connection, company_id, span, state, limit=size)
                )
            for event in chunk:
                matches.last = event
                looked_bytes += len(event.body)
                is_of_type = not types or event.type in types
                if is_of_type and (sought is None or sought.is_in(event.body.decode())):
                    matches.events.append(event)
                    if len(matches.events) == limit:
                        return matches
            if matches.last is None or len(chunk) < size:
                matches.is_all = True
                return matches
            looked += size
            span = Span(span.after, matches.last.position - 1)
        return matches


class Matches(Struct):
    """The events found, newest first, and the oldest event that was read; there are no older ones if *is_all* is true."""

    events: list[Event] = field(default_factory=list[Event])
    last: Event | None = None
    is_all: bool = False


def _listed(event: Event, deliveries: Mapping[int, Mapping[str, int]]) -> ListedEvent:
    counted = deliveries.get(event.position, {})
    return ListedEvent(event.position, event.type, event.accepted_ms, event.body, counted)


def _numbers_from(digits: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of company numbers that begin with *digits*: 9, 90 to 99, 900 to 999 and so on."""
    if not digits:
        yield 1, MAX_COMPANY_ID
    elif digits.isascii() and digits.isdigit() and digits[0] != "0":
        first, size = int(digits), 1
        while first <= MAX_COMPANY_ID:
            yield first, min(first + size - 1, MAX_COMPANY_ID)
            first, size = first * 10, size * 10


class Tally(Struct):
    """The running sums of the figures of one span."""

    events: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    failed_attempts: int = 0
    durations_ms: list[int] = field(default_factory=list[int])

    def add(self, outcomes: Outcomes) -> None:
        """Add the counts in *outcomes*."""
        self.statuses[outcomes.status] += outcomes.deliveries
        if outcomes.outcome == Outcome.DELIVERED:
            self.durations_ms.extend(outcomes.durations_ms)
        else:
            self.failed_attempts += outcomes.attempts

    @property
    def attempts(self) -> int:
        """The number of attempts."""
        return self.failed_attempts + len(self.durations_ms)

    @property
    def success_rate(self) -> float | None:
        """The share of attempts that delivered; None without attempts."""
        return len(self.durations_ms) / self.attempts if self.attempts else None

    def bucket(self, start_ms: int, *, one_in: int) -> Bucket:
        """Return the figures as a bucket; the counts of deliveries and attempts are multiplied by *one_in*."""
        durations = sorted(self.durations_ms)
        return Bucket(
            start_ms=start_ms,
            events=self.events,
            matched=self.statuses.total() * one_in,
            delivered=self.statuses[Status.DELIVERED] * one_in,
            failed_attempts=self.failed_attempts * one_in,
            unfinished=sum(self.statuses[status] for status in OPEN) * one_in,
            failed=sum(self.statuses[status] for status in FAILED) * one_in,
            p50_ms=_nearest_rank(durations, 0.5),
            p95_ms=_nearest_rank(durations, 0.95),
        )


def _nearest_rank(ordered: Sequence[int], share: float) -> int | None:
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None
