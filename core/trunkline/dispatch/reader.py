"""The live lane: reads the log past the cursors, matches, and hands deliveries to the runner."""

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from trunkline.dispatch.jobs import Job
from trunkline.dispatch.matching_lane import Budget, MatchingLane, candidates_of, unsettled
from trunkline.dispatch.owned_shards import OwnedShards
from trunkline.dispatch.progress import SPAN, Progress, next_window
from trunkline.dispatch.routing import RoutingTable
from trunkline.dispatch.runner import Runner
from trunkline.dispatch.unreadable import Unreadable
from trunkline.errors import StoreUnavailable
from trunkline.model.events import Event, shard_of
from trunkline.model.subscriptions import Status
from trunkline.model.treatments import said_of
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import stream
from trunkline.store import subscriptions as subscription_store
from trunkline.store.agenda import Agenda
from trunkline.store.database import Database
from trunkline.store.subscriptions import Row
from trunkline.store.wakeup import Handover, Signal

PAGE = 500
PAGE_BYTES = 8 * 1024 * 1024
"""How long a page may be where events are as long as those before them."""
FIRST_PAGE = 64
"""Events of the first page, when it is not known how long they are."""
SUBMITTED_AT_ONCE = 128
"""Deliveries that are submitted before others have the loop: each takes some 10 µs of it."""
BACKLOG = 5_000
"""Positions from the end of a page to the end of the log at which the shard that has most of the page is read by itself."""
LOOK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Reader:
    """Reads the log for the shards in *owned*, which the leases change meanwhile.

    What is dear to match it leaves to *matching*, so that a page takes milliseconds.
    """

    def __init__(
        self,
        database: Database,
        table: RoutingTable,
        runner: Runner,
        owned: OwnedShards,
        *,
        unreadable: Unreadable,
        matching: MatchingLane,
        handover: Handover,
    ) -> None:
        self._database = database
        self._table = table
        self._runner = runner
        self._owned = owned
        self._unreadable = unreadable
        self._matching = matching
        self._handover = handover
        self._limit = FIRST_PAGE
        self._event_bytes = 0
        self._head = 0
        self._pages = 0

    async def run(self, log_has_grown: Signal) -> None:
        """Read whenever the log has grown; the lookout sees it where a wake-up was lost."""
        while True:
            await self._runner.room.has_room.wait()
            wait = None
            try:
                if await self.read_on():
                    continue
            except StoreUnavailable as error:
                _log.warning("cannot read the log now: %s", error)
                wait = LOOK_SECONDS
            await log_has_grown.wait(wait)

    def is_behind(self, agenda: Agenda) -> bool:
        """Tell whether the log has something that was not read, or subscriptions have changed."""
        shards = self._owned.progress.values()
        return agenda.routing_version != self._table.version or any(p.read < agenda.head for p in shards)

    async def prepare(self) -> None:
        """Load the routing table, before shards are taken that would wait for it."""
        async with self._database.read() as connection:
            head = await stream.head(connection)
        await self.refresh(head.routing_version)

    async def read_on(self) -> bool:
        """Read one page of the log, or take what this process has just appended; tells whether there is more to read."""
        readable = self._readable()
        behind, after, up_to = next_window(readable, head=self._head)
        self._pages += 1
        for progress in behind:
            progress.turn = self._pages
        handed = self._handover.take(after) if behind and len(behind) == len(readable) else None
        if handed is not None:
            events, limit = handed.events, len(handed.events)
            version = max(handed.routing_version, self._table.version)
            head = stream.Head(max(self._head, events[-1].position), version)
        else:
            limit = self._limit
            async with self._database.read() as connection:
                head, events = await stream.read_on(
                    connection, sorted({p.lease.shard for p in behind}), after=after, up_to=up_to, limit=limit
                )
        self._head = head.position
        faults.point("read.after_head")
        if head.routing_version != self._table.version:
            await self.refresh(head.routing_version)
        if not behind or head.position <= after:
            return False
        faults.point("read.after_page")
        self._suit_limit(events)
        await self._look_for_settled(events, behind)
        reached = events[-1].position if len(events) == limit else min(up_to, head.position)
        if not events and reached == after + SPAN:
            reached = await self._end_of_gap(reached, head=head.position)
        if len(events) == limit and head.position - reached > BACKLOG:
            self._set_apart(events, behind)
        await self._hand_over(events, behind, reached=reached)
        faults.point("read.after_hand_over")
        return any(progress.read < head.position for progress in self._readable())

    async def _end_of_gap(self, after: int, *, head: int) -> int:
        """Find how far there is no event at all after *after*: a restore leaves out a billion positions (``store.epochs``)."""
        async with self._database.read() as connection:
            first = await stream.first_after(connection, after)
        return head if first is None else min(first - 1, head)

    async def _look_for_settled(self, events: Sequence[Event], behind: Sequence[Progress]) -> None:
        """Find what earlier owners of the shards have settled of *events*: for each page, so that a backlog costs no start."""
        unsure = [p for p in behind if events and p.known_until >= events[0].position]
        if not unsure:
            return
        until: dict[int, int] = {}
        for progress in unsure:
            until[progress.lease.shard] = max(progress.known_until, until.get(progress.lease.shard, 0))
        total = self._owned.total
        shard_at = {event.position: shard_of(event.company_id, total) for event in events}
        positions = [at for at, shard in shard_at.items() if at <= until.get(shard, 0)]
        if positions:
            async with self._database.read() as connection:
                keys = await ledger.keys_at(connection, positions)
            for progress in unsure:
                progress.know(key for key in keys if shard_at[key.position] == progress.lease.shard)

    def _suit_limit(self, events: Sequence[Event]) -> None:
        """Read fewer events at once while they are long; who has had long ones is believed only slowly to have short ones."""
        if events:
            average = sum(len(event.body) for event in events) // len(events)
            self._event_bytes = max(average, self._event_bytes // 2, 1)
            self._limit = max(min(PAGE_BYTES // self._event_bytes, PAGE), 1)

    def _set_apart(self, events: Sequence[Event], behind: Sequence[Progress]) -> None:
        """Read the shard that more than half of *events* are of by itself from now on: the others pass its backlog."""
        counts = Counter(shard_of(event.company_id, self._owned.total) for event in events)
        shard, count = counts.most_common(1)[0]
        if 2 * count > len(events):
            for progress in behind:
                progress.apart |= progress.lease.shard == shard

    def _readable(self) -> list[Progress]:
        now = time.monotonic()
        return [
            progress
            for progress in self._owned.progress.values()
            if not progress.lost and not progress.draining and now < progress.valid_until
        ]

    async def refresh(self, version: int) -> None:
        """Bring the routing table up to routing *version* at least.

        The version is read together with the head of the log, so an event is never matched by a table that is older than
        what was valid when the event was accepted. Where all subscriptions are read, by their numbers, the table has what was
        valid at that version; what has changed since, and was read already, comes with the next.
        """
        known = self._table.version
        unreadable: list[Row] = []
        async with self._database.read() as connection:
            async for rows in subscription_store.changed_since(connection, known):
                version = max(version, rows[-1].version) if known else version
                opened = self._unreadable.open(rows)
                unreadable += [o.row for o in opened if not o.is_readable and o.row.status == Status.ACTIVE]
                for seconds in filter(None, (said_of("timeout_seconds", row.options) for row in rows)):
                    self._runner.allow(seconds)
                for no in self._table.apply(opened):
                    self._runner.slots.forget(no)
                self._runner.ordering.forget(row.no for row in rows)
        if unreadable:  # before an event is handed over that they would miss
            await self._unreadable.disable(unreadable)
        self._table.version = version  # when everything is there: what breaks off here is read again
        faults.point("read.after_refresh")

    async def _hand_over(self, events: Sequence[Event], behind: Sequence[Progress], *, reached: int) -> None:
        """Hand over a page, which leads *behind*, the shards that it was read for, to position *reached*.

        Between deliveries others have the loop. A shard that is given away in such a pause is left where it is.
        """
        budget, submitted = Budget(), 0
        readers = self._still_readable(behind)
        for event in events:
            for progress in readers.get(shard_of(event.company_id, self._owned.total), ()):
                submitted += self._hand_over_event(event, progress, budget)
            if submitted >= SUBMITTED_AT_ONCE:
                submitted = 0
                for each in itertools.chain(*readers.values()):
                    each.read = event.position
                await asyncio.sleep(0)
                readers = self._still_readable(itertools.chain(*readers.values()))
        for progress in itertools.chain(*readers.values()):
            progress.read = reached
            progress.apart = progress.apart and reached < self._head
        self._runner.stir()

    def _still_readable(self, among: Iterable[Progress]) -> dict[int, list[Progress]]:
        """Choose those that may be read on, by their shards: several where they are parts of one."""
        readable = set(self._readable())
        readers: dict[int, list[Progress]] = {}
        for progress in among:
            if progress in readable:
                readers.setdefault(progress.lease.shard, []).append(progress)
        return readers

    def _hand_over_event(self, event: Event, progress: Progress, budget: Budget) -> int:
        """Match *event* and submit its deliveries, or leave it to the matching lane; gives how many were submitted."""
        routes, cost = candidates_of(progress, self._table.candidates(event))
        if not routes:
            return 0
        has_room = self._runner.room.has_room_for(event.company_id)
        if (
            not has_room
            or self._matching.waiting(event.company_id, progress)
            or (cost and not budget.allows(event, cost))
        ):
            self._matching.put(event, progress)
            return 0
        matched = unsettled(self._table.match(event, routes), event, progress)
        if matched:
            progress.open(event.position, len(matched))
            for route in matched:
                self._runner.submit(Job(event, route, progress=progress))
        return len(matched)
