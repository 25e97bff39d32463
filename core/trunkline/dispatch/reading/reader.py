"""The readers: they read the log past the cursors, match events, and hand deliveries to the runner.

The live reader stays near the head of the log. If a shard is far behind, as after an outage, the live reader jumps to the head,
and leaves the range in between (a *stretch*) to the second reader, which catches up. The second reader reads only as much as
live deliveries leave room for, and writes nothing to the ledger before an attempt. Both readers work in the same way, each with
its own tracks (``dispatch.progress``).
"""

import asyncio
import itertools
import time
from collections.abc import Collection, Iterable, Sequence

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.reading.matching_lane import Budget, MatchingLane, candidates_of, unsettled
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import SPAN, Progress, Track, next_window
from trunkline.dispatch.upkeep import unreadable
from trunkline.model.deliveries import Key
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
"""Highest expected size of a page, estimated from the size of earlier events."""
FIRST_PAGE = 64
"""Number of events in the first page, while their size is unknown."""
SUBMITTED_AT_ONCE = 128
"""Number of deliveries that are submitted in one iteration of the event loop; one takes some 10 µs."""
FAR_BEHIND = 5_000
"""Number of positions behind the head of the log at which the live reader jumps to the head."""
MOST_STRETCHES = 1_000
"""The most stretches of one shard; with so many, the live reader no longer jumps to the head."""
LOOK_SECONDS = 1.0


