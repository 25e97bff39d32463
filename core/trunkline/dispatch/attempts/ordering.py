"""Deliveries in order: the deliveries of one order key of a subscription are made one after the other, in the log's order.

The worker that holds a company's shard makes all attempts for the company's subscriptions with an ordering. So this
worker has all deliveries of a key. New deliveries start from memory. While an earlier delivery is in flight, they wait
in memory for up to two seconds, and up to a maximum number. Deliveries that wait longer, or that follow a failed
delivery, are written to the ledger (``store.ordering``), from which ``ordered_lane`` claims them. A key that may have open
deliveries in the ledger is *blocked*: all its new deliveries go to the ledger, too.

An attempt begins when the attempt before it has delivered or, if that attempt failed, when its result is written. If
the process dies, deliveries that were made but not yet written are sent again, and later ones follow in the same order.
"""

import bisect
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trunkline.dispatch.attempts.jobs import Deferred, Job, KeyQueue
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.deliveries import Outcome, Status
from trunkline.runtime import faults
from trunkline.store.wakeup import Signal

if TYPE_CHECKING:
    from trunkline.dispatch.attempts.runner import Runner

LEAVING_SECONDS = 0.2
"""How long a delivery may hold back the cursor of a shard that is being given away or divided; nobody reads such a shard."""
LOOK_SECONDS = 1.0
"""How long to wait before the keys of a subscription in the ledger are read again, if they are still unknown."""
WAIT_SECONDS = 2.0
"""How long a new delivery may wait in memory; meanwhile it holds a cursor back."""
MOST_WAITING = 2048
"""The most new deliveries of all subscriptions that may wait in memory; further ones wait in the ledger."""
MOST_BLOCKED = 256
"""The most blocked keys that are listed for one subscription. With more, all of its keys count as blocked."""


class BlockedKeys:
    """The keys of one subscription that may have open deliveries in the ledger.

    Until the ledger has been read, every key may have open deliveries. The keys belong to one *progress*: the next
    holder of the shard reads the ledger again.
    """

    __slots__ = ("_company_id", "_is_learning", "_look_at", "_reached", "is_known", "progress")

    def __init__(self, progress: Progress, company_id: int) -> None:
        self.progress = progress
        self._company_id = company_id
        self.is_known = self._is_learning = False
        self._look_at = 0.0
        self._reached: dict[int, int] = {}
        """By key: the last position that was sent to the ledger and may not be written yet."""

    def learn(self, keys: Sequence[int]) -> None:
        """Add *keys*, which were read from the ledger, to the keys noted by ``block``.

        If there are too many, every key stays blocked.
        """
        if self._is_learning and len(keys) + len(self._reached) <= MOST_BLOCKED:
            self._reached = dict.fromkeys(keys, 0) | self._reached
            self.is_known = True

    def forget(self) -> None:
        """Treat all keys as blocked until the ledger is read again."""
        self.is_known = self._is_learning = False
        self._look_at = 0.0

    @property
    def is_to_be_learned(self) -> bool:
        """Whether it is time to read the ledger."""
        return not self.is_known and time.monotonic() >= self._look_at

    def block(self, order_key: int, position: int) -> None:
        """Note that the delivery at *position* goes to the ledger."""
        self._reached[order_key] = max(self._reached.get(order_key, 0), position)
        if len(self._reached) > MOST_BLOCKED:
            self.is_known = self._is_learning = False

    def unblock(self, order_key: int, *, settled: int) -> None:
        """Note that all deliveries of a key in the ledger, which is complete up to *settled*, are now in memory."""
        if self._reached.get(order_key, 0) <= settled:
            self._reached.pop(order_key, None)

    def begin_to_learn(self) -> None:
        """Prepare to read the ledger: drop the keys whose deliveries are written.

        If the subscription changes before ``learn`` is called, ``learn`` ignores its keys.
        """
        settled = self.progress.settled_of(self._company_id, self.progress.written)
        self._reached = {key: position for key, position in self._reached.items() if position > settled}
        self._is_learning = True
        self._look_at = time.monotonic() + LOOK_SECONDS

    def __contains__(self, order_key: int) -> bool:
        return not self.is_known or order_key in self._reached


