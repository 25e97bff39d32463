"""The retry lane: claims due deliveries and hands them to the runner.

If few deliveries are due, they are claimed by their due time. If many are due, the subscriptions take turns, whatever
number of due deliveries each has. So a target that recovers with a backlog of a hundred thousand deliveries delays no
other target.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger.starting import READY, Starter
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.signals import KeepUp
from trunkline.errors import StoreUnavailable
from trunkline.model.deliveries import Key
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import due as store
from trunkline.store.database import Database
from trunkline.store.deliveries import Claim
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
"""How long the lane waits if the database does not answer."""
PAGE = 500
WINDOW = 500
"""If at most this many deliveries are due, they are claimed by their time alone; otherwise the subscriptions take turns."""
IN_TURN = 200
"""Number of subscriptions in one query of the ledger; the next query continues after them."""
CROWDED_SECONDS = 0.01
BUSY_SECONDS = 0.05
"""How long the lane waits if deliveries are due but none of them may begin."""
ROUND_SECONDS = 0.1
"""Pause after all due deliveries were claimed.

In it, due deliveries accumulate: claiming ten costs little more than one.
"""
_log = logging.getLogger(__name__)


class Retries:
    """Claims due deliveries for the worker of *owned*: for each subscription, as many as *runner* has room for."""

    def __init__(
        self, database: Database, owned: OwnedShards, runner: Runner, starter: Starter, *, keep_up: KeepUp
    ) -> None:
        self._database = database
        self._owned = owned
        self._runner = runner
        self._starter = starter
        self._keep_up = keep_up
        self._after = 0
        """The number of the subscription whose turn was last."""

    async def run(self, due: Signal) -> None:
        """Claim whenever deliveries are due. The agenda watch sets *due* if another process made deliveries due."""
        while True:
            wait: float | None = LOOK_SECONDS
            try:
                wait = await self.claim_due()
            except StoreUnavailable as error:
                _log.warning("cannot claim retries now: %s", error)
            await due.wait(wait)

    async def claim_due(self) -> float | None:
        """Claim due deliveries that can start soon. Returns the seconds until the next call, None if nothing waits."""
        limit = min(self._runner.slots.free + READY - self._runner.waiting_claims, PAGE)
        if limit <= 0 or not self._owned.is_alive:
            return CROWDED_SECONDS
        await self._keep_up()
        async with self._database.read() as connection:
            due_ms = await ledger.next_due_ms(connection)
            if due_ms is None:
                return None
            if due_ms > 0:
                return due_ms / 1000
            oldest = await store.oldest(connection, limit=WINDOW)
        has_more = len(oldest) == WINDOW
        keys = await self._in_turn(limit) if has_more else self._with_room(oldest, limit)
        claims = await self._claim(keys) if keys else []
        if not claims:
            return BUSY_SECONDS
        faults.point("retry.before_start")
        await self._starter.start(claims)
        faults.point("retry.after_start")
        if has_more or len(keys) < len(oldest):
            return CROWDED_SECONDS
        await asyncio.sleep(ROUND_SECONDS)  # a signal that is set meanwhile is handled afterwards
        return 0.0

    def _with_room(self, due: Iterable[Key], limit: int) -> list[Key]:
        """Choose deliveries from *due*, the oldest first, as many as memory has room for."""
        chosen: list[Key] = []
        taken: Counter[int] = Counter()
        room: dict[int, int] = {}
        for key in due:
            no = key.subscription_no
            if no not in room:
                room[no] = self._room_of(no)
            if len(chosen) < limit and taken[no] < room[no]:
                taken[no] += 1
                chosen.append(key)
        return chosen

    def _room_of(self, subscription_no: int) -> int:
        """Return how many deliveries of a subscription to claim.

        Deliveries with a pace are passed on to the paced lane, all at once, to keep the order of their due times.
        """
        return (
            PAGE if self._starter.passes_on(subscription_no) else self._runner.slots.room_of(subscription_no)
        )

    async def _in_turn(self, limit: int) -> list[Key]:
        """Choose due deliveries of the next subscriptions in turn, as many as memory has room for."""
        async with self._database.read() as connection:
            waiting = await store.waiting(connection, store.FREE, after=self._after, limit=IN_TURN)
            self._after = waiting[-1].subscription_no if len(waiting) == IN_TURN else 0
            ready = [each.subscription_no for each in waiting if each.wait_ms <= 0]
            wanted: dict[int, int] = {}
            for place, no in enumerate(ready):
                count = min(self._room_of(no), max(limit // (len(ready) - place), 1), limit)
                if count > 0:
                    wanted[no] = count
                    limit -= count
            return await store.pick(connection, store.FREE, wanted) if wanted else []

    async def _claim(self, keys: list[Key]) -> list[Claim]:
        faults.point("retry.before_claim")
        async with self._database.write() as connection:
            claims = await store.claim(
                connection, store.FREE, self._owned.worker, keys, lease_ms=self._runner.claim_ms
            )
            faults.point("retry.after_claim")
        if claims:
            faults.point("retry.after_claim_commit")
            _log.debug(
                "claimed due deliveries", extra={"worker_id": self._owned.worker, "deliveries": len(claims)}
            )
        return claims