class Reader:
    """Reads the log for the shards in *owned*, which the leases change meanwhile.

    Events with expensive filters go to a matching lane (*matching* for the live reader, *catching_up* for the second), so a
    page takes milliseconds.
    """

    def __init__(
        self,
        database: Database,
        table: RoutingTable,
        runner: Runner,
        owned: OwnedShards,
        *,
        records: SubscriptionRecords,
        reports: Reports,
        matching: MatchingLane,
        handover: Handover,
        catching_up: MatchingLane,
    ) -> None:
        self._database = database
        self._table = table
        self._runner = runner
        self._owned = owned
        self._records = records
        self._reports = reports
        self._matching = matching
        self._handover = handover
        self._catching_up = catching_up
        self._limit = FIRST_PAGE
        self._event_bytes = 0
        self._head = 0
        self._pages = 0
        self._refreshing = asyncio.Lock()
        self.has_stretch = Signal()
        """Set if a stretch may have to be read."""

    def is_behind(self, agenda: Agenda) -> bool:
        """Return whether the log has unread events, or subscriptions have changed."""
        shards = self._owned.progress.values()
        return agenda.routing_version != self._table.version or any(p.live.read < agenda.head for p in shards)

    async def prepare(self) -> None:
        """Load the routing table before shards are claimed, so that their events need not wait for the table."""
        async with self._database.read() as connection:
            head = await stream.head(connection)
        await self.refresh(head.routing_version)

    async def read_on(self) -> float | None:
        """Read one page at the head of the log, or take the events that this process just appended.

        Returns 0 if more is unread; otherwise None. Raises StoreUnavailable.
        """
        await self._matching.room.has_room.wait()
        tracks = [progress.live for progress in self._readable()]
        head, is_read = await self._read_page(tracks, self._matching)
        is_more = is_read and any(progress.live.read < head for progress in self._readable())
        return 0.0 if is_more else None

    async def read_stretch(self) -> float | None:
        """Read one page of the stretches.

        Returns 0 if a page was read, and None if there is no stretch. Raises StoreUnavailable.
        """
        tracks = [t for t in (progress.next_stretch() for progress in self._readable()) if t is not None]
        if not tracks:
            # A shard that is draining, or whose lease may have lapsed, may become readable again.
            is_any = any(progress.stretches for progress in self._owned.progress.values())
            return LOOK_SECONDS if is_any else None
        await self._read_page(tracks, self._catching_up)
        faults.point("stretch.after_hand_over")
        return 0.0

    async def _read_page(self, tracks: Sequence[Track], lane: MatchingLane) -> tuple[int, bool]:
        """Read a page for the tracks whose turn is next. Returns the head of the log, and whether a page was read."""
        chosen, after, up_to = next_window(tracks, head=self._head)
        self._pages += 1
        for track in chosen:
            track.turn = self._pages
        takes_over = lane is self._matching and chosen and len(chosen) == len(tracks)
        handed = self._handover.take(after) if takes_over else None
        if handed is not None:
            events, limit = handed.events, len(handed.events)
            version = max(handed.routing_version, self._table.version)
            head = stream.Head(max(self._head, events[-1].position), version)
        else:
            limit = self._limit
            async with self._database.read() as connection:
                head, events = await stream.read_on(
                    connection,
                    sorted({track.progress.lease.shard for track in chosen}),
                    after=after,
                    up_to=up_to,
                    limit=limit,
                )
        self._head = max(self._head, head.position)
        faults.point("read.after_head")
        if head.routing_version != self._table.version:
            await self.refresh(head.routing_version)
        if lane is self._matching and self._goes_on_at(head.position):
            return head.position, True
        if not chosen or head.position <= after:
            return head.position, False
        faults.point("read.after_page")
        self._suit_limit(events)
        known = await self._known(events, chosen)
        reached = events[-1].position if len(events) == limit else min(up_to, head.position)
        if not events and reached == after + SPAN:
            reached = await self._end_of_gap(
                reached, up_to=min([head.position, *[track.end for track in chosen if track.end is not None]])
            )
        await self._hand_over(events, chosen, lane, reached=reached, known=known)
        faults.point("read.after_hand_over")
        return head.position, True

    def _goes_on_at(self, head: int) -> bool:
        """Move the live reader of each shard that is far behind to *head*. Returns whether there was such a shard.

        Only the live reader calls this, between two pages.
        """
        far_behind = [
            progress
            for progress in self._readable()
            if head - progress.live.read > FAR_BEHIND and len(progress.stretches) < MOST_STRETCHES
        ]
        for progress in far_behind:
            progress.go_on_at(head)
        if far_behind or any(progress.stretches for progress in self._owned.progress.values()):
            self.has_stretch.set()
        if far_behind:
            faults.point("read.after_going_on")
        return bool(far_behind)

    async def _end_of_gap(self, after: int, *, up_to: int) -> int:
        """Return the last position, up to *up_to*, of the gap that begins after *after*.

        A restore skips a billion positions (``store.epochs``).
        """
        async with self._database.read() as connection:
            first = await stream.first_after(connection, after)
        return up_to if first is None else min(first - 1, up_to)

    async def _known(self, events: Sequence[Event], tracks: Sequence[Track]) -> Collection[Key]:
        """Find the deliveries of *events* that earlier owners settled.

        This is one query per page, so a backlog does not delay the start.
        """
        known_until: dict[int, int] = {}
        for progress in (track.progress for track in tracks):
            known_until[progress.lease.shard] = max(
                progress.known_until, known_until.get(progress.lease.shard, 0)
            )
        total = self._owned.total
        unsure = [
            e.position for e in events if e.position <= known_until.get(shard_of(e.company_id, total), 0)
        ]
        if not unsure:
            return ()
        async with self._database.read() as connection:
            return await ledger.keys_at(connection, unsure)

    def _suit_limit(self, events: Sequence[Event]) -> None:
        """Shrink pages for large events at once; grow back slowly."""
        if events:
            average = sum(len(event.body) for event in events) // len(events)
            self._event_bytes = max(average, self._event_bytes // 2, 1)
            self._limit = max(min(PAGE_BYTES // self._event_bytes, PAGE), 1)

    def _readable(self) -> list[Progress]:
        now = time.monotonic()
        return [
            progress
            for progress in self._owned.progress.values()
            if not progress.lost and not progress.draining and now < progress.valid_until
        ]

    async def refresh(self, version: int) -> None:
        """Update the routing table to routing *version* or later.

        The version is read together with the head of the log, so the table is never older than the state at which an
        event was accepted. The first load reads all subscriptions by number, and the table then has *version*. If
        subscriptions change during this load, they are read again with the next version.
        """
        async with self._refreshing:
            if version > self._table.version or not self._table.version:
                await self._refresh(version)
        faults.point("read.after_refresh")

    async def _refresh(self, version: int) -> None:
        known = self._table.version
        sealed: list[Row] = []
        async with self._database.read() as connection:
            async for rows in subscription_store.changed_since(connection, known):
                version = max(version, rows[-1].version) if known else version
                opened = list(map(self._records.unseal, rows))
                sealed += [o.row for o in opened if not o.is_readable and o.row.status == Status.ACTIVE]
                for seconds in filter(None, (said_of("timeout_seconds", row.options) for row in rows)):
                    self._runner.allow(seconds)
                for no in self._table.apply(opened):
                    self._runner.slots.forget(no)
                self._runner.ordering.forget(row.no for row in rows)
        if sealed:  # before events are handed over: these subscriptions would miss them
            disabled = await unreadable.disable(
                self._database, sealed, records=self._records, shards=self._owned.total
            )
            self._reports.subscriptions_disabled(disabled)
        self._table.version = version  # last: if anything above fails, the changes are read again

    async def _hand_over(
        self,
        events: Sequence[Event],
        tracks: Sequence[Track],
        lane: MatchingLane,
        *,
        reached: int,
        known: Collection[Key],
    ) -> None:
        """Hand over a page that was read for *tracks*, and move the tracks to position *reached*.

        Other tasks get turns of the event loop between deliveries, and deliveries of stretches wait for room. A shard that is
        given away meanwhile stays at its last position.
        """
        budget, submitted = Budget(), 0
        of_shard = self._still_readable(tracks)
        for event in events:
            if submitted >= SUBMITTED_AT_ONCE or not (lane is self._matching or lane.room.has_room.is_set()):
                submitted = 0
                for each in itertools.chain(*of_shard.values()):
                    each.read = event.position - 1
                await asyncio.sleep(0)
                if lane is not self._matching:
                    await lane.room.has_room.wait()
                of_shard = self._still_readable(itertools.chain(*of_shard.values()))
            for track in of_shard.get(shard_of(event.company_id, self._owned.total), ()):
                submitted += self._hand_over_event(event, track, lane, budget, known)
        for track in itertools.chain(*of_shard.values()):
            track.read = reached
        self._runner.wake()

    def _still_readable(self, among: Iterable[Track]) -> dict[int, list[Track]]:
        """Choose the tracks in *among* that may still be read, by shard.

        The tracks of several parts of one shard are in one list.
        """
        readable = set(self._readable())
        of_shard: dict[int, list[Track]] = {}
        for track in among:
            if track.progress in readable:
                of_shard.setdefault(track.progress.lease.shard, []).append(track)
        return of_shard

    def _hand_over_event(
        self, event: Event, track: Track, lane: MatchingLane, budget: Budget, known: Collection[Key]
    ) -> int:
        """Match *event* and submit its deliveries, or put the event into *lane*.

        Returns the number of submitted deliveries.
        """
        progress = track.progress
        routes, cost = candidates_of(progress, self._table.candidates(event))
        if not routes:
            return 0
        if (
            not lane.room.has_room_for(event.company_id)
            or lane.waiting(event.company_id, track)
            or (cost and not budget.allows(event, cost))
            or lane.waits_for_earlier(event, track)
        ):
            lane.put(event, track)
            return 0
        matched = unsettled(self._table.match(event, routes), event, known)
        if matched:
            progress.open(event.position, len(matched))
            for route in matched:
                self._runner.submit(Job(event=event, route=route, progress=progress, room=lane.room))
        return len(matched)
