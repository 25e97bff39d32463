"""Erasing: removes the rows of deleted companies, piece by piece.

It runs in parallel with the dispatcher. A lease ensures that only one process at a time erases a company. Each piece is
one small transaction, which also counts its rows, so a process that dies leaves no half-done work. A piece has as many
rows as can be removed in ``PIECE_SECONDS``, including the wait for the database. The pause after a piece is as long as
the piece took. So under load the pieces get smaller, and other work has the database for at least half of the time.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence

from trunkline.model.company_rows import CompanyRows
from trunkline.runtime import faults
from trunkline.runtime.background import Background
from trunkline.store import erasures as store
from trunkline.store.database import Database
from trunkline.store.erasures import Erasure
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
"""Pause between two checks while a process waits for late writes of a company."""
LEASE_MS = 10_000
PIECE_SECONDS = 0.04
LEAST_ROWS, MOST_ROWS = 250, 5_000
"""The least and the most rows of one table that a piece removes, not counting dependent rows.

The first piece removes the least number.
"""
_log = logging.getLogger(__name__)


class Erasing(Background):
    """Removes the rows of deleted companies. Enter it to start; several may run on one PostgreSQL database.

    *plugins* returns the declarations of the company rows in plugins' tables. *wanted* is set when a company is to be
    erased.
    """

    def __init__(
        self,
        database: Database,
        *,
        plugins: Callable[[], Sequence[CompanyRows]],
        wanted: Signal,
    ) -> None:
        super().__init__("the removal of deleted companies", self._run_all, seconds=0, first_seconds=0)
        self._database = database
        self._plugins = plugins
        self._wanted = wanted
        self._holder = f"era_{secrets.token_hex(8)}"

    async def run_once(self) -> bool:
        """Carry out one erasure. Returns whether there was one. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            if not await store.is_any_open(connection):
                return False
        async with self._database.write() as connection:
            erasure = await store.claim(connection, self._holder, lease_ms=LEASE_MS)
        if erasure is None:
            return False
        faults.point("erase.after_claim")
        rows, claimed = LEAST_ROWS, time.monotonic()
        while True:
            began = time.monotonic()
            has_settled = (began - claimed) * 1000 >= store.SETTLE_MS
            outcome = await self._piece(erasure, rows, has_settled=has_settled)
            if outcome == "ended":
                return True
            took = time.monotonic() - began
            rows = fitting(rows, took)
            await asyncio.sleep(LOOK_SECONDS if outcome == "waits" else took)

    async def _piece(self, erasure: Erasure, rows: int, *, has_settled: bool) -> str:
        """Remove a piece of up to *rows* rows, and return its outcome.

        ``removed``: rows were removed. ``waits``: no rows are left, but late writes may follow. ``ended``: the erasure has
        ended, here or in another process.
        """
        async with self._database.write() as connection:
            now = await store.keep(connection, erasure, self._holder, lease_ms=LEASE_MS)
            if now is None:
                return "ended"
            removals = await store.remove_piece(connection, erasure, plugins=self._plugins(), limit=rows)
            faults.point("erase.after_remove")
            if removals:
                await store.count(connection, now, removals)
            elif has_settled:
                await store.complete(connection, now)
            faults.point("erase.before_commit")
        faults.point("erase.after_commit")
        if removals:
            return "removed"
        if not has_settled:
            return "waits"
        _log.info("a company and all that was of it are gone", extra={"company_id": erasure.company_id})
        return "ended"

    async def _run_all(self) -> None:
        while await self.run_once():
            pass
        await self._wanted.wait(None)


def fitting(rows: int, took_seconds: float) -> int:
    """Return the number of rows for the next piece, given that *rows* rows took *took_seconds*. It at most doubles."""
    wanted = int(rows * min(PIECE_SECONDS / max(took_seconds, 1e-6), 2))
    return max(min(wanted, MOST_ROWS), LEAST_ROWS)
