"""Claims, renews and releases the leases of shards and parts, shares them among live workers, and divides shards."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

from msgspec import structs

from trunkline.dispatch.leases.missing_locks import MissingLocks
from trunkline.dispatch.ledger import reports
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.errors import StoreUnavailable
from trunkline.model.parts import PARTS, WHOLE
from trunkline.model.workers import LEASE_MS
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import shard_parts
from trunkline.store import shards as shard_store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.shards import ClockStep, Heartbeat, Lease
from trunkline.store.wakeup import Signal
from trunkline.store.worker_locks import WorkerLock

RENEW_SECONDS = 1.5
HAND_OVER_SECONDS = 0.1
"""How often a worker checks, while workers exchange shards, whether it can release or claim a shard."""
PATIENCE_SECONDS = 5.0
"""How long a worker below its share keeps checking every ``HAND_OVER_SECONDS``.

The time begins when the number of workers or of divided shards changes.
"""
SUSPECT_SECONDS = 0.55
"""Time until workers without a lock are checked again: a little longer than ``APART_SECONDS``."""
CUT_OFF_SECONDS = 0.05
"""Time until a worker that lost its connection tries again: the first try finds the connection closed, the next opens another."""
JUDGE_SECONDS = LEASE_MS / 1000
"""How long a worker must have held its lock before it checks the locks of others.

