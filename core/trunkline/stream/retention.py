"""Retention: removes events older than ``events.retention_days`` once they have no open delivery, a few at a time.

It runs in parallel with the dispatcher. An event is removed together with its deliveries and attempts. The new
beginning of the log is stored in the same transaction, so that a reader with an older cursor gets ``CursorExpired``.
Each transaction is small, and the pause after it is at least twice as long as the transaction took, because an append
waits for the commit, and on SQLite for the whole transaction.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from trunkline.model.times import utc_text_of_ms
from trunkline.runtime.background import Background
from trunkline.runtime.metrics import Metrics
from trunkline.store import audit_log, health
from trunkline.store import retention as store
from trunkline.store.clock import ClockGuard
from trunkline.store.connection import Connection
from trunkline.store.database import Database

START_SECONDS = 60.0
"""How long a process waits after its start before it removes events."""
ROUND_SECONDS = 300.0
PAUSE_SECONDS = 0.02
BATCH = 100
"""Number of events that one transaction checks, and of rows that one purge removes. With 500, requests waited 100 to 200 ms."""
ROWS = 1_000
"""The most deliveries and attempts that one transaction removes, not counting those of its first event."""
_DAY_MS = 24 * 60 * 60 * 1000
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Retention(Background):
    """Removes events older than *days*, audit log entries older than *audit_days*, and idempotency keys older than *keys_ms*.

    It removes nothing while the *clock* is not trusted. Enter it to start; several may run on one PostgreSQL database.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: ClockGuard,
        days: int,
        keys_ms: int,
        metrics: Metrics,
        audit_days: int = 365,
    ) -> None:
        super().__init__(
            "the removal of old events", self.run_once, seconds=ROUND_SECONDS, first_seconds=START_SECONDS
        )
        self._database = database
        self._clock = clock
        self._keep_ms = days * _DAY_MS
        self._keys_ms = keys_ms
        self._audit_ms = audit_days * _DAY_MS
        self._metrics = metrics

    async def run_once(self) -> int:
        """Remove everything that is old enough. Returns the number of removed events.

        If another process is removing events, this process stops and leaves the rest to that process. If both
        continued, each would make the other one stop.

        Raises:
            StoreUnavailable: the database did not answer; rows removed before stay removed.
        """
        now_ms = await self._clock.look()
        if now_ms is None:
            return 0
        before_ms = now_ms - self._keep_ms
        removed, is_all = await self._remove_events(before_ms)
        if removed:
            _log.info("removed %d events that were kept long enough", removed)
            async with self._database.write():
                what = {"events": removed, "before_utc": utc_text_of_ms(before_ms)}
                audit_log.note("events.removed", "retention", company_id=None, after=what)
        if is_all:
            keys_ms, audit_ms = now_ms - self._keys_ms, now_ms - self._audit_ms
            purges: dict[str, Callable[..., Awaitable[int]]] = {
                name: partial(
                    store.purge, table=name, before_ms=keys_ms if name in store.USED_KEYS else before_ms
                )
                for name in store.PURGED
            }
            purges |= {"audit": partial(audit_log.purge, before_ms=audit_ms), "health_hours": health.purge}
            for table, purge in purges.items():
                purged = BATCH
                while purged >= BATCH:
                    purged = await self._in_turn(partial(purge, limit=BATCH)) or 0
                    self._metrics.rows_removed(table, purged)
        async with self._database.read() as connection:
            oldest = await store.oldest(connection)
        self._metrics.set("trunkline_oldest_event_position", oldest.position if oldest else 0)
        self._metrics.set("trunkline_oldest_event_age_seconds", oldest.age_ms / 1000 if oldest else 0.0)
        return removed

    async def _remove_events(self, before_ms: int) -> tuple[int, bool]:
        """Remove old events by pages, oldest first. Returns how many, and whether all; False if another process is removing."""
        async with self._database.read() as connection:
            old = await store.horizon(connection, before_ms=before_ms)
        reached = count = 0
        while reached < old.position:
            async with self._database.read() as connection:
                page = await store.removable(connection, old, after=reached, limit=BATCH, rows=ROWS)
            reached = page.reached
            if not page.positions:
                continue
            removed = await self._in_turn(partial(store.remove, positions=page.positions))
            if removed is None:
                return count, False
            count += removed["events"]
            for table, rows in removed.items():
                self._metrics.rows_removed(table, rows)
        return count, True

    async def _in_turn(self, work: Callable[[Connection], Awaitable[_T]]) -> _T | None:
        """Run *work* in a transaction, and pause afterwards. None, without *work*, if another process is removing events."""
        began = time.monotonic()
        async with self._database.write() as connection:
            if not await store.take_turn(connection):
                return None
            done = await work(connection)
        await asyncio.sleep(max(PAUSE_SECONDS, 2 * (time.monotonic() - began)))
        return done
