"""The paced lane: due deliveries of subscriptions with a pace. The holder of the shard claims them.

For each subscription, it claims as many as the gate will soon admit. It also reads from the ledger, for the gates, how many
attempts other workers have in flight.
"""

from trunkline.dispatch.lanes.lane import LOOK_SECONDS, Idleness, Rounds
from trunkline.dispatch.lanes.starting import Starter
from trunkline.model import parts
from trunkline.runtime import faults
from trunkline.store import due
from trunkline.store import paced as store
from trunkline.store.due import Waiting

PERIOD_SECONDS = 0.1
"""Pause between two claims, in which due deliveries accumulate, because each claim costs a transaction."""
LOOKED_AT = 500
"""Number of subscriptions in one query of the ledger; the next query continues after them."""
UNROUTABLE = 16
"""Number of deliveries to claim for a subscription without a route; such deliveries are ended or postponed."""


class PacedLane:
    """Claims the due deliveries of the subscriptions with a pace, in the shards that the worker holds."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self._owned = starter.owned
        self._table = starter.table
        self._runner = starter.runner
        self._rounds = Rounds(due.PACED, most=LOOKED_AT)
        self._idleness = Idleness()

    async def step(self) -> float:
        """Query and claim once. Returns the seconds until the next call."""
        state = (frozenset(self._owned.progress), self._table.version)
        if not state[0] or (not self._table.paced and self._idleness.lasts(state)):
            return LOOK_SECONDS
        await self._look_elsewhere()
        async with self._starter.database.read() as connection:
            waiting = await self._rounds.next(connection)
            mine = [each for each in waiting if self._is_mine(each)]
            ready = [each.subscription_no for each in mine if each.wait_ms <= 0]
            shares = self._rounds.divide(self._starter.room, ready, self._most_of)
            keys = await due.pick(connection, due.PACED, shares)
        if not waiting:
            self._idleness.begin(state)
        if claims := await self._starter.claim(due.PACED, keys):
            events, pins = await self._starter.read(claims)
            await self._starter.start(claims, events=events, pins=pins, by_holder=True)
            faults.point("pace.after_start")
        if self._rounds.has_more or ready:
            return PERIOD_SECONDS
        soonest = min((each.wait_ms / 1000 for each in mine), default=LOOK_SECONDS)
        return min(max(soonest, PERIOD_SECONDS), LOOK_SECONDS)

    def _is_mine(self, waiting: Waiting) -> bool:
        if waiting.shard is None:
            return False
        progress = parts.find(self._owned.progress, waiting.shard, waiting.subscription_no)
        return progress is not None and not progress.lost and not progress.draining

    def _most_of(self, subscription_no: int) -> int:
        """Return how many due deliveries of a subscription its gate will soon admit."""
        route = self._table.route(subscription_no)
        if route is None:
            return UNROUTABLE
        progress = self._owned.of(route.subscription.company_id, route.subscription.no)
        return 0 if progress is None else self._runner.room_for_claims(route, progress)

    async def _look_elsewhere(self) -> None:
        """Read how many attempts other workers have in flight, for the gates that need the number."""
        gates = self._runner.gates
        gates.forget()
        if unsure := gates.unsure():
            async with self._starter.database.read() as connection:
                counts = await store.in_flight_elsewhere(connection, self._owned.worker, unsure)
            for no, gate in unsure.items():
                gate.elsewhere = counts.get(no, 0)
                if (route := self._table.route(no)) is not None:
                    self._runner.go_on(no, route.subscription.company_id)
