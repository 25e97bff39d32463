"""The live lane: reads the log past the cursors, matches, and hands deliveries to the runner."""

import logging
import time
from collections.abc import Mapping, Sequence

from trunkline.dispatch.jobs import Job
from trunkline.dispatch.matching_lane import Budget, MatchingLane, unsettled
from trunkline.dispatch.owned_shards import OwnedShards
from trunkline.dispatch.progress import Progress, next_window
from trunkline.dispatch.routing import RoutingTable
from trunkline.dispatch.runner import Runner
from trunkline.dispatch.unreadable import Unreadable
from trunkline.errors import StoreUnavailable
from trunkline.model.events import Event, shard_of
from trunkline.model.subscriptions import Status, Subscription
from trunkline.runtime import faults
from trunkline.store import stream
from trunkline.store import subscriptions as subscription_store
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal

PAGE = 500
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
    ) -> None:
        self._database = database
        self._table = table
        self._runner = runner
        self._owned = owned
        self._unreadable = unreadable
        self._matching = matching

    async def run(self, log_has_grown: Signal) -> None:
        """Read whenever the log has grown, and once a second in case a wake-up was lost."""
        while True:
            await self._runner.has_room.wait()
            await self._matching.has_room.wait()
            try:
                if await self.read_on():
                    continue
            except StoreUnavailable as error:
                _log.warning("cannot read the log now: %s", error)
            await log_has_grown.wait(LOOK_SECONDS)

    async def read_on(self) -> bool:
        """Read one page of the log; tells whether there is more to read."""
        behind, after, up_to = next_window(self._readable())
        async with self._database.read() as connection:
            head, events = await stream.read_on(
                connection, [p.lease.shard for p in behind], after=after, up_to=up_to, limit=PAGE
            )
        faults.point("read.after_head")
        if head.routing_version != self._table.version:
            await self.refresh(head.routing_version)
        if not behind or head.position <= after:
            return False
        faults.point("read.after_page")
        reached = events[-1].position if len(events) == PAGE else up_to or head.position
        readable = set(self._readable())  # a shard may have gone meanwhile
        readers = {progress.lease.shard: progress for progress in behind if progress in readable}
        self._hand_over(events, readers)
        for progress in readers.values():
            progress.read = reached
        faults.point("read.after_hand_over")
        return any(progress.read < head.position for progress in readable)

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
        what was valid when the event was accepted.
        """
        known = self._table.version
        unreadable: list[Subscription] = []
        async with self._database.read() as connection:
            async for rows in subscription_store.changed_since(connection, known):
                version = max(version, rows[-1].version)
                opened = self._unreadable.open(rows)
                unreadable += [s for s in opened if not s.is_readable and s.status == Status.ACTIVE]
                for no in self._table.apply(opened):
                    self._runner.slots.forget(no)
                self._runner.ordering.forget(row.no for row in rows)
        if unreadable:  # before an event is handed over that they would miss
            await self._unreadable.disable(unreadable)
        self._table.version = version  # when everything is there: what breaks off here is read again
        faults.point("read.after_refresh")

    def _hand_over(self, events: Sequence[Event], readers: Mapping[int, Progress]) -> None:
        shards, budget = self._owned.total, Budget()
        for event in events:
            progress = readers.get(shard_of(event.company_id, shards))
            if progress is None:
                continue  # its shard was given away while the page was read
            routes, cost = self._table.candidates(event)
            if not routes:
                continue
            if self._matching.has(event.company_id) or (cost and not budget.allows(event, cost)):
                self._matching.put(event, progress)
                continue
            matched = unsettled(self._table.match(event, routes), event, progress)
            if not matched:
                continue
            progress.open(event.position, len(matched))
            for route in matched:
                self._runner.submit(Job(event, route, progress=progress))
