"""The matching lane: matches, company by company, the events that the reader cannot hand over at once.

The reader itself matches cheap filters, in a few milliseconds per page. An event waits here if its filters are
expensive, or if its company is at its limit of open deliveries. Only the position of a waiting event is kept. The
shard's cursor stays before this position, while the reader continues with other companies. Later events of the same
company wait behind it, to keep their order.

Up to a limit, the positions are listed. Beyond the limit, only the start and the end of a company's waiting range are
kept, and its events are read from the log again later. If very many events wait and none has an order, their deliveries
are written to the ledger, as far as other companies leave room, so that every worker can make them.
"""

import asyncio
import contextlib
import itertools
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct, field

from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.open_limit import HIGH_WATER, OpenLimit
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.routing.table import Candidates, Route, RoutingTable
from trunkline.dispatch.shards.progress import Progress, Track
from trunkline.model.deliveries import Key
from trunkline.model.events import Event
from trunkline.model.parts import WHOLE, Slice
from trunkline.runtime.pauses import Pauses
from trunkline.store import deliveries as ledger
from trunkline.store import stream
from trunkline.store.database import Database

PAGE_COST = 50_000
"""Highest total cost of the filters that one page of the reader may match (``filters.costs``). It takes 5 ms."""
COMPANY_COST = 20_000
"""Highest cost of the filters of one company in a page."""
UNIT_BYTES = 64
"""Number of bytes of an event that are parsed in the time of one cost unit."""
AT_ONCE = 20
"""Number of events of one company that are matched before another company has its turn."""
COMPANY_LISTED = 1_000
"""Number of positions that are listed for one company."""
MOST_LISTED = 40_000
"""Number of positions that are listed for all companies."""
SPILLS_FROM = 10_000
"""Number of waiting events from which a company may exceed its limit of open deliveries, as long as ``SPILL_ROOM`` allows."""
SPILL_ROOM = HIGH_WATER // 2
"""While this many deliveries are open in all, no company may exceed its limit, so that the reader serves the others."""
SPILL_SECONDS = 0.02
"""How often to check whether a waiting company may exceed its limit."""
LOOK_SECONDS = 0.5


class Budget:
    """The matching cost that one page of the reader may have; a higher cost would delay others."""

    __slots__ = ("_left", "_of_company")

    def __init__(self) -> None:
        self._left = PAGE_COST
        self._of_company: dict[int, int] = {}

    def allows(self, event: Event, cost: int) -> bool:
        """Return whether *event* may be matched now at the *cost* of its filters; if so, add *cost* to the sum."""
        cost += len(event.body) // UNIT_BYTES
        spent = self._of_company.get(event.company_id, 0) + cost
        if spent > COMPANY_COST or cost > self._left:
            return False
        self._of_company[event.company_id] = spent
        self._left -= cost
        return True


class _Rest(Struct):
    """A company's waiting events beyond the listed ones, from position *first* to *last*.

    *first* is parked (``Progress.park``), so the cursor stays before it.
    """

    first: int
    last: int
    count: int = 1

    def add(self, position: int) -> None:
        """Add the event at *position*, which must be higher than all positions added before."""
        self.last = position
        self.count += 1


class _Line(Struct):
    """The waiting events of one company on one track, in the log's order: listed positions, and a range after them."""

    listed: deque[int] = field(default_factory=deque)
    rest: _Rest | None = None
    is_ordered: bool = False
    """Whether any event had a candidate subscription with an ordering; then no later event may overtake it."""
    waits_for_earlier: bool = False
    """Whether the first event has to wait, because it needs an order and earlier events of the company are not settled."""

    def __len__(self) -> int:
        return len(self.listed) + (self.rest.count if self.rest else 0)


