"""Settling: results are written in batches, in the transaction that moves the cursors.

If the database does not answer, a batch is kept and written later, so no result is lost. If another worker has taken over a
shard, results of the shard are dropped, because that worker makes its own attempts.
"""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from trunkline.contract import Channel
from trunkline.dispatch.attempts.jobs import Deferred, Ended
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger import telling
from trunkline.dispatch.ledger.batch import Batch
from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.ledger.telling import FailingPolicy
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.errors import LeaseLost, StoreUnavailable
from trunkline.model import deliveries
from trunkline.model.deliveries import BreakerPolicy, Outcome, RetryPolicy
from trunkline.model.events import shard_of
from trunkline.model.parts import WHOLE, Slice
from trunkline.model.subscriptions import FAILING, GONE
from trunkline.runtime import faults
from trunkline.settings import Delivery
from trunkline.store import (
    cursors,
    health,
    open_deliveries,
    operational,
    ordering,
    settle_at_once,
    streaks,
)
from trunkline.store import deliveries as ledger
from trunkline.store import shards as shard_store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.open_deliveries import Change
from trunkline.store.operational import Gathered
from trunkline.store.shards import Lease, Reached
from trunkline.store.streaks import Ending, Failing, Streak
from trunkline.store.subscriptions import Row
from trunkline.store.wakeup import Signal

INTERVAL_SECONDS = 0.05
MOST_AT_ONCE = 500
"""The most results that one transaction writes.

The transaction blocks appends to the log, and the event loop for milliseconds.
"""
CURSOR_SECONDS = 1.0
"""How long a moved cursor may stay unwritten if no delivery depends on it."""
TALLY_SECONDS = 1.0
"""How long the health figures may stay unwritten."""
UNAVAILABLE_SECONDS = 0.5
"""How long a batch waits before it is written again if the database did not answer."""
MOST_FAILING = 100_000
"""Number of subscriptions whose last failure is remembered.

If a subscription is forgotten, the time until its next failure does not count as failing time.
"""
_log = logging.getLogger(__name__)