After a restart of the database, all workers have their locks by then.
"""
_log = logging.getLogger(__name__)


class _Shares(NamedTuple):
    """The most whole shards that a worker may own, and the most parts of each divided shard."""

    wholes: int
    parts: int

    @classmethod
    def among(cls, workers: int, *, wholes: int) -> Self:
        """Divide *wholes* shards, and the parts of each divided shard, evenly among *workers*."""
        return cls(-(-wholes // max(workers, 1)), -(-PARTS // max(workers, 1)))


class Leases:
    """Keeps *owned* equal to the leases in the database.

    After adding shards it sets *log_has_grown*, so that they are read. At each renewal it calls *mark_hot* with the
    number of live workers, to mark the shards to divide.

    A worker with a *lock* counts as dead if others find its lock free at two checks. So a live worker whose lock is
    lost trusts none of its leases until it has renewed them.
    """

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        log_has_grown: Signal,
        lock: WorkerLock | None = None,
        *,
        mark_hot: Callable[[int], None],
    ) -> None:
        self._database = database
        self._owned = owned
        self._log_has_grown = log_has_grown
        self._lock = lock
        self._mark_hot = mark_hot
        if lock is not None:
            lock.cut_off = self._stop_trusting
        self._missing_locks = MissingLocks()
        self._alive = self._divided = 0
        self._lacks = False
        """Whether this worker owns less than its share."""
        self._changed_at = -math.inf
        """When the number of workers or of divided shards last changed (monotonic seconds)."""
        self._cut_off = Signal()
        self._cut_off_at = -math.inf
        self._changing = asyncio.Lock()
        self._clock_step: tuple[ClockStep, float] | None = None
        """The last jump back of the database's clock, and the end (monotonic seconds) of the repair of its effects."""

    async def run(self) -> None:
        """Renew the leases until cancelled: at once after a lost connection, and soon if another worker seems to have ended."""
        pause = 0.0
        while True:
            was_cut_off = await self._wait(pause)
            try:
                await self.renew()
                pause = min(SUSPECT_SECONDS, RENEW_SECONDS) if self._missing_locks.are_new else RENEW_SECONDS
            except StoreUnavailable as error:
                _log.warning("cannot renew the leases now: %s", error)
                pause = CUT_OFF_SECONDS if was_cut_off else RENEW_SECONDS

    async def _wait(self, seconds: float) -> bool:
        """Wait *seconds*, while shards may change hands. Returns True at once if this worker loses its connection."""
        until = time.monotonic() + seconds
        while True:
            left = max(until - time.monotonic(), 0.0)
            if await self._cut_off.wait(min(left, HAND_OVER_SECONDS) if self._shards_move else left):
                return True
            if time.monotonic() >= until:
                return False
            with contextlib.suppress(StoreUnavailable):  # the next renewal logs it
                async with self._changing:
                    if self._owned.is_alive and not self._owned.is_resting:
                        await self._share_out()

    @property
    def _shards_move(self) -> bool:
        """Whether this worker has shards to give away, or still owns less than its share."""
        return self._owned.is_leaving or (
            self._lacks and time.monotonic() - self._changed_at < PATIENCE_SECONDS
        )

    async def renew(self) -> None:
        """Send this worker's heartbeat, renew its leases, and claim or release shards until it owns its share."""
        async with self._changing:
            self._drop_lost()
            if not self._owned.is_resting:
                owned = self._owned
                started = time.monotonic()
                beat = await self._renew_all()
                faults.point("lease.after_renew_commit")
                if not owned.is_alive:
                    self._log_has_grown.set()  # shards whose leases were not trusted are read again
                owned.alive_until = self._trusted_until(started)
                for progress in list(owned.progress.values()):
                    if progress.lease.slice not in beat.renewed:
                        progress.lost = True
                    progress.valid_until = owned.alive_until
                self._drop_lost()
                self._note(beat.alive, beat.divided)
                self._mark_hot(beat.alive)
                await self._share_out()

    def _note(self, alive: int, divided: int) -> None:
        if (alive, divided) != (self._alive, self._divided):
            self._alive, self._divided, self._changed_at = alive, divided, time.monotonic()

    async def _share_out(self) -> None:
        """Release or claim shards until this worker owns its share."""
        shares = _Shares.among(self._alive, wholes=self._owned.total - self._divided)
        self._choose_leaving(shares)
        self._note(self._alive, self._divided + await self._give_back())
        await self._claim(shares)
        parts = sum(held.part != WHOLE for held in self._owned.progress)
        wholes = len(self._owned.progress) - parts
        self._lacks = wholes < shares.wholes or parts < self._divided * shares.parts

    def _trusted_until(self, started: float) -> float:
        """Return the end (monotonic seconds) of a lease that was claimed or renewed at *started*."""
        return started + LEASE_MS / 1000 if started > self._cut_off_at else 0.0

    def _stop_trusting(self) -> None:
        """Trust no lease until it is renewed: this worker's lock is gone, so other workers may take its shards."""
        self._cut_off_at = time.monotonic()
        self._owned.alive_until = 0.0
        for progress in self._owned.progress.values():
            progress.valid_until = 0.0
        self._cut_off.set()

    async def leave(self) -> None:
        """Release everything at once; the next owner reads unsettled positions again."""
        faults.point("lease.before_leave")
        async with self._database.write() as connection:
            await shard_store.leave(connection, self._owned.worker)
        faults.point("lease.after_leave")
        self._owned.progress.clear()

    async def rest(self, seconds: float) -> None:
        """Release everything as ``leave`` does, and neither renew nor claim anything for *seconds*."""
        self._owned.resting_until = time.monotonic() + seconds
        self._owned.alive_until = 0.0
        async with self._changing:  # a claim that is running ends first
            for progress in self._owned.progress.values():
                progress.lost = True
            self._drop_lost()
            await self.leave()

    async def _renew_all(self) -> Heartbeat:
        """Send the heartbeat and renew every lease, in one statement if that suffices."""
        worker = self._owned.worker
        lock_no, suspects = await self._look_at_lock()
        leases = [progress.lease for progress in self._owned.progress.values()]
        if not suspects and self._clock_step is None:
            async with self._database.write_once() as connection:
                usual = await shard_store.beat(connection, worker, leases, lease_ms=LEASE_MS, lock_no=lock_no)
            if usual is not None:
                self._missing_locks.see({}, now=time.monotonic())
                return usual
        async with self._database.write() as connection:
            beat = await shard_store.heartbeat(
                connection, worker, lease_ms=LEASE_MS, lock_no=lock_no, suspects=suspects
            )
            await self._follow_clock(connection, beat.step)
            faults.point("lease.after_heartbeat")
            renewed = await shard_store.renew(connection, worker, leases, lease_ms=LEASE_MS)
            await shard_store.disown(connection, worker, leases)
        self._missing_locks.see(beat.missing, now=time.monotonic())
        for ended in beat.ended:
            _log.info("the process of %s has ended", ended, extra={"worker_id": worker})
        return structs.replace(beat, renewed=renewed)

    async def _look_at_lock(self) -> tuple[int | None, Mapping[str, int]]:
        """Return the number of this worker's lock, and the last heartbeats of workers that seem dead.

        A worker seems dead if its lock was free at two checks.

        The number is None unless both sessions hold the lock.
        """
        if self._lock is None:
            return None, {}
        await self._lock.take_for(self._database)
        seconds = self._lock.shown_seconds()
        if seconds is None:
            return None, {}
        is_judge = seconds >= JUDGE_SECONDS
        return self._lock.no, self._missing_locks.seen_twice(now=time.monotonic()) if is_judge else {}

    async def _follow_clock(self, connection: Connection, step: ClockStep | None) -> None:
        """Correct the stored times after the clock was set back.

        This continues until all transactions that began before have ended.
        """
        now = time.monotonic()
        if step is not None:
            self._clock_step = step, now + LEASE_MS / 1000
        elif self._clock_step is not None:
            await shard_store.follow_late(connection, self._clock_step[0])
            if now >= self._clock_step[1]:
                self._clock_step = None

    async def _claim(self, shares: _Shares) -> None:
        """Claim shards and parts without an owner up to this worker's share, and read each from its cursor.

        The cost does not depend on the backlog, because the reader searches only page by page for deliveries that an
        earlier owner settled.
        """
        worker, started = self._owned.worker, time.monotonic()
        limit = shares.wholes - sum(1 for held in self._owned.progress if held.part == WHOLE)
        lacking: Mapping[int, int] = {}
        if self._divided:
            async with self._database.read() as connection:
                lacking = await shard_parts.lacking(connection, worker, share=shares.parts)
        if limit <= 0 and not lacking:
            return
        leases: list[Lease] = []
        async with self._database.write() as connection:
            if limit > 0:
                leases += await shard_store.claim(connection, worker, limit=limit, lease_ms=LEASE_MS)
            leases += await shard_parts.claim(connection, worker, lacking, lease_ms=LEASE_MS)
            faults.point("lease.after_claim")
        since = time.monotonic()
        faults.point("lease.after_claim_commit")
        leases = self._read_on(leases, since=since)
        if not leases:
            return
        async with self._database.read() as connection:
            known_until = await ledger.newest_position(connection)
        for lease in leases:
            progress = self._owned.progress[lease.slice] = Progress(lease, known_until=known_until)
            progress.since = since
            progress.valid_until = self._trusted_until(started)
        reports.shards_changed("took", self._owned.worker, [lease.slice for lease in leases])
        self._log_has_grown.set()

    def _read_on(self, leases: Sequence[Lease], *, since: float) -> list[Lease]:
        """For shards that this worker still reads, replace their lapsed leases by the new *leases*.

        Returns the leases of all other shards. A shard that is still being read must not be read again from its cursor,
        because its deliveries in flight would then be sent twice.
        """
        progress_of = self._owned.progress
        for lease in leases:
            if (progress := progress_of.get(lease.slice)) is not None:
                progress.lease, progress.since = lease, since
        return [lease for lease in leases if lease.slice not in progress_of]

    def _choose_leaving(self, shares: _Shares) -> None:
        """Choose the slices to stop reading: slices to divide, and slices beyond this worker's share."""
        groups: dict[int, list[Progress]] = {}
        for held, progress in self._owned.progress.items():
            groups.setdefault(WHOLE if held.part == WHOLE else held.shard, []).append(progress)
        for shard, group in groups.items():
            share = shares.wholes if shard == WHOLE else shares.parts
            ordered = sorted(group, key=lambda p: (p.dividing, not p.draining, -p.lease.shard, -p.lease.part))
            leaving = ordered[: max(len(group) - share, 0)]
            for progress in group:
                progress.draining = progress.dividing or progress in leaving

    async def _give_back(self) -> int:
        """Divide or release the draining slices whose deliveries have all ended. Returns how many were divided."""
        done = [
            p for p in self._owned.progress.values() if p.draining and p.is_settled and p.reached == p.written
        ]
        if not done:
            return 0
        for progress in done:  # before the release: a task that hands over a page must see the loss
            progress.lost = True
            del self._owned.progress[progress.lease.slice]
        divided = [p.lease for p in done if p.dividing]
        released = [p.lease for p in done if not p.dividing]
        async with self._database.write() as connection:
            await shard_store.release(connection, self._owned.worker, released)
            faults.point("lease.after_release")
            if divided:
                await shard_parts.divide(connection, self._owned.worker, divided)
                faults.point("lease.after_divide")
        faults.point("lease.after_release_commit")
        if divided:
            faults.point("lease.after_divide_commit")
        reports.shards_changed("gave back", self._owned.worker, [lease.slice for lease in released])
        reports.shards_changed("divided", self._owned.worker, [lease.slice for lease in divided])
        self._drop_lost()
        return len(divided)

    def _drop_lost(self) -> None:
        """Stop reading the shards whose leases were lost."""
        lost = [held for held, progress in self._owned.progress.items() if progress.lost]
        for held in lost:
            del self._owned.progress[held]
        reports.shards_changed("lost", self._owned.worker, lost)