class MatchingLane:
    """Matches the events that were ``put`` here, and hands their deliveries to *runner*, as far as *room* allows.

    With *spills*, the deliveries of a company may go to the ledger if very many of its events wait.
    """

    def __init__(
        self, database: Database, table: RoutingTable, runner: Runner, room: OpenLimit, *, spills: bool
    ) -> None:
        self._database = database
        self._table = table
        self._runner = runner
        self._spills = spills
        self._waiting: OrderedDict[tuple[int, Track], _Line] = OrderedDict()
        """The waiting events, by company and track."""
        self._listed = 0
        self._has_work = asyncio.Event()
        self.room = room
        self.pauses = Pauses()

    def waiting(self, company_id: int, track: Track) -> int:
        """Return how many events of a company on *track* wait."""
        line = self._waiting.get((company_id, track))
        return len(line) if line else 0

    def crowded(self, *, least: int) -> Iterator[tuple[int, Slice]]:
        """List the companies with at least *least* waiting events, each with the slice in which they wait."""
        return (
            (company_id, track.progress.lease.slice)
            for (company_id, track), line in self._waiting.items()
            if len(line) >= least
        )

    def put(self, event: Event, track: Track) -> None:
        """Queue *event* for matching. Until it is matched, the cursor of its shard stays before the event."""
        line = self._waiting.setdefault((event.company_id, track), _Line())
        if line.rest is not None:
            line.rest.add(event.position)
        else:
            track.progress.park(event.position)
            if len(line.listed) < COMPANY_LISTED and self._listed < MOST_LISTED:
                line.listed.append(event.position)
                self._listed += 1
            else:
                line.rest = _Rest(event.position, event.position)
        self._has_work.set()

    async def step(self) -> float:
        """Wait for events, and match the next ones of a company that may have more open deliveries.

        Returns 0, because more events may wait. Raises StoreUnavailable.
        """
        await self._has_work.wait()
        company_id, track = await self._next_line()
        line, progress = self._waiting[company_id, track], track.progress
        self._waiting.move_to_end((company_id, track))
        events: Mapping[int, Event] = {}
        if line.rest is not None and not line.listed:
            events = await self._list_more(company_id, track, line, line.rest)
        positions = [*itertools.islice(line.listed, AT_ONCE)]
        if positions and not events:
            async with self._database.read() as connection:
                events = await stream.by_positions(connection, positions)
        known = await self._known(company_id, track, events)
        for position in positions:
            event = events.get(position)
            line.waits_for_earlier = event is not None and self.waits_for_earlier(event, track)
            may_begin = progress.lost or not progress.draining  # events of a lost shard are dropped
            if line.waits_for_earlier or not (may_begin and self._has_room(company_id, line, event)):
                break
            await self._match(position, progress, event, known)
            line.listed.popleft()
            self._listed -= 1
        if progress.lost:  # the next holder of the shard reads the events again
            self._listed -= len(line.listed)
        if progress.lost or not line:
            del self._waiting[company_id, track]
        if not self._waiting:
            self._has_work.clear()
        return 0.0

    async def _next_line(self) -> tuple[int, Track]:
        while True:
            self.room.company_has_room.clear()
            for (company_id, track), line in self._waiting.items():
                if track.progress.lost or (
                    not track.progress.draining
                    and not (line.waits_for_earlier and not _is_first(company_id, track))
                    and self._has_room(company_id, line)
                ):
                    return company_id, track
            spills = self._spills and any(
                len(line) >= SPILLS_FROM and not line.is_ordered for line in self._waiting.values()
            )
            with contextlib.suppress(TimeoutError):  # the shard may stop draining
                async with asyncio.timeout(SPILL_SECONDS if spills else LOOK_SECONDS):
                    await self.room.company_has_room.wait()

    def _has_room(self, company_id: int, line: _Line, event: Event | None = None) -> bool:
        """Return whether *event*, or if it is None any further event of the company, may be matched now."""
        if self.room.has_room_for(company_id):
            return True
        if not self._spills:
            return False
        if event is not None:
            line.is_ordered |= self._table.is_ordered(self._table.candidates(event))
        return len(line) >= SPILLS_FROM and not line.is_ordered and self.room.open < SPILL_ROOM

    def waits_for_earlier(self, event: Event, track: Track) -> bool:
        """Return whether *event* has to wait because it needs an order and earlier events are not settled.

        The earlier events are the company's events before the start of *track*.
        """
        return not _is_first(event.company_id, track) and self._table.is_ordered(
            self._table.candidates(event)
        )

    async def _known(self, company_id: int, track: Track, events: Mapping[int, Event]) -> Collection[Key]:
        """Find the deliveries of *events* that earlier owners settled.

        If an event has to wait for earlier ones, also read the company's last position before *track*.
        """
        waits = not track.knows(company_id) and any(
            self.waits_for_earlier(event, track) for event in events.values()
        )
        unsure = [position for position in events if position <= track.progress.known_until]
        if not (waits or unsure):
            return ()
        async with self._database.read() as connection:
            if waits:
                track.learn(
                    company_id, await stream.last_of_company(connection, company_id, up_to=track.start)
                )
            return await ledger.keys_at(connection, unsure) if unsure else ()

    async def _list_more(
        self, company_id: int, track: Track, line: _Line, rest: _Rest
    ) -> Mapping[int, Event]:
        """List the next positions of *rest* in *line*, and return their events by position.

        Before any position is closed, the first remaining event is opened as not matched (``Progress.park``), so the
        cursor never passes an unmatched event. Events that are added meanwhile have higher positions than the events
        read.
        """
        first, last, progress = rest.first, rest.last, track.progress
        async with self._database.read() as connection:
            events = await stream.read_company(
                connection, company_id, types=(), after=first - 1, limit=AT_ONCE + 1
            )
        positions = [event.position for event in events if event.position <= last]
        is_all = len(positions) <= AT_ONCE and rest.last == last
        if progress.lost or not (positions or is_all):
            return {}
        for position in positions:
            if position != first:
                progress.park(position)
        listed = positions if is_all else positions[: min(AT_ONCE, len(positions) - 1)]
        if is_all:
            line.rest = None
        else:
            rest.first = positions[len(listed)]
            rest.count = max(
                rest.count - len(listed), 1
            )  # event types that nobody subscribes to were not counted
        if first not in positions[:1]:
            progress.begin(first, 0)  # retention has removed it
        line.listed.extend(listed)
        self._listed += len(listed)
        return {event.position: event for event in events}

    async def _match(
        self, position: int, progress: Progress, event: Event | None, known: Collection[Key]
    ) -> None:
        """Match *event*, which is None if retention removed it, at *position*.

        If the shard is lost, nothing is submitted.
        """
        await self.room.has_room.wait()
        while not progress.lost and time.monotonic() >= progress.valid_until:  # noqa: ASYNC110 - the clock sets no event
            await asyncio.sleep(LOOK_SECONDS)
        routes: Sequence[Route] = ()
        if event is not None and not progress.lost:
            among = candidates_of(progress, self._table.candidates(event)).routes
            matched = await self._table.match_with_pauses(event, among, self.pauses)
            routes = unsettled(matched, event, known)
        if progress.lost:
            return
        progress.begin(position, len(routes))
        if event is not None:
            for route in routes:
                self._runner.submit(Job(event=event, route=route, progress=progress, room=self.room))
        self._runner.wake()


def _is_first(company_id: int, track: Track) -> bool:
    """Return whether the ledger has all deliveries of a company's events before *track*."""
    return track.is_first_of(company_id, cursor=track.progress.written.cursor)


def candidates_of(progress: Progress, candidates: Candidates) -> Candidates:
    """Leave out the candidates in other parts of the shard, if *progress* is that of a part."""
    held = progress.lease.slice
    if held.part == WHOLE or not candidates.routes:
        return candidates
    routes = tuple(route for route in candidates.routes if held.has(route.subscription.no))
    return Candidates(routes, sum(route.cost for route in routes))


def unsettled(routes: Sequence[Route], event: Event, known: Collection[Key]) -> Sequence[Route]:
    """Choose the *routes* for which *known*, the keys of deliveries in the ledger, has no delivery of *event*."""
    if not (known and routes):
        return routes
    return [route for route in routes if Key(event.position, route.subscription.no) not in known]