class Settlement:
    """The only writer of a worker's results: takes them from *runner* and writes them.

    Sets *due* if a retry is due soon, and *turn* if the next delivery of an order key may begin.
    """

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        runner: Runner,
        *,
        settings: Delivery,
        channels: Mapping[str, Channel],
        reports: Reports,
        due: Signal,
        turn: Signal,
    ) -> None:
        self._database = database
        self._owned = owned
        self._runner = runner
        self._retry = RetryPolicy(settings.retry_schedule_seconds, settings.retry_jitter)
        self._breaker = BreakerPolicy(settings.breaker_failures, settings.breaker_span_seconds)
        self._failing = FailingPolicy(settings.failing_failures, settings.failing_spans_seconds)
        self._channels = channels
        self._reports = reports
        self._due = due
        self._turn = turn
        self._unwritten: Batch | None = None
        self._flushing = asyncio.Lock()
        self._cursor_written = 0.0
        self._tally = health.Tally()
        self._tally_due = 0.0
        self._failed_at: dict[int, float] = {}
        """When this process last saw a failure (monotonic seconds), by subscription number, in order of time."""

    async def run(self) -> None:
        """Write a batch every ``INTERVAL_SECONDS``, or as soon as ``jobs.BATCH`` results wait. An idle worker writes nothing."""
        full, loop = self._runner.results.full, asyncio.get_running_loop()
        flushed = loop.time()
        while True:
            if self._has_unwritten_cursors() or await self._runner.has_work(CURSOR_SECONDS):
                # The first result after an idle time waits half the usual pause.
                next_at = max(flushed + INTERVAL_SECONDS, loop.time() + INTERVAL_SECONDS / 2)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(next_at):
                        await full.wait()
            full.clear()
            await self.flush()
            flushed = loop.time()

    async def flush(self, *, is_last: bool = False) -> None:
        """Write all results so far, and return when they are in the database. If *is_last*, write the health figures too."""
        queue = self._runner.results
        async with self._flushing:
            if (
                self._unwritten is not None
            ):  # an earlier flush was cancelled; the cursors already include this batch
                await self._write(self._unwritten)
            for deferred in self._runner.overdue(is_leaving=self._owned.is_leaving):
                queue.put(deferred)
            left = len(queue)
            if not left and (self._cursor_is_due() or self._tally_is_due()):
                await self._write(Batch())
            while left > 0:
                self._unwritten = batch = self._batch_of(queue.take(MOST_AT_ONCE))
                for progress, settled, _ in batch.first:
                    progress.close(settled.position)
                for job in batch.rooms:
                    job.has_room = False
                await self._write(batch)
                left -= MOST_AT_ONCE
            if is_last and len(self._tally):
                self._tally_due = 0.0
                await self._write(Batch())

    def _tally_is_due(self) -> bool:
        return len(self._tally) > 0 and asyncio.get_running_loop().time() >= self._tally_due

    def _has_unwritten_cursors(self) -> bool:
        return any(p.reached != p.written for p in self._owned.progress.values())

    def _cursor_is_due(self) -> bool:
        if not self._has_unwritten_cursors():
            return False
        return asyncio.get_running_loop().time() - self._cursor_written >= CURSOR_SECONDS

    def _batch_of(self, items: Sequence[Ended | Deferred]) -> Batch:
        batch = Batch()
        for item in items:
            if isinstance(item, Ended):
                job = item.job
                jitter = random.uniform(-1, 1)  # noqa: S311 - spreads retries; nothing depends on its secrecy
                attempt = job.attempt - job.round_start
                retry = job.route.subscription.retry
                policy = self._retry if retry is None else self._retry.of(retry)
                state = deliveries.next_state(attempt, item.result, policy, jitter)
                batch.add_ended(item, state)
            else:
                batch.add_deferred(item, worker=self._owned.worker)
        return batch

    async def _write(self, batch: Batch) -> None:
        """Write *batch*, retrying until the database accepts it, and report it."""
        while True:
            batch.drop([progress for progress, *_ in batch.first if progress.lost])
            leases = [progress for progress in self._owned.progress.values() if not progress.lost]
            reached = {progress.lease.slice: progress.reached for progress in leases}
            moved = _moved(batch, leases, reached)
            began = time.perf_counter()
            tallies = self._tally_is_due()
            faults.point("settle.before_transaction")
            try:
                disabled: list[Row] = []
                if tallies or not await self._settle_at_once(batch, moved):
                    async with self._database.write() as connection:
                        if tallies:
                            await health.add(connection, self._tally)
                        disabled = await self._store(connection, batch, leases, moved)
                        faults.point("settle.before_commit")
            except LeaseLost:
                continue
            except StoreUnavailable as error:
                _log.warning(
                    "cannot store the cursors and %d results of deliveries now: %s", len(batch), error
                )
                await asyncio.sleep(UNAVAILABLE_SECONDS)
                continue
            break
        faults.point("settle.after_commit")
        if any(p.written.stretch_end and not reached[p.lease.slice].stretch_end for p in leases):
            faults.point("stretch.after_end")
        self._unwritten = None
        self._note_failures(batch.streaks.values())
        self._count_attempts(batch, was_written=tallies)
        for job in batch.rooms:
            assert job.room is not None
            job.room.give_back(job.route.subscription.company_id)
        self._cursor_written = asyncio.get_running_loop().time()
        for progress in leases:
            progress.written = reached[progress.lease.slice]
        self._reports.batch_settled(
            self._owned.worker, batch, reached=reached, seconds=time.perf_counter() - began
        )
        self._reports.subscriptions_disabled(disabled)
        self._wake(batch)

    def _wake(self, batch: Batch) -> None:
        """Wake the lanes that have work after *batch*."""
        if batch.is_due_soon:
            self._due.set()
        if batch.is_paced_soon:
            self._runner.gates.signal.set()
        if batch.places:
            self._turn.set()

    def _count_attempts(self, batch: Batch, *, was_written: bool) -> None:
        """Count the attempts of *batch* in the health figures.

        The figures are written at most once a second, and less often if they are many. A killed process loses the
        latest figures; no decision depends on them.
        """
        if was_written:
            self._tally_due = asyncio.get_running_loop().time() + TALLY_SECONDS + len(self._tally) / 1000
            self._tally.clear()
        for ended in batch.ended:
            self._tally.add(
                ended.job.route.subscription.no,
                started_ms=ended.started_ms,
                duration_ms=ended.duration_ms,
                is_delivered=ended.result.outcome is Outcome.DELIVERED,
            )

    def _timed(self, streaks: Iterable[Streak]) -> list[Streak]:
        """Return *streaks* with the time since this process last saw each subscription fail."""
        now = time.monotonic()
        return [
            structs.replace(
                each, passed_ms=math.ceil((now - self._failed_at.get(each.subscription_no, now)) * 1000)
            )
            if each.failures
            else each
            for each in streaks
        ]

    def _note_failures(self, streaks: Iterable[Streak]) -> None:
        now = time.monotonic()
        for each in streaks:
            self._failed_at.pop(each.subscription_no, None)
            if each.failures:
                self._failed_at[each.subscription_no] = now
        while len(self._failed_at) > MOST_FAILING:
            del self._failed_at[next(iter(self._failed_at))]

    async def _settle_at_once(self, batch: Batch, moved: Sequence[Lease]) -> bool:
        """Write *batch* in one statement. Returns False, with nothing written, if it needs a transaction."""
        if self._database.dialect.has_one_writer or not batch.is_plain:
            return False
        if any(lease.part != WHOLE for lease in moved):
            return False
        attempts = batch.attempts_to_log(())
        async with self._database.write_once() as connection:
            return await settle_at_once.settle(
                connection, self._owned.worker, moved, attempts, subscriptions=batch.streaks
            )

    async def _store(
        self,
        connection: Connection,
        batch: Batch,
        leases: Sequence[Progress],
        moved: Sequence[Lease],
    ) -> list[Row]:
        """Write *batch*, and the progress of *moved*. Returns the subscriptions that were disabled. Raises LeaseLost."""
        now_ms = await self._advance(connection, leases, moved)
        recorded = await streaks.record_streaks(
            connection,
            self._timed(batch.streaks.values()),
            also=batch.gone | {place.subscription_no for place in batch.places},
        )
        disabled = await self._disable_failing(connection, batch, recorded.failing)
        await telling.tell(connection, batch, recorded, policy=self._failing, disabled=disabled)
        faults.point("settle.after_streaks")
        if batch.first:
            rows = [settled for _, settled, _ in batch.first]
            await ledger.record(connection, rows, now_ms=now_ms, places=batch.order)
            faults.point("settle.after_record")
        claimed = [settled for settled, _ in batch.claimed.values()]
        ended = await ledger.settle(connection, self._owned.worker, claimed)
        if ended:
            faults.point("settle.after_claims")
        await ledger.insert_attempts(connection, batch.attempts_to_log(ended))
        await operational.gather(
            connection,
            [
                Gathered(operational.EXHAUSTED, batch.companies[no], str(no), len(at), min(at), max(at))
                for no, at in batch.exhausted(ended).items()
            ],
        )
        if batch.places:
            await ordering.arrange(connection, batch.places, lease_ms=self._runner.claim_ms)
            faults.point("settle.after_arrange")
        await open_deliveries.apply_to_all(connection, [row.no for row in disabled], Change.PARK)
        return disabled

    async def _advance(
        self, connection: Connection, leases: Sequence[Progress], moved: Sequence[Lease]
    ) -> int:
        """Write the progress of *moved*. Returns the database's time. Raises LeaseLost, with the lost *leases* marked."""
        if not moved:
            return 0
        owned, now_ms = await shard_store.advance(connection, self._owned.worker, moved)
        lost = {lease.slice for lease in moved} - owned
        if lost:
            for progress in leases:
                if progress.lease.slice in lost:
                    progress.lost = True
            raise LeaseLost
        faults.point("settle.after_advance")
        return now_ms

    async def _disable_failing(
        self, connection: Connection, batch: Batch, failing: Sequence[Failing]
    ) -> list[Row]:
        reasons = dict.fromkeys(batch.gone, GONE)
        for each in failing:
            channel = self._channels.get(each.channel)
            breaker = (channel.breaker if channel is not None else None) or self._breaker
            if breaker.trips(failures=each.failures, failing_since_ms=0, now_ms=each.failing_ms):
                reasons.setdefault(each.no, FAILING)
        shards = {no: shard_of(batch.companies[no], self._owned.total) for no in reasons}
        reached = await cursors.cursors_of(connection, shards)
        endings = [Ending(no, reason, reached[no]) for no, reason in reasons.items()]
        return await streaks.disable(connection, endings, untold=reasons.keys() - batch.told_of.keys())


def _moved(batch: Batch, leases: Sequence[Progress], reached: Mapping[Slice, Reached]) -> list[Lease]:
    """List the leases whose progress changed, and those of the shards in *batch*, with their progress in *reached*."""
    needed = {progress for progress, *_ in batch.first}
    return [
        structs.replace(progress.lease, reached=reached[progress.lease.slice])
        for progress in leases
        if progress in needed or reached[progress.lease.slice] != progress.written
    ]
