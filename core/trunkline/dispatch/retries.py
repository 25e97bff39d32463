"""The retry lane: claims what is due and hands it to the runner."""

import asyncio
import logging
from collections import Counter

from trunkline.dispatch.owned_shards import OwnedShards
from trunkline.dispatch.runner import Runner
from trunkline.dispatch.starting import Starter
from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
PAGE = 500
READY = 256
"""Claimed deliveries that may wait in memory for a slot, so that slots never stand empty while others are claimed."""
CROWDED_SECONDS = 0.01
ROUND_SECONDS = 0.1
"""How long what becomes due gathers once nothing due is left: to claim ten costs little more than to claim one."""
_log = logging.getLogger(__name__)


class Retries:
    """Claims due deliveries for the worker of *owned*, at most *per_subscription* of one subscription at a time."""

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        runner: Runner,
        starter: Starter,
        *,
        per_subscription: int,
    ) -> None:
        self._database = database
        self._owned = owned
        self._runner = runner
        self._starter = starter
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
        faults.point("retry.before_start")
        await self._starter.start(claims)
        faults.point("retry.after_start")
        if len(claims) == limit:
            return 0.0
        if max(Counter(claim.subscription_no for claim in claims).values()) == self._per_subscription:
            return CROWDED_SECONDS
        await asyncio.sleep(ROUND_SECONDS)  # a signal that is set meanwhile is seen afterwards
        return 0.0
