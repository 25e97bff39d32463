"""Continues changing the many open deliveries of subscriptions that were paused, resumed, disabled or deleted.

The transaction that changed the subscription also changed its first deliveries, and stored that more remain
(``store.open_deliveries``). The order keys that a replay releases are handled in the same way (``store.releasing``).
The rest is done piece by piece, each piece in a small transaction. The pause after a piece is at least as long as the
piece took.
"""

import asyncio
import time

from trunkline.runtime import faults
from trunkline.store import open_deliveries, releasing
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal

PAUSE_SECONDS = 0.02
IN_TURN = 20
"""Number of subscriptions that get one piece each, one after the other."""


class StatusChanges:
    """Does the remaining pieces, and sets *due* if deliveries became due. Callers set ``signal`` if pieces remain."""

    def __init__(self, database: Database, *, due: Signal) -> None:
        self._database = database
        self._due = due
        self.signal = Signal()

    async def step(self) -> float | None:
        """Do one piece for each of up to ``IN_TURN`` subscriptions.

        Returns 0 if there was one; otherwise None. Raises StoreUnavailable.
        """
        async with self._database.read() as connection:
            unsettled = await open_deliveries.unsettled(connection, limit=IN_TURN)
            unreleased = await releasing.unreleased(connection, limit=IN_TURN)
        for no in unsettled:
            began = time.monotonic()
            async with self._database.write() as connection:
                await open_deliveries.go_on(connection, no)
            await _rest_since(began)
        for no in unreleased:
            began = time.monotonic()
            async with self._database.write() as connection:
                await releasing.go_on(connection, no)
                faults.point("order.after_release")
            await _rest_since(began)
        if not (unsettled or unreleased):
            return None
        self._due.set()
        return 0.0


async def _rest_since(began: float) -> None:
    await asyncio.sleep(max(PAUSE_SECONDS, time.monotonic() - began))
