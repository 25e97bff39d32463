"""Settling: what has ended is written in batches, in the transaction that moves the cursors.

A batch is kept and tried again while the database is away, so no result is lost; what belongs to a shard that another
worker has taken over is dropped, because that worker makes its own attempts.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.dispatch import reports
from trunkline.dispatch.jobs import Deferred, Ended, Job
from trunkline.dispatch.progress import Progress
from trunkline.dispatch.reports import Failure
from trunkline.errors import LeaseLost, StoreUnavailable
from trunkline.model import deliveries
from trunkline.model.deliveries import BreakerPolicy, Key, Outcome, RetryPolicy
from trunkline.model.events import shard_of
from trunkline.model.subscriptions import FAILING, GONE
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import shards as shard_store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.database import Database
from trunkline.store.deliveries import Attempt, Settled
from trunkline.store.subscriptions import Row, Streak

INTERVAL_SECONDS = 0.05
BATCH = 500
SOON_MS = 1_000
"""What is due within this time wakes the retry lane, which looks by itself once a second."""
CURSOR_SECONDS = 1.0
"""How long a cursor that moved over events for nobody may stay unwritten."""
_NO_STREAK = Streak(0, succeeded=False, failures=0)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """What one transaction writes. *first* rows are new in the ledger; *claimed* rows end a claim."""

    first: list[tuple[Progress, Settled]] = field(default_factory=list[tuple[Progress, Settled]])
    first_attempts: list[tuple[Progress, Attempt]] = field(default_factory=list[tuple[Progress, Attempt]])
    claimed: dict[Key, tuple[Settled, Attempt | None]] = field(
        default_factory=dict[Key, tuple[Settled, Attempt | None]]
    )
    streaks: dict[int, Streak] = field(default_factory=dict[int, Streak])
    gone: set[int] = field(default_factory=set[int])
    companies: dict[int, int] = field(default_factory=dict[int, int])
    ended: list[Ended] = field(default_factory=list[Ended])
    failures: list[Failure] = field(default_factory=list[Failure])
    is_due_soon: bool = False

    def end_claim(self, settled: Settled, attempt: Attempt | None) -> None:
        """End a claim. Where a claim had lapsed and was taken again, only the newer one counts."""
        key = Key(settled.position, settled.subscription_no)
        known = self.claimed.get(key)
        if known is None or known[0].claim <= settled.claim:
            self.claimed[key] = (settled, attempt)

    def drop(self, lost: Collection[Progress]) -> None:
        """Leave out what belongs to shards that are *lost*."""
        self.first = [row for row in self.first if row[0] not in lost]
        self.first_attempts = [row for row in self.first_attempts if row[0] not in lost]
        self.ended = [e for e in self.ended if e.job.progress not in lost or e.job.claim]
        self.failures = [f for f in self.failures if f[0].job.progress not in lost or f[0].job.claim]

    def __len__(self) -> int:
        return len(self.first) + len(self.claimed)


class Settlement:
    """The one writer of a worker's results."""

    def __init__(
        self,
        database: Database,
        worker: str,
        owned: dict[int, Progress],
        *,
        retry: RetryPolicy,
        breaker: BreakerPolicy,
        shards: int,
        overdue: Callable[[], Sequence[Deferred]],
        on_settled: Callable[[Sequence[Ended]], None],
        on_written: Callable[[int, float], None],
        on_disabled: Callable[[Sequence[Row]], None],
        on_due: Callable[[], None],
    ) -> None:
        self._database = database
        self._worker = worker
        self._owned = owned
        self._retry = retry
        self._breaker = breaker
        self._shards = shards
        self._overdue = overdue
        self._on_settled = on_settled
        self._on_written = on_written
        self._on_disabled = on_disabled
        self._on_due = on_due
        self._items: list[Ended | Deferred] = []
        self._unwritten: Batch | None = None
        self._full = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._cursor_written = 0.0

    def put(self, item: Ended | Deferred) -> None:
        """Take an end; it is written with the next batch."""
        self._items.append(item)
        if len(self._items) >= BATCH:
            self._full.set()

    async def run(self) -> None:
        """Write a batch every ``INTERVAL_SECONDS``, or as soon as ``BATCH`` results wait."""
        while True:
            try:
                async with asyncio.timeout(INTERVAL_SECONDS):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write everything that has ended so far; returns when it is in the database."""
        async with self._flushing:
            if (
                self._unwritten is not None
            ):  # a flush was cancelled on the way; the cursors already count on this batch
                await self._write(self._unwritten)
            items = [*self._items, *self._overdue()]
            self._items.clear()
            if not items and not self._cursor_is_due():
                return
            self._unwritten = self._plan(items)
            await self._write(self._unwritten)

    def _cursor_is_due(self) -> bool:
        if all(p.cursor == p.written for p in self._owned.values()):
            return False
        return asyncio.get_running_loop().time() - self._cursor_written >= CURSOR_SECONDS

    def _plan(self, items: Sequence[Ended | Deferred]) -> Batch:
        batch = Batch()
        for item in items:
            if isinstance(item, Ended):
                self._plan_ended(batch, item)
            else:
                self._plan_deferred(batch, item)
        return batch

    def _plan_ended(self, batch: Batch, ended: Ended) -> None:
        job, result = ended.job, ended.result
        no = job.route.subscription.no
        jitter = random.uniform(-1, 1)  # noqa: S311 - spreads retries; nothing depends on its secrecy
        state = deliveries.next_state(job.attempt - job.round_start, result, self._retry, jitter)
        settled = Settled(
            job.event.position,
            no,
            state.status,
            job.attempt,
            result.status_code,
            wait_ms=None if state.wait_seconds is None else int(state.wait_seconds * 1000),
        )
        attempt = Attempt(
            job.event.position,
            no,
            job.attempt,
            ended.started_ms,
            ended.duration_ms,
            result.outcome,
            result.status_code,
            result.response_body,
            result.error,
        )
        if job.claim or job.progress is None:
            batch.end_claim(replace(settled, claim=job.claim), attempt)
        else:
            job.progress.close(job.event.position)
            batch.first.append((job.progress, settled))
            batch.first_attempts.append((job.progress, attempt))
        batch.ended.append(ended)
        if result.outcome is not Outcome.DELIVERED:
            batch.failures.append((ended, state))
        batch.is_due_soon = batch.is_due_soon or _is_soon(settled.wait_ms)
        self._count(batch, job, result.outcome)

    def _plan_deferred(self, batch: Batch, deferred: Deferred) -> None:
        job = deferred.job
        settled = Settled(
            job.event.position,
            job.route.subscription.no,
            deferred.status,
            job.attempt - 1,
            None,
            wait_ms=deferred.wait_ms,
            claimed_by=self._worker if deferred.in_flight else None,
            claim=job.claim,
        )
        batch.is_due_soon = batch.is_due_soon or _is_soon(deferred.wait_ms)
        if job.progress is None or (job.claim and not deferred.in_flight):
            batch.end_claim(settled, None)
        else:
            job.progress.close(job.event.position)
            batch.first.append((job.progress, settled))

    def _count(self, batch: Batch, job: Job, outcome: Outcome) -> None:
        no = job.route.subscription.no
        before = batch.streaks.get(no, _NO_STREAK)
        if outcome is Outcome.DELIVERED:
            if not before.succeeded or before.failures:
                batch.streaks[no] = Streak(no, succeeded=True, failures=0)
        elif outcome is Outcome.RETRY:
            batch.streaks[no] = Streak(no, succeeded=before.succeeded, failures=before.failures + 1)
        elif outcome is Outcome.GONE:
            batch.gone.add(no)
        batch.companies[no] = job.route.subscription.company_id

    async def _write(self, batch: Batch) -> None:
        while True:
            lost = [p for p, _ in batch.first if p.lost]
            batch.drop(lost)
            leases = [p for p in self._owned.values() if not p.lost]
            cursors = {p.lease.shard: p.cursor for p in leases}
            began = time.perf_counter()
            faults.point("settle.before_transaction")
            try:
                async with self._database.write() as connection:
                    disabled = await self._store(connection, batch, leases, cursors)
                    faults.point("settle.before_commit")
            except LeaseLost:
                continue
            except StoreUnavailable as error:
                _log.warning("cannot settle %d deliveries now: %s", len(batch), error)
                await asyncio.sleep(0.5)
                continue
            break
        faults.point("settle.after_commit")
        self._unwritten = None
        self._cursor_written = asyncio.get_running_loop().time()
        for progress in leases:
            progress.written = cursors[progress.lease.shard]
        self._report(batch, cursors, seconds=time.perf_counter() - began)
        self._on_settled(batch.ended)
        if disabled:
            self._on_disabled(disabled)
        if batch.is_due_soon:
            self._on_due()

    def _report(self, batch: Batch, cursors: dict[int, int], *, seconds: float) -> None:
        if len(batch):
            self._on_written(len(batch), seconds)
        reports.batch_settled(
            self._worker,
            deliveries=len(batch),
            attempts=len(batch.ended),
            cursors=cursors,
            seconds=seconds,
        )
        reports.attempts_failed(batch.failures)

    async def _store(
        self, connection: AsyncConnection, batch: Batch, owned: Sequence[Progress], cursors: dict[int, int]
    ) -> list[Row]:
        needed = {progress for progress, _ in batch.first}
        moving = [p for p in owned if p in needed or cursors[p.lease.shard] != p.written]
        now_ms = 0
        if moving:
            wanted = [replace(p.lease, cursor=cursors[p.lease.shard]) for p in moving]
            still, now_ms = await shard_store.advance(connection, self._worker, wanted)
            lost = [p for p in moving if p.lease.shard not in still]
            if lost:
                for progress in lost:
                    progress.lost = True
                raise LeaseLost
            faults.point("settle.after_advance")
        failing = await subscription_store.record_streaks(
            connection, list(batch.streaks.values()), also=batch.gone
        )
        disabled = await self._disable_failing(connection, batch, failing)
        faults.point("settle.after_streaks")
        if batch.first:
            await ledger.record(connection, [s for _, s in batch.first], now_ms=now_ms)
            faults.point("settle.after_record")
        ended = await ledger.settle(connection, self._worker, [s for s, _ in batch.claimed.values()])
        if ended:
            faults.point("settle.after_claims")
        again = [attempt for key, (_, attempt) in batch.claimed.items() if attempt and key in ended]
        await ledger.insert_attempts(connection, [*(first for _, first in batch.first_attempts), *again])
        for row in disabled:
            await ledger.park(connection, row.no)
        return disabled

    async def _disable_failing(
        self, connection: AsyncConnection, batch: Batch, failing: Sequence[tuple[int, int, int, int]]
    ) -> list[Row]:
        reasons = dict.fromkeys(batch.gone, GONE)
        for no, failures, since_ms, now_ms in failing:
            if self._breaker.trips(failures=failures, failing_since_ms=since_ms, now_ms=now_ms):
                reasons.setdefault(no, FAILING)
        disabled: list[Row] = []
        for no, reason in sorted(reasons.items()):
            cursor = await shard_store.cursor_of(connection, shard_of(batch.companies[no], self._shards))
            row = await subscription_store.disable(connection, no, reason=reason, resume_position=cursor)
            if row is not None:
                disabled.append(row)
        return disabled


def _is_soon(wait_ms: int | None) -> bool:
    return wait_ms is not None and wait_ms <= SOON_MS
