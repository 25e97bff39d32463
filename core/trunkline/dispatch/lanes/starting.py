"""Starting claimed deliveries: reads their events, and hands each delivery to the runner."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence

from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.runner import CROWDED_MS, Runner
from trunkline.dispatch.ledger.replay import Claiming
from trunkline.dispatch.routing.table import Route, RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.deliveries import Key, Status
from trunkline.model.events import Event, shard_of
from trunkline.runtime import faults
from trunkline.schemas.versions import Pins
from trunkline.store import deliveries as ledger
from trunkline.store import due, paced, stream
from trunkline.store import replays as replay_store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.deliveries import Claim, Settled

PAGE = 500
"""Number of deliveries that are claimed at once."""
READY = 256
"""Number of claimed deliveries that may wait in memory for a slot, so that no slot is empty during the next claim."""
SHORTEST_PAGE = 128
"""A replay's page is claimed here only if memory has room for this many deliveries: a short page costs as much as a long one."""
STARTED_AT_ONCE = 8
"""Number of claims that start in one iteration of the event loop, before live deliveries continue.

One takes some 60 µs.
"""
_log = logging.getLogger(__name__)


class Starter:
    """Claims deliveries for the worker of *owned*, and hands the claims to *runner*.

    A delivery of a subscription with a pace is handed to the holder of its shard, unless this worker is the holder and
    claimed the delivery as such.
    """

    def __init__(self, database: Database, owned: OwnedShards, table: RoutingTable, runner: Runner) -> None:
        self.database = database
        self.owned = owned
        self.table = table
        self.runner = runner

    @property
    def room(self) -> int:
        """How many more deliveries to claim; 0 or less means none."""
        return min(self.runner.slots.free + READY - self.runner.waiting_claims, PAGE)

    def passes_on(self, subscription_no: int) -> bool:
        """Return whether claims of a subscription must be put aside or handed to the holder of its shard.

        The result does not apply to claims that this worker made as the holder.
        """
        route = self.table.route(subscription_no)
        return route is None or route.pace is not None

    def claiming(self, subscription_no: int) -> Claiming | None:
        """Return how this worker claims a replay's next page; None if the free lane has to start its deliveries.

        The free lane is used if memory has little room, because there the subscriptions take turns.
        """
        room = self.runner.slots.room_of_page(subscription_no)
        ready = self.runner.slots.free + READY * 3 // 4 - self.runner.waiting_claims
        if room is None or ready < SHORTEST_PAGE or self.passes_on(subscription_no):
            return None
        room = min(room, ready) if self.owned.is_alive else 0  # the transaction may have waited for locks
        return Claiming(self.owned.worker, self.runner.claim_ms, room if room >= SHORTEST_PAGE else 0)

    async def claim(self, kind: due.Kind, keys: Sequence[Key]) -> list[Claim]:
        """Claim the deliveries among *keys* that are still due."""
        if not keys:
            return []
        faults.point(f"{kind.name}.before_claim")
        async with self.database.write() as connection:
            claims = await due.claim(connection, kind, self.owned.worker, keys, lease_ms=self.runner.claim_ms)
            faults.point(f"{kind.name}.after_claim")
        if claims:
            faults.point(f"{kind.name}.after_claim_commit")
            _log.debug(
                "claimed due deliveries", extra={"worker_id": self.owned.worker, "deliveries": len(claims)}
            )
        return claims

    async def read(self, claims: Sequence[Claim]) -> tuple[Mapping[int, Event], Mapping[int, Pins]]:
        """Read the events of *claims*, by position, and the versions chosen by their replays, by number."""
        async with self.database.read() as connection:
            events = await stream.by_positions(connection, [claim.position for claim in claims])
            return events, await replay_store.pins_of(
                connection, {c.replay_no for c in claims if c.replay_no}
            )

    async def start(
        self,
        claims: Sequence[Claim],
        *,
        events: Mapping[int, Event],
        pins: Mapping[int, Pins],
        by_holder: bool = False,
    ) -> None:
        """Start *claims*, with *events* and *pins* as ``read`` returns them.

        *by_holder* says that this worker made the claims as the holder of their shards.
        """
        unroutable: list[Claim] = []
        elsewhere: list[tuple[Claim, int]] = []
        for started, claim in enumerate(claims):
            if started % STARTED_AT_ONCE == 0:
                await asyncio.sleep(0)
            event, route = events.get(claim.position), self.table.route(claim.subscription_no)
            if event is None or route is None:
                unroutable.append(claim)
                continue
            progress = self.progress_of(route) if route.pace or by_holder else None
            if (route.pace and not by_holder) or (by_holder and progress is None):
                elsewhere.append((claim, shard_of(event.company_id, self.owned.total)))
                continue
            self.runner.submit(Job.of_claim(claim, event, route, progress=progress, pins=pins))
        if unroutable or elsewhere:
            async with self.database.write() as connection:
                if unroutable:
                    await self.put_aside(connection, unroutable, positions=set(events))
                if elsewhere:
                    await paced.hand_over(connection, self.owned.worker, elsewhere)
            self.runner.gates.signal.set()

    async def put_aside(
        self, connection: Connection, claims: Sequence[Claim], *, positions: Collection[int]
    ) -> list[Claim]:
        """End the *claims* whose subscription or event no longer exists, and postpone the others. Returns the ended ones.

        *positions* are the positions of existing events. A claim has no route if its subscription is paused, disabled or
        deleted, or if this worker has not loaded it yet. A delivery of an inactive subscription becomes due when the
        subscription becomes active.
        """
        rows = await subscription_store.locked(
            connection, sorted({claim.subscription_no for claim in claims})
        )
        settled: list[Settled] = []
        gone: list[Claim] = []
        for claim in claims:
            position, no = claim.key
            state = rows.get(no, "deleted")
            if position not in positions or state == "deleted":
                status, wait_ms = Status.GONE, None
                gone.append(claim)
            else:
                status, wait_ms = Status.PENDING, CROWDED_MS if state == "active" else None
            settled.append(
                Settled(position, no, status, claim.attempts, None, wait_ms=wait_ms, claim=claim.claim)
            )
        await ledger.settle(connection, self.owned.worker, settled)
        return gone

    def progress_of(self, route: Route) -> Progress | None:
        """Return the progress of the slice of a subscription; None if this worker does not hold the slice."""
        progress = self.owned.of(route.subscription.company_id, route.subscription.no)
        return None if progress is None or progress.lost else progress
