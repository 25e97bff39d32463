"""Runs attempts: each gets a slot, a time limit and a result, whatever its channel does."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping

from trunkline.dispatch.attempts import open_limit
from trunkline.dispatch.attempts.gates import Gate, Gates
from trunkline.dispatch.attempts.jobs import Deferred, Ended, Job, ResultQueue, older
from trunkline.dispatch.attempts.open_limit import HIGH_WATER
from trunkline.dispatch.attempts.ordering import LEAVING_SECONDS, Ordering
from trunkline.dispatch.attempts.results import GRACE_SECONDS
from trunkline.dispatch.attempts.sender import Sender
from trunkline.dispatch.attempts.slots import Slots, SubscriptionQueue
from trunkline.dispatch.routing.table import Route, RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.deliveries import Outcome, Result, Status
from trunkline.runtime import faults, shortages
from trunkline.runtime.beginnings import Beginnings
from trunkline.store.wakeup import Signal

SLOW_SECONDS = 2.0
"""After this time an attempt is written to the ledger as in flight, so that it does not hold the cursor back."""
BEGIN_AT_ONCE = 16
"""Number of attempts that begin in one iteration of the event loop; an attempt with a long body counts as several."""
UNIT_BYTES = 16 * 1024
"""Number of bytes of a body whose signing and copying takes as long as a short attempt."""
CLOSED_SECONDS = 0.1
"""How often to check a closed gate whose subscription has no attempt in flight."""
SHORTEST_STEP_SECONDS = 0.002
"""Shortest timer for the next attempt under a rate limit. An attempt that starts late does not lower the rate."""
CROWDED_MS = 500
"""Time until a delivery of a failing subscription that found no free slot is due again."""
SHORTAGE_MS = 2_000
"""Time until a delivery is due again if this machine lacked the resources for its attempt."""
_log = logging.getLogger(__name__)


class Runner:
    """Runs the attempts of one process. Ended attempts wait in ``results`` to be written."""

    def __init__(
        self,
        slots: Slots,
        sender: Sender,
        owned: OwnedShards,
        table: RoutingTable,
        *,
        timeout_seconds: float,
        turn: Signal,
    ) -> None:
        self.slots = slots
        self.gates = Gates()
        self.results = ResultQueue()
        self.claim_ms = _claim_ms(timeout_seconds)
        """How long a claim is valid (ms): longer than an attempt can take."""
        self._attempt = sender.attempt
        self._now_ms = sender.now_ms
        self._timeout_seconds = self._shortest_seconds = timeout_seconds
        self._running: dict[Job, None] = {}
        self._waiting: dict[Job, None] = {}
        self._is_draining = False
        self._withdrawn: frozenset[int | None] = frozenset()
        self._stirred = asyncio.Event()
        self._beginnings = Beginnings(BEGIN_AT_ONCE)
        self.put_off = 0
        """Attempts that were put off because this machine lacked memory, file descriptors or the like."""
        self._tell_shortage_at = 0.0
        self.room = open_limit.of_live()
        """The limit of the live reader's open deliveries."""
        self.room_of_stretches = open_limit.of_stretches(slots.total)
        """The limit of open deliveries from stretches (older ranges of the log)."""
        self.ordering = Ordering(self, owned, table, turn=turn)
        """Holds each ordered delivery until the deliveries before it have ended."""

    def allow(self, timeout_seconds: float) -> None:
        """Take the time limit of one subscription into account."""
        self.claim_ms = max(self.claim_ms, _claim_ms(timeout_seconds))
        self._shortest_seconds = min(self._shortest_seconds, timeout_seconds)

    @property
    def waiting(self) -> int:
        """How many deliveries wait for a slot."""
        return len(self._waiting)

    @property
    def waiting_claims(self) -> int:
        """How many of the waiting deliveries were claimed from the ledger."""
        return sum(1 for job in self._waiting if job.claim)

    def wake(self) -> None:
        """Wake all waiters of ``has_work``: a cursor may have moved, or a delivery was submitted."""
        self._stirred.set()

    async def has_work(self, seconds: float) -> bool:
        """Return whether anything is in memory. If not, wait up to *seconds* for a delivery or a call of ``wake``."""
        if self._running or self._waiting or self.results:
            return True
        self._stirred.clear()
        try:
            async with asyncio.timeout(seconds):
                return await self._stirred.wait()
        except TimeoutError:
            return False

    def submit(self, job: Job) -> None:
        """Start *job*, queue it for a slot, or defer it if too many deliveries of its subscription are queued."""
        self._stirred.set()
        if job.route.subscription.ordering is not None and job.key_queue is None and not job.claim:
            self.ordering.submit(job)
            return
        job.started = time.monotonic()
        self.admit(job)
        if job.route.deliver is None:
            self._defer(job, Status.HELD, None)
            return
        if self._withdrawn and job.replay_no in self._withdrawn:
            self._defer(job, Status.PENDING, CROWDED_MS)
            return
        queue = self._queue_of(job)
        if job.route.pace is not None or queue.gate is not None:
            self._set_gate(queue, job.route, job.progress)
        if not queue.waiting and self.slots.take(queue):
            self._start(job)
        elif ((queue.is_trusted and queue.gate is None) or self._may_wait(queue, job)) and self.slots.enqueue(
            queue, job
        ):
            self._waiting[job] = None
            if queue.gate is not None:
                self._wake_later(queue)
        else:
            self._defer(job, Status.PENDING, self._wait_ms(queue))

    def room_for_claims(self, route: Route, progress: Progress) -> int:
        """Return how many due deliveries of the subscription of *route* to claim from the ledger.

        *progress* is the progress of the subscription's shard, which this worker holds.
        """
        subscription = route.subscription
        queue = self.slots.queue(subscription.no, subscription.company_id)
        self._set_gate(queue, route, progress)
        gate = queue.gate
        if gate is None:
            return max(self.slots.room(queue) - len(queue.waiting), 0)
        if not gate.is_open or gate.wait() > SLOW_SECONDS / 2:
            return 0
        if queue.is_failing:  # its deliveries do not wait in memory
            return min(self.slots.room(queue), 1) if gate.pace.rate else self.slots.room(queue)
        return max(gate.share - sum(1 for job in queue.waiting if job.claim), 0)

    def withdraw(self, replay_nos: Iterable[int]) -> None:
        """Stop starting deliveries of these cancelled replays, and return the queued ones to the ledger."""
        self._withdrawn = frozenset(replay_nos)
        for job in [job for job in self._waiting if job.replay_no in self._withdrawn]:
            del self._waiting[job]
            self._queue_of(job).waiting.remove(job)
            self._defer(job, Status.PENDING, CROWDED_MS)

    @property
    def has_replayed(self) -> bool:
        """Whether a delivery of a replay is in memory."""
        return any(job.replay_no is not None for jobs in (self._waiting, self._running) for job in jobs)

    def go_on(self, subscription_no: int, company_id: int) -> None:
        """Start queued deliveries of a subscription, as far as its gate allows."""
        self._step(self.slots.queue(subscription_no, company_id))

    def admit(self, job: Job) -> None:
        """Count *job* once as open, unless it was claimed from the ledger."""
        if job.claim == 0 and not job.has_room:
            job.has_room = True
            job.room = job.room or self.room
            job.room.take(job.route.subscription.company_id)

    def dismiss(self, job: Job) -> None:
        """Stop counting *job* as open."""
        if job.has_room and job.room is not None:
            job.has_room = False
            job.room.give_back(job.route.subscription.company_id)

    def overdue(self, *, is_leaving: bool) -> list[Deferred]:
        """Collect the deliveries that have held a cursor back for too long, to write a row for each in the ledger.

        Queued deliveries are dropped from memory. Deliveries in flight continue under a claim. *is_leaving* says that
        some shards are about to be given away; the allowed time is shorter for deliveries of these shards.
        """
        deferred: list[Deferred] = []
        for job in _late(self._waiting, is_leaving=is_leaving):
            del self._waiting[job]
            queue = self._queue_of(job)
            queue.waiting.remove(job)
            wait_ms = 0 if queue.gate is None else self._wait_ms(queue)
            deferred.append(Deferred(job, Status.PENDING, wait_ms))
            self.dismiss(job)
            if job.key_queue is not None:
                self.ordering.deferred(job)
        for job in _late(self._running, is_leaving=is_leaving):
            if not job.claim:
                job.claim = 1
                self.dismiss(job)
                deferred.append(Deferred(job, Status.PENDING, self.claim_ms, in_flight=True))
                self.slots.set_trust(self._queue_of(job), succeeded=False)
        if deferred:
            faults.point("deliver.after_defer")
        return deferred

    def sweep(self) -> None:
        """Cancel the attempts that have exceeded their time limit."""
        now = time.monotonic()
        for job in older(self._running, now - self._shortest_seconds - GRACE_SECONDS):
            limit = (job.route.subscription.timeout_seconds or self._timeout_seconds) + GRACE_SECONDS
            age = now - job.started
            if age <= limit:
                continue
            if not job.timed_out and job.task is not None:
                job.timed_out = True
                job.task.cancel()
            elif age > limit + GRACE_SECONDS:  # it does not end when cancelled: continue without it
                age_ms = int(age * 1000)
                self._end(
                    job,
                    Result(Outcome.RETRY, error="timeout"),
                    job.started,
                    started_ms=self._now_ms() - age_ms,
                )

    async def drain(self, seconds: float) -> None:
        """Wait up to *seconds* for the attempts in flight, then cancel them. Queued deliveries are not started."""
        self._is_draining = True
        tasks = [job.task for job in self._running if job.task is not None]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=seconds)
        pending = [task for task in tasks if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=GRACE_SECONDS)  # an attempt may ignore its cancellation

    def _start(self, job: Job, task: "asyncio.Task[None] | None" = None) -> None:
        """Start *job* in *task*, or else in a task of its own."""
        job.started = time.monotonic()
        self._running[job] = None
        job.task = task or asyncio.create_task(self._run(job))

    async def _run(self, job: Job | None) -> None:
        """Make attempts one after the other while jobs are queued, because a task for each would cost more than the attempt."""
        while job is not None:
            now_ms, began = self._now_ms(), time.monotonic()
            result: Result | None
            try:
                units = 1 + len(job.event.body) // UNIT_BYTES
                if not self._beginnings.try_take(units):
                    await self._beginnings.wait(
                        job.route.subscription.company_id, units, later=job.room is self.room_of_stretches
                    )
                    now_ms, began = self._now_ms(), time.monotonic()
                result = await self._attempt(job, now_ms)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or (task.cancelling() and not job.timed_out):
                    raise
                task.uncancel()  # only this attempt was cancelled, or its channel raised CancelledError itself
                result = Result(
                    Outcome.RETRY, error="timeout" if job.timed_out else "channel_error: CancelledError"
                )
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is one failed attempt
                result = Result(Outcome.RETRY, error=f"channel_error: {type(error).__name__}")
                if shortages.is_own(error):
                    self.put_off += 1
                    if time.monotonic() >= self._tell_shortage_at:
                        self._tell_shortage_at = time.monotonic() + 60
                        _log.warning(
                            "this machine lacks what attempts need: deliveries wait, %d so far, and no attempt is counted: %s",
                            self.put_off,
                            error,
                        )
                    result = None
            if job.is_over:  # abandoned because it ignored its cancellation; another job has its slot
                return
            job = self._end(job, result, began, started_ms=now_ms)

    def _end(self, job: Job, result: Result | None, began: float, *, started_ms: int) -> Job | None:
        """Report the *result* of *job*, and release its slot.

        If *result* is None, the job is postponed. Returns the job that runs next in the same task.
        """
        job.is_over = True
        del self._running[job]
        if result is None:
            self.slots.take_back(self._queue_of(job))
            self._defer(job, Status.PENDING, SHORTAGE_MS)
        else:
            duration = time.monotonic() - began
            in_time = result.outcome is Outcome.DELIVERED and duration <= SLOW_SECONDS
            self.slots.release(self._queue_of(job), succeeded=in_time, failed=result.outcome is Outcome.RETRY)
            self.dismiss(job)
            self.results.put(Ended(job, result, started_ms, round(duration * 1000)))
            faults.point("deliver.after_result")
            if job.key_queue is not None:
                self.ordering.ended(job, result.outcome)
        return self._start_waiting(job.task if job.task is asyncio.current_task() else None)

    def _set_gate(self, queue: SubscriptionQueue, route: Route, progress: Progress | None) -> None:
        if route.pace is None or progress is None:
            queue.gate = None
        else:
            queue.gate = self.gates.of(queue.subscription_no, route.pace, progress)

    def _may_wait(self, queue: SubscriptionQueue, job: Job) -> bool:
        """Return whether *job* may be queued in memory. A gate limits its new and its claimed jobs separately."""
        if queue.gate is not None:
            alike = sum(1 for waiting in queue.waiting if bool(waiting.claim) == bool(job.claim))
            if alike >= queue.gate.share:
                return False
        return queue.is_trusted or self.room.open < HIGH_WATER // 2

    def _wait_ms(self, queue: SubscriptionQueue) -> int:
        """Return the milliseconds until a delivery that cannot be queued in memory is due again."""
        wait_ms = CROWDED_MS if queue.is_failing else 0
        return wait_ms if queue.gate is None else max(wait_ms, int(queue.gate.wait() * 1000))

    def _wake_later(self, queue: SubscriptionQueue) -> None:
        """Set a timer that starts the waiting deliveries of *queue* when its gate allows."""
        gate = queue.gate
        if gate is None or gate.timer is not None or not queue.waiting:
            return
        wait = gate.wait()
        if wait == 0 and not queue.in_flight:
            wait = CLOSED_SECONDS  # the lease may have lapsed, and no running attempt will wake the queue when it ends
        if wait > 0:
            loop = asyncio.get_running_loop()
            gate.timer = loop.call_later(max(wait, SHORTEST_STEP_SECONDS), self._on_timer, queue, gate)

    def _on_timer(self, queue: SubscriptionQueue, gate: Gate) -> None:
        gate.timer = None
        self._step(queue)

    def _step(self, queue: SubscriptionQueue) -> None:
        self.slots.line_up(queue)
        self._start_waiting()

    def _start_waiting(self, task: "asyncio.Task[None] | None" = None) -> Job | None:
        """Start the waiting deliveries that get a slot, the first in *task* if it is given. Returns the one in *task*."""
        in_task: Job | None = None
        while not self._is_draining and (job := self.slots.next_waiting()) is not None:
            del self._waiting[job]
            self._start(job, task)
            if task is not None:
                in_task, task = job, None
        while self.slots.refused:
            self._wake_later(self.slots.refused.pop())
        return in_task

    def _queue_of(self, job: Job) -> SubscriptionQueue:
        return self.slots.queue(job.route.subscription.no, job.route.subscription.company_id)

    def _defer(self, job: Job, status: Status, wait_ms: int | None) -> None:
        self.results.put(Deferred(job, status, wait_ms))
        if job.key_queue is not None:
            self.ordering.deferred(job)


def _claim_ms(timeout_seconds: float) -> int:
    return int((timeout_seconds + 2 * GRACE_SECONDS + 5) * 1000)


def _late(jobs: Mapping[Job, None], *, is_leaving: bool) -> list[Job]:
    """Return the *jobs* that have held a cursor back for too long."""
    now = time.monotonic()
    late = older(jobs, now - SLOW_SECONDS)
    if is_leaving:
        others = older(jobs, now - LEAVING_SECONDS)[len(late) :]
        late += [job for job in others if job.progress is not None and job.progress.draining]
    return late
