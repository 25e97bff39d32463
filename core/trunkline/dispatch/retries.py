"""The retry lane: claims what is due and hands it to the runner."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from trunkline.dispatch.jobs import Job
from trunkline.dispatch.owned_shards import OwnedShards
from trunkline.dispatch.routing import RoutingTable
from trunkline.dispatch.runner import Runner
from trunkline.dispatch.unroutable import put_aside
from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import replays as replay_store
from trunkline.store import stream
from trunkline.store.database import Database
from trunkline.store.deliveries import Claim
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
PAGE = 500
READY = 256
"""Claimed deliveries that may wait in memory for a slot, so that slots never stand empty while others are claimed."""
CROWDED_SECONDS = 0.01
ROUND_SECONDS = 0.1
"""How long what becomes due gathers once nothing due is left: to claim ten costs little more than to claim one."""
STARTED_AT_ONCE = 8
"""Claims that start before live deliveries get their turn: each takes some 60 µs of the loop."""
_log = logging.getLogger(__name__)


class Retries:
    """Claims due deliveries for the worker of *owned*, at most *per_subscription* of one subscription at a time."""

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        table: RoutingTable,
        runner: Runner,
        *,
        per_subscription: int,
    ) -> None:
        self._database = database
        self._owned = owned
        self._table = table
        self._runner = runner
        self._per_subscription = per_subscription

    async def run(self, due: Signal) -> None:
        """Claim whenever something is due, looking once a second at least."""
        while True:
            wait = LOOK_SECONDS
            try:
                wait = await self.claim_due()
            except StoreUnavailable as error:
                _log.warning("cannot claim retries now: %s", error)
            await due.wait(wait)

    async def claim_due(self) -> float:
        """Claim what is due and can be started soon; returns in how many seconds to look again."""
        limit = min(self._runner.slots.free + READY - self._runner.waiting_claims, PAGE)
        if limit <= 0 or not self._owned.is_alive:
            return CROWDED_SECONDS
        async with self._database.read() as connection:
            due_ms = await ledger.next_due_ms(connection)
        if due_ms is None or due_ms > 0:
            return min(LOOK_SECONDS, due_ms / 1000 if due_ms else LOOK_SECONDS)
        faults.point("retry.before_claim")
        async with self._database.write() as connection:
            claims = await ledger.claim_due(
                connection,
                self._owned.worker,
                limit=limit,
                per_subscription=self._per_subscription,
                lease_ms=self._runner.claim_ms,
                busy=self._runner.slots.busy,
            )
            faults.point("retry.after_claim")
        if not claims:
            return CROWDED_SECONDS * 5
        faults.point("retry.after_claim_commit")
        _log.debug(
            "claimed due deliveries", extra={"worker_id": self._owned.worker, "deliveries": len(claims)}
        )
        await self._start(claims)
        if len(claims) == limit:
            return 0.0
        if max(Counter(claim.subscription_no for claim in claims).values()) == self._per_subscription:
            return CROWDED_SECONDS
        await asyncio.sleep(ROUND_SECONDS)  # a signal that is set meanwhile is seen afterwards
        return 0.0

    async def _start(self, claims: Sequence[Claim]) -> None:
        async with self._database.read() as connection:
            events = await stream.by_positions(connection, [claim.position for claim in claims])
            pins = await replay_store.pins_of(connection, {c.replay_no for c in claims if c.replay_no})
        faults.point("retry.before_start")
        unroutable: list[Claim] = []
        for started, claim in enumerate(claims):
            if started % STARTED_AT_ONCE == 0:
                await asyncio.sleep(0)
            event, route = events.get(claim.position), self._table.route(claim.subscription_no)
            if event is None or route is None:
                unroutable.append(claim)
                continue
            self._runner.submit(
                Job(
                    event,
                    route,
                    attempt=claim.attempts + 1,
                    round_start=claim.round_start,
                    claim=claim.claim,
                    pins=pins.get(claim.replay_no or 0),
                )
            )
        faults.point("retry.after_start")
        if unroutable:
            async with self._database.write() as connection:
                await put_aside(connection, self._owned.worker, unroutable, positions=set(events))
