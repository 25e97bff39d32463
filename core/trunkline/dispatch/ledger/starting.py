"""Starting claimed deliveries: reads their events, and hands each delivery to the runner."""

import asyncio
from collections.abc import Mapping, Sequence

from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger.replay import Claiming
from trunkline.dispatch.ledger.unroutable import put_aside
from trunkline.dispatch.routing.table import Route, RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.events import Event, shard_of
from trunkline.schemas.versions import Pins
from trunkline.store import paced, stream
from trunkline.store import replays as replay_store
from trunkline.store.database import Database
from trunkline.store.deliveries import Claim

READY = 256
"""Number of claimed deliveries that may wait in memory for a slot, so that no slot is empty during the next claim."""
SHORTEST_PAGE = 128
"""A replay's page is claimed here only if memory has room for this many deliveries: a short page costs as much as a long one."""
STARTED_AT_ONCE = 8
"""Number of claims that start in one iteration of the event loop, before live deliveries continue.

One takes some 60 µs.
"""


class Starter:
    """Hands claims of the worker of *owned* to *runner*.

    A delivery of a subscription with a pace is handed to the holder of its shard, unless this worker is the holder and
    claimed the delivery as such.
    """

    def __init__(self, database: Database, owned: OwnedShards, table: RoutingTable, runner: Runner) -> None:
        self._database = database
        self._owned = owned
        self._table = table
        self._runner = runner

    def passes_on(self, subscription_no: int) -> bool:
        """Return whether claims of a subscription must be put aside or handed to the holder of its shard.

        The result does not apply to claims that this worker made as the holder.
        """
        route = self._table.route(subscription_no)
        return route is None or route.pace is not None

    def claiming(self, subscription_no: int) -> Claiming | None:
        """Return how this worker claims a replay's next page; None if the retry lane has to start its deliveries.

        The retry lane is used if memory has little room, because there the subscriptions take turns.
        """
        room = self._runner.slots.room_of_page(subscription_no)
        ready = self._runner.slots.free + READY * 3 // 4 - self._runner.waiting_claims
        if room is None or ready < SHORTEST_PAGE or self.passes_on(subscription_no):
            return None
        room = min(room, ready) if self._owned.is_alive else 0
        return Claiming(self._owned.worker, self._runner.claim_ms, room if room >= SHORTEST_PAGE else 0)

    async def start(
        self,
        claims: Sequence[Claim],
        *,
        events: Mapping[int, Event] | None = None,
        pins: Mapping[int, Pins] | None = None,
        by_holder: bool = False,
    ) -> None:
        """Start *claims*.

        *events* has the events of the claims by position, *pins* the versions chosen by their replays, by number. Both
        are read if one is not given. *by_holder* says that this worker made the claims as the holder of their shards.
        """
        if events is None or pins is None:
            async with self._database.read() as connection:
                events = await stream.by_positions(connection, [claim.position for claim in claims])
                pins = await replay_store.pins_of(connection, {c.replay_no for c in claims if c.replay_no})
        unroutable: list[Claim] = []
        elsewhere: list[tuple[Claim, int]] = []
        for started, claim in enumerate(claims):
            if started % STARTED_AT_ONCE == 0:
                await asyncio.sleep(0)
            event, route = events.get(claim.position), self._table.route(claim.subscription_no)
            if event is None or route is None:
                unroutable.append(claim)
                continue
            progress = self._progress_of(route) if route.pace or by_holder else None
            if (route.pace and not by_holder) or (by_holder and progress is None):
                elsewhere.append((claim, shard_of(event.company_id, self._owned.total)))
                continue
            self._runner.submit(Job.of_claim(claim, event, route, progress=progress, pins=pins))
        await self._put_aside(unroutable, elsewhere, positions=set(events))

    async def _put_aside(
        self, unroutable: Sequence[Claim], elsewhere: Sequence[tuple[Claim, int]], *, positions: set[int]
    ) -> None:
        if unroutable or elsewhere:
            async with self._database.write() as connection:
                if unroutable:
                    await put_aside(connection, self._owned.worker, unroutable, positions=positions)
                if elsewhere:
                    await paced.hand_over(connection, self._owned.worker, elsewhere)
            self._runner.gates.signal.set()

    def _progress_of(self, route: Route) -> Progress | None:
        progress = self._owned.of(route.subscription.company_id, route.subscription.no)
        return None if progress is None or progress.lost else progress
