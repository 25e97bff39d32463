"""The agenda watch: runs one query a second for all parts of a worker, and wakes each part that has work.

Work that arises in this process wakes a part at once. The watch finds the work that other processes leave, and the work whose
wake-up was lost.
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
"""The free lane waits for a delivery that is due within this time, because the next query may come too late for the delivery."""
_log = logging.getLogger(__name__)


class AgendaWatch:
    """Runs one query a second, however many parts wait for work in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parts: list[tuple[Signal, Callable[[Agenda], bool]]] = []

    def wake(self, signal: Signal, *, when: Callable[[Agenda], bool]) -> None:
        """Set *signal* after each query whose result satisfies *when*."""
        self._parts.append((signal, when))

    async def run(self) -> None:
        """Query once a second until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StoreUnavailable as error:
                _log.warning("cannot look for what there is to do now: %s", error)

    async def look(self) -> None:
        """Query once, and set the signals of the parts that have work. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            agenda = await store.read(connection)
        for signal, is_wanted in self._parts:
            if is_wanted(agenda):
                signal.set()


def has_due_soon(agenda: Agenda) -> bool:
    """Return whether a delivery is due so soon that the free lane should wait for it."""
    return agenda.due_in_ms is not None and agenda.due_in_ms < NEAR_MS
