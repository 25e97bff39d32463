"""Continues changing the many open deliveries of subscriptions that were paused, resumed, disabled or deleted.

The transaction that changed the subscription also changed its first deliveries, and stored that more remain
(``store.open_deliveries``). The order keys that a replay releases are handled in the same way (``store.releasing``).
The rest is done piece by piece, each piece in a small transaction. The pause after a piece is at least as long as the
piece took.
"""

import asyncio
import logging
import time

from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import open_deliveries, releasing
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.02
IN_TURN = 20
"""Number of subscriptions that get one piece each, one after the other."""
_log = logging.getLogger(__name__)


class StatusChanges:
    """Does the remaining pieces, and sets *due* if deliveries became due. Callers set ``signal`` if pieces remain."""

    def __init__(self, database: Database, *, due: Signal) -> None:
        self._database = database
        self._due = due
        self.signal = Signal()

    async def run(self) -> None:
        """Continue until cancelled, whenever pieces remain."""
        while True:
            wait = None
            try:
                while await self.go_on():
                    self._due.set()
            except StoreUnavailable as error:
                _log.warning("cannot go on with what subscriptions left open now: %s", error)
                wait = LOOK_SECONDS
            await self.signal.wait(wait)

    async def go_on(self) -> bool:
        """Do one piece for each of up to ``IN_TURN`` subscriptions.

        Returns whether there was one. Raises StoreUnavailable.
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
        return bool(unsettled or unreleased)


async def _rest_since(began: float) -> None:
    await asyncio.sleep(max(PAUSE_SECONDS, time.monotonic() - began))
