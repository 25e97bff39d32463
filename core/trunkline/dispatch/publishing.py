"""Puts operational events into the log, and looks for conditions that nobody's transaction meets.

Each step is one transaction, so that a process that is killed neither loses nor repeats an event.
"""

import asyncio
import logging
import time

from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import conditions, operational
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal, Wakeup

MINUTES_SECONDS = 5.0
"""How often it looks for minutes that are over, and for conditions."""
LOOK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Publishing:
    """Publishes what was told, and wakes the readers of *log*. Set ``signal`` where there is something."""

    def __init__(self, database: Database, log: Wakeup) -> None:
        self._database = database
        self._wakeup = log
        self._looked = 0.0
        self.signal = Signal()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                if time.monotonic() - self._looked >= MINUTES_SECONDS:
                    self._looked = time.monotonic()
                    await self.look()
                while await self._publish():
                    self._wakeup.announce()
            except StoreUnavailable as error:
                _log.warning("cannot publish operational events now: %s", error)
                await asyncio.sleep(LOOK_SECONDS)
            await self.signal.wait(MINUTES_SECONDS)

    async def look(self) -> None:
        """Tell of the minutes that are over, and of conditions that have begun. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            has_gathered = await operational.has_gathered(connection)
            found = await conditions.look(connection)
        if has_gathered:
            async with self._database.write() as connection:
                await operational.tell_gathered(connection)
        if found.has_changes:
            async with self._database.write() as connection:
                await conditions.note(connection, found)

    async def _publish(self) -> int:
        async with self._database.read() as connection:
            if not await operational.has_news(connection):
                return 0
        async with self._database.write() as connection:
            published = await operational.publish(connection)
            faults.point("news.before_commit")
        faults.point("news.after_commit")
        return published
