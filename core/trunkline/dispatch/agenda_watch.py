"""The agenda watch: runs one query a second for all parts of a worker, and wakes each part that has work.

Work from this process wakes a part at once. The watch finds the work of other processes, and that of a lost wake-up.
"""

import asyncio
import logging
from collections.abc import Callable

from trunkline.errors import StoreUnavailable
from trunkline.store import agenda as store
from trunkline.store.agenda import Agenda
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
NEAR_MS = 2_000
"""The retry lane waits for a delivery that is due within this time; the next look may come too late for it."""
_log = logging.getLogger(__name__)


class AgendaWatch:
    """Run one query a second, however many parts wait for work in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parts: list[tuple[Signal, Callable[[Agenda], bool]]] = []

    def wake(self, signal: Signal, *, when: Callable[[Agenda], bool]) -> None:
        """Set *signal* after each look at which *when* is true."""
        self._parts.append((signal, when))

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StoreUnavailable as error:
                _log.warning("cannot look for what there is to do now: %s", error)

    async def look(self) -> None:
        """Look once. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            agenda = await store.read(connection)
        for signal, is_wanted in self._parts:
            if is_wanted(agenda):
                signal.set()


def has_due_soon(agenda: Agenda) -> bool:
    """Tell whether a delivery is due so soon that the retry lane should wait for it."""
    return agenda.due_in_ms is not None and agenda.due_in_ms < NEAR_MS
