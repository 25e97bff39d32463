"""Retention: what is older than ``events.retention_days`` and done with is removed, a little at a time.

It runs beside the dispatcher. An event goes with its deliveries and attempts once nobody needs it any more; where the
log now begins is stored in the same transaction, so that a reader with a cursor from before is told (``CursorExpired``).
Each transaction is small, and after each there is a pause at least as long as it took.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.database import Database
from trunkline.errors import StoreUnavailable
from trunkline.metrics import Metrics
from trunkline.store import retention as store
from trunkline.store.idempotency import LIFETIME_MS
from trunkline.store.retention import Horizon

START_SECONDS = 60.0
"""How long a process that has just started is left alone."""
ROUND_SECONDS = 300.0
PAUSE_SECONDS = 0.05
BATCH = 500
"""Events that one transaction looks at; purges remove as many rows."""
ROWS = 5_000
"""Deliveries and attempts that one transaction removes at the most, beyond those of its first event."""
_DAY_MS = 24 * 60 * 60 * 1000
_log = logging.getLogger(__name__)

Purge = Callable[[AsyncConnection], Awaitable[int]]


class TurnLost(Exception):
    """Another worker removes at this moment; the round is left to it."""


class Retention:
    """Removes events that are older than *days*. Enter it to start; several may run on one PostgreSQL database."""

    def __init__(self, database: Database, *, days: int, metrics: Metrics) -> None:
        self._database = database
        self._keep_ms = days * _DAY_MS
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="retention")
        self._task.add_done_callback(_report_death)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run_once(self) -> int:
        """Remove everything that may go now; returns how many events went.

        Raises:
            StoreUnavailable: the database did not answer; what was removed so far stays removed.
        """
        async with self._database.read() as connection:
            now_ms = await store.clock_ms(connection)
            old = await store.horizon(connection, before_ms=now_ms - self._keep_ms)
        removed = 0
        try:
            removed = await self._remove_events(old)
            await self._purge_all(now_ms)
        except TurnLost:
            _log.debug("another worker removes old events at this moment")
        await self._measure()
        return removed
