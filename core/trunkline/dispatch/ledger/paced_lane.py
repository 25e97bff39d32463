"""The paced lane: claims due deliveries of subscriptions with a pace.

For each, it claims as many as the gate will soon admit. It also reads from the ledger, for the gates, how many attempts
other workers have in flight.
"""

import logging
import time
from collections.abc import Sequence

from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger.retries import PAGE
from trunkline.dispatch.ledger.starting import READY, Starter
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.signals import KeepUp
from trunkline.errors import StoreUnavailable
from trunkline.model import parts
from trunkline.model.parts import Slice
from trunkline.runtime import faults
from trunkline.store import due
from trunkline.store import paced as store
from trunkline.store.database import Database
from trunkline.store.due import Waiting

LOOK_SECONDS = 1.0
PERIOD_SECONDS = 0.1
"""Pause between two claims, in which due deliveries accumulate, because each claim costs a transaction."""
IDLE_SECONDS = 10.0
"""Pause between queries while no subscription has a pace. A worker may still write deliveries of a deleted subscription."""
LOOKED_AT = 500
"""Number of subscriptions in one query of the ledger; the next query continues after them."""
UNROUTABLE = 16
"""Number of deliveries to claim for a subscription without a route; such deliveries are ended or postponed."""
_log = logging.getLogger(__name__)


class PacedLane:
    """Claims the due deliveries of the subscriptions in *table* that have a pace, in the shards of *owned*."""

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        table: RoutingTable,
        runner: Runner,
        starter: Starter,
        *,
        keep_up: KeepUp,
    ) -> None:
        self._database = database
        self._owned = owned
        self._table = table
        self._runner = runner
        self._starter = starter
        self._keep_up = keep_up
        self._idle: tuple[frozenset[Slice], int] | None = None
        """The shards and the routing version at the last query that found no subscription with a pace."""
        self._idle_since = 0.0
        self._after = 0

    async def run(self) -> None:
        """Claim deliveries whenever some are due and may begin soon; query the ledger at least once a second."""
        while True:
            wait = LOOK_SECONDS
            try:
                wait = await self.step()
            except StoreUnavailable as error:
                _log.warning("cannot claim deliveries with a pace now: %s", error)
            await self._runner.gates.signal.wait(wait)

    async def step(self) -> float:
        """Query and claim once. Returns the seconds until the next call.

        If no subscription has a pace and the ledger has no paced delivery left, it runs no query for a while.
        """
        state = (frozenset(self._owned.progress), self._table.version)
        if not state[0] or not self._owned.is_alive or self._is_idle(state):
            return LOOK_SECONDS
        await self._keep_up()
        await self._look_elsewhere()
        async with self._database.read() as connection:
            waiting = await due.waiting(connection, due.PACED, after=self._after, limit=LOOKED_AT)
        self._idle, self._idle_since = (None if waiting or self._after else state), time.monotonic()
        self._after = waiting[-1].subscription_no if len(waiting) == LOOKED_AT else 0
        mine = [each for each in waiting if self._is_mine(each)]
        wanted = self._wanted([each for each in mine if each.wait_ms <= 0])
        if wanted:
            await self._claim(wanted)
        if self._after or any(each.wait_ms <= 0 for each in mine):
            return PERIOD_SECONDS
        soonest = min((each.wait_ms / 1000 for each in mine), default=LOOK_SECONDS)
        return min(max(soonest, PERIOD_SECONDS), LOOK_SECONDS)

    def _is_idle(self, state: tuple[frozenset[Slice], int]) -> bool:
        if self._table.paced or self._idle != state:
            return False
        return time.monotonic() - self._idle_since < IDLE_SECONDS

    def _is_mine(self, waiting: Waiting) -> bool:
        if waiting.shard is None:
            return False
        progress = parts.find(self._owned.progress, waiting.shard, waiting.subscription_no)
        return progress is not None and not progress.lost and not progress.draining

    def _wanted(self, ready: Sequence[Waiting]) -> dict[int, int]:
        """Return how many deliveries to claim for each of the *ready* subscriptions, within the room in memory."""
        room = min(self._runner.slots.free + READY - self._runner.waiting_claims, PAGE)
        wanted: dict[int, int] = {}
        for place, each in enumerate(ready):
            fair = max(room // (len(ready) - place), 1)
            count = min(self._most_of(each.subscription_no), fair, room)
            if count > 0:
                wanted[each.subscription_no] = count
                room -= count
        return wanted

    def _most_of(self, subscription_no: int) -> int:
        route = self._table.route(subscription_no)
        if route is None:
            return UNROUTABLE
        progress = self._owned.of(route.subscription.company_id, route.subscription.no)
        return 0 if progress is None else self._runner.room_for_claims(route, progress)

    async def _claim(self, wanted: dict[int, int]) -> None:
        faults.point("pace.before_claim")
        async with self._database.write() as connection:
            claims = await due.claim(
                connection,
                due.PACED,
                self._owned.worker,
                await due.pick(connection, due.PACED, wanted),
                lease_ms=self._runner.claim_ms,
            )
            faults.point("pace.after_claim")
        if claims:
            faults.point("pace.after_claim_commit")
            await self._starter.start(claims, by_holder=True)
            faults.point("pace.after_start")

    async def _look_elsewhere(self) -> None:
        """Read how many attempts other workers have in flight, for the gates that need the number."""
        gates = self._runner.gates
        gates.forget()
        if unsure := gates.unsure():
            async with self._database.read() as connection:
                counts = await store.in_flight_elsewhere(connection, self._owned.worker, unsure)
            for no, gate in unsure.items():
                gate.elsewhere = counts.get(no, 0)
                if (route := self._table.route(no)) is not None:
                    self._runner.go_on(no, route.subscription.company_id)