class Ordering:
    """The deliveries with an order in memory, for the shards of *owned*.

    Sets *turn* to request more from the ledger.
    """

    def __init__(self, runner: "Runner", owned: OwnedShards, table: RoutingTable, *, turn: Signal) -> None:
        self._runner = runner
        self._owned = owned
        self._table = table
        self._turn = turn
        self._queues: dict[tuple[int, int], KeyQueue] = {}
        self._blocked: dict[int, BlockedKeys] = {}
        self._new: dict[Job, None] = {}
        self._claimed: dict[Job, None] = {}
        self.claimed_by: Counter[int] = Counter()
        """Claimed deliveries in memory, by company."""
        self._is_stopping = False

    @property
    def claimed(self) -> int:
        """How many deliveries in memory were claimed from the ledger."""
        return len(self._claimed)

    def stop(self) -> None:
        """Stop starting deliveries; waiting ones go back to the ledger."""
        self._is_stopping = True
        for queue in list(self._queues.values()):
            self._put_back(queue)

    def unknown(self) -> list[tuple[int, BlockedKeys]]:
        """List the subscriptions, by number, whose keys in the ledger must be read."""
        return [(no, blocked) for no, blocked in self._blocked.items() if blocked.is_to_be_learned]

    def forget(self, subscription_nos: Iterable[int]) -> None:
        """Read the ledger again before new deliveries of these changed subscriptions start from memory."""
        for no in subscription_nos:
            if (blocked := self._blocked.get(no)) is not None:
                blocked.forget()

    def submit(self, job: Job) -> None:
        """Start a new delivery; if earlier deliveries of its key are open, hold it in memory or in the ledger."""
        assert job.progress is not None
        no, order_key = job.route.subscription.no, self._table.order_key(job.event, job.route)
        queue = self._queues.get((no, order_key))
        job.key_queue = queue or KeyQueue(no, order_key)
        job.started = time.monotonic()
        self._runner.admit(job)
        blocked = self._blocked.get(no)
        if blocked is None or blocked.progress is not job.progress:
            blocked = self._blocked[no] = BlockedKeys(job.progress, job.route.subscription.company_id)
            self._turn.set()
        if job.route.deliver is None or order_key in blocked or self._is_stopping:
            self._leave_to_ledger(job)
        elif queue is None:
            self._queues[no, order_key] = job.key_queue
            self._begin(job.key_queue, job)
        elif len(self._new) < MOST_WAITING:
            queue.waiting.append(job)
            self._new[job] = None
        else:
            self._put_back(queue)
            self._leave_to_ledger(job)

    def take(self, jobs: Sequence[Job], order_key: int, *, is_all: bool, settled: int) -> None:
        """Add deliveries of one key that were claimed from the ledger, which is complete up to *settled*.

        If *is_all*, the ledger has no further deliveries of the key.
        """
        no = jobs[0].route.subscription.no
        queue = self._queues.setdefault((no, order_key), KeyQueue(no, order_key))
        for job in jobs:
            self._insert(queue, job)
        blocked = self._blocked.get(no)
        if blocked is not None and is_all:
            blocked.unblock(order_key, settled=settled)
        if queue.running is None:
            self._go_on(queue)

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Start the next delivery if the attempt at *job* delivered; otherwise send the waiting ones to the ledger."""
        queue = self._leave(job)
        if outcome is Outcome.DELIVERED:
            self._go_on(queue)
            return
        self._block(job)
        self._put_back(queue)

    def deferred(self, job: Job) -> None:
        """Send the deliveries behind *job* to the ledger, because *job* found no slot and was sent there."""
        queue = self._leave(job)
        self._block(job)
        self._put_back(queue)

    def sweep(self) -> None:
        """Send waiting deliveries to the ledger if they wait too long, or their shard is lost or being given away."""
        now = time.monotonic()
        late = [job.key_queue for job in self._new if _is_late(job, now)]
        late += [job.key_queue for job in self._claimed if _is_leaving(job)]
        for queue in late:
            if queue is not None:
                self._put_back(queue)
        for job in [job for job in self._claimed if _is_leaving(job) and job.started < now - LEAVING_SECONDS]:
            self._release(
                job
            )  # in flight: its claim keeps the next holder of the shard from starting the key
        for no, blocked in list(self._blocked.items()):
            if blocked.progress.lost:
                del self._blocked[no]

    def _insert(self, queue: KeyQueue, job: Job) -> None:
        """Insert a claimed delivery by its position.

        If the delivery is already in memory, the job in memory gets the claim of *job* instead.
        """
        job.key_queue = queue
        position = job.event.position
        for known in (queue.running, *queue.waiting):
            if known is not None and known.event.position == position:
                known.claim = job.claim
                return
        bisect.insort(queue.waiting, job, key=lambda waiting: waiting.event.position)
        self._claimed[job] = None
        self.claimed_by[job.route.subscription.company_id] += 1
        if job.progress is not None:
            job.progress.claimed += 1

    def _go_on(self, queue: KeyQueue) -> None:
        """Start the next delivery of *queue*, if it may begin; otherwise send the queue to the ledger."""
        if queue.waiting and not self._may_begin(queue.waiting[0]):
            self._put_back(queue)
        elif queue.waiting:
            job = queue.waiting.pop(0)
            self._new.pop(job, None)
            self._begin(queue, job)
        else:
            self._forget_if_empty(queue)

    def _begin(self, queue: KeyQueue, job: Job) -> None:
        queue.running = job
        self._runner.submit(job)

    def _may_begin(self, job: Job) -> bool:
        """Return whether the subscription is active, and it is certain that this worker still has to deliver *job*."""
        progress = job.progress
        if progress is None or _is_leaving(job) or self._is_stopping:
            return False
        route = self._table.route(job.route.subscription.no)
        if route is None:
            return False
        job.route = route
        if job.claim:
            return self._owned.is_alive
        return time.monotonic() < progress.valid_until

    def _put_back(self, queue: KeyQueue) -> None:
        """Send all waiting deliveries of *queue* to the ledger; their key is then blocked."""
        waiting, queue.waiting = queue.waiting, []
        for job in waiting:
            self._new.pop(job, None)
            self._leave_to_ledger(job)
            self._release(job)
        self._forget_if_empty(queue)
        if waiting:
            faults.point("order.after_put_back")

    def _leave_to_ledger(self, job: Job) -> None:
        """Send *job* to the ledger as held.

        If *job* is new and its shard is lost, drop it instead; the new holder reads the event again.
        """
        self._block(job)
        if job.claim or (job.progress is not None and not job.progress.lost):
            self._runner.results.put(Deferred(job, Status.HELD, None))
        else:
            self._runner.dismiss(job)

    def _block(self, job: Job) -> None:
        blocked = self._blocked.get(job.route.subscription.no)
        if blocked is not None and job.key_queue is not None:
            blocked.block(job.key_queue.order_key, job.event.position)

    def _leave(self, job: Job) -> KeyQueue:
        queue = job.key_queue
        assert queue is not None
        if queue.running is job:
            queue.running = None
            self._release(job)
        return queue

    def _release(self, job: Job) -> None:
        """Stop counting *job* as a claimed delivery in memory, if it is one."""
        if job in self._claimed and job.progress is not None:
            del self._claimed[job]
            self.claimed_by -= Counter([job.route.subscription.company_id])
            job.progress.claimed -= 1

    def _forget_if_empty(self, queue: KeyQueue) -> None:
        if queue.running is None and not queue.waiting:
            self._queues.pop((queue.subscription_no, queue.order_key), None)


def _is_leaving(job: Job) -> bool:
    """Return whether the shard of *job* is lost; for a claimed *job*, also whether the shard is being given away."""
    progress = job.progress
    return progress is None or progress.lost or bool(job.claim and progress.draining)


def _is_late(job: Job, now: float) -> bool:
    """Return whether the new *job* has waited too long, or its shard is lost."""
    is_handed_over = job.progress is not None and job.progress.draining
    return _is_leaving(job) or job.started < now - (LEAVING_SECONDS if is_handed_over else WAIT_SECONDS)
