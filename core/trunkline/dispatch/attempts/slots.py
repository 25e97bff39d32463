"""Slots for attempts in flight: the limits that keep a slow target from delaying others. No I/O, no clock.

A subscription whose last attempt succeeded in time is *trusted*. The others (new, failing, slow) share at most half of
the slots and get a few each. Even if all of them hang, half of the slots remain for trusted subscriptions.

A subscription that failed ``DOWN_AFTER`` times in a row has one slot. Each success then adds one slot (1, 2, 3, …)
until the subscription has its full share. So a target that recovers does not get its whole backlog at once.

The last quarter of all slots is kept for companies that use less than a quarter of all slots. The same rule applies
within the untrusted half. So a company with many subscriptions cannot use all slots. Waiting companies take turns, and
the subscriptions of a company do too.
"""

from collections import deque

from msgspec import Struct, field

from trunkline.dispatch.attempts.gates import Gate
from trunkline.dispatch.attempts.jobs import Job
from trunkline.runtime.fair_queue import FairQueue

UNTRUSTED_EACH = 8
"""Slots of one subscription that is new, failing or slow."""
DOWN_AFTER = 16
"""Failures in a row after which a target counts as down."""
BACKLOG_TRUSTED = 512
BACKLOG_UNTRUSTED = 128
"""Deliveries of one subscription that may wait in memory; further ones wait in the database."""


class SubscriptionQueue(Struct, eq=False):
    """One subscription: its slots in use, whether it is trusted, and its jobs that wait for a slot."""

    subscription_no: int
    company_id: int
    gate: Gate | None = None
    """The gate that the attempts must pass; None if the subscription has no pace."""
    in_flight: int = 0
    is_trusted: bool = False
    is_failing: bool = False
    failures: int = 0
    """Failures in a row."""
    ramp: int = 0
    """Upper bound of the subscription's slots while its target is down or recovering; 0 means no such bound."""
    queued: bool = False
    waiting: deque[Job] = field(default_factory=deque)


class Pool:
    """A limited number of slots, with the slots in use in all and by each company."""

    __slots__ = ("_company_share", "_in_use_by", "_shared", "in_use", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.in_use = 0
        self._company_share = max(total // 4, 1)
        self._shared = total - total // 4
        self._in_use_by: dict[int, int] = {}

    def has_slot_for(self, company_id: int) -> bool:
        """Return whether a company may have one more slot."""
        if self.in_use < self._shared:
            return True
        return self.in_use < self.total and self._in_use_by.get(company_id, 0) < self._company_share

    def take(self, company_id: int, count: int = 1) -> None:
        """Add *count* (may be negative) to the slots in use."""
        self.in_use += count
        if in_use := self._in_use_by.get(company_id, 0) + count:
            self._in_use_by[company_id] = in_use
        else:
            self._in_use_by.pop(company_id, None)


class Slots:
    """The slots of one process. Decides which subscription gets the next free slot."""

    def __init__(self, total: int, *, per_subscription: int) -> None:
        self._all = Pool(total)
        self._untrusted = Pool(max(total // 2, 1))
        self._per_subscription = per_subscription
        self._untrusted_per_subscription = min(per_subscription, UNTRUSTED_EACH)
        self._queues: dict[int, SubscriptionQueue] = {}
        self._trusted_ready: FairQueue[int, SubscriptionQueue] = FairQueue()
        self._untrusted_ready: FairQueue[int, SubscriptionQueue] = FairQueue()
        self.busy: set[int] = set()
        """Numbers of the subscriptions that use all the slots they may have."""
        self.refused: list[SubscriptionQueue] = []
        """Queues whose gate refused the next attempt; the runner sets a timer for each."""

    def queue(self, subscription_no: int, company_id: int) -> SubscriptionQueue:
        """Return the queue of a subscription; it is created if it does not exist."""
        queue = self._queues.get(subscription_no)
        if queue is None:
            queue = self._queues[subscription_no] = SubscriptionQueue(subscription_no, company_id)
        return queue

    def forget(self, subscription_no: int) -> None:
        """Drop the queue of a subscription that is no longer served."""
        queue = self._queues.get(subscription_no)
        if queue is not None and not queue.in_flight and not queue.waiting:
            del self._queues[subscription_no]

    @property
    def total(self) -> int:
        """How many slots there are."""
        return self._all.total

    @property
    def in_use(self) -> int:
        """How many slots are taken."""
        return self._all.in_use

    @property
    def free(self) -> int:
        """How many slots are free."""
        return max(self._all.total - self._all.in_use, 0)

    def take(self, queue: SubscriptionQueue) -> bool:
        """Take a slot if *queue* may have one more; return whether it did."""
        limit, company_id = self._limit_of(queue), queue.company_id
        if queue.in_flight >= limit or not self._all.has_slot_for(company_id):
            return False
        if not queue.is_trusted and not self._untrusted.has_slot_for(company_id):
            return False
        if queue.gate is not None and not queue.gate.begin():
            self.refused.append(queue)
            return False
        if not queue.is_trusted:
            self._untrusted.take(company_id)
        self._all.take(company_id)
        queue.in_flight += 1
        if queue.in_flight == limit:
            self.busy.add(queue.subscription_no)
        return True

    def enqueue(self, queue: SubscriptionQueue, job: Job) -> bool:
        """Queue *job* in memory for a slot; return False if too many jobs are queued."""
        limit = BACKLOG_TRUSTED if queue.is_trusted else 0 if queue.is_failing else BACKLOG_UNTRUSTED
        if len(queue.waiting) >= limit:
            return False
        queue.waiting.append(job)
        self.line_up(queue)
        return True

    def line_up(self, queue: SubscriptionQueue) -> None:
        """Queue a subscription for a slot, if it has waiting jobs and is not queued."""
        if queue.waiting and not queue.queued:
            queue.queued = True
            self._ready_of(queue).put(queue.company_id, queue)

    def room(self, queue: SubscriptionQueue) -> int:
        """Return how many more slots *queue* may have by its own limit."""
        return max(self._limit_of(queue) - queue.in_flight, 0)

    def room_of(self, subscription_no: int) -> int:
        """Return how many due deliveries of a subscription to claim.

        It is the limit of the subscription's slots, doubled if the subscription is trusted, less its deliveries in
        memory.
        """
        queue = self._queues.get(subscription_no)
        if queue is None:
            return self._untrusted_per_subscription
        limit = self._limit_of(queue) * (2 if queue.is_trusted else 1)
        return max(limit - queue.in_flight - len(queue.waiting), 0)

    def is_down(self, subscription_no: int) -> bool:
        """Return whether the target of a subscription is down or recovering; then its slots increase slowly."""
        queue = self._queues.get(subscription_no)
        return queue is not None and queue.ramp > 0

    def room_of_page(self, subscription_no: int) -> int | None:
        """Return how many deliveries to take from a page of the log at once; None if the target might be too slow.

        Half of the subscription's queue in memory is left for other deliveries.
        """
        queue = self._queues.get(subscription_no)
        if queue is None or not queue.is_trusted or queue.gate is not None or queue.ramp:
            return None
        return max(self.room(queue) + BACKLOG_TRUSTED // 2 - len(queue.waiting), 0)

    def release(self, queue: SubscriptionQueue, *, succeeded: bool, failed: bool = False) -> None:
        """Return a slot after an attempt that *succeeded* in time, *failed*, or did neither."""
        if failed:
            queue.failures += 1
            if queue.failures >= DOWN_AFTER:
                queue.ramp = 1
            elif queue.ramp:
                queue.ramp = max(queue.ramp // 2, 1)
        elif queue.failures or queue.ramp:
            queue.failures = 0
            if queue.ramp:
                queue.ramp += 1
                if queue.ramp >= self._per_subscription:
                    queue.ramp = 0
        self._give_back(queue)
        self.set_trust(queue, succeeded=succeeded)
        self.line_up(queue)

    def take_back(self, queue: SubscriptionQueue) -> None:
        """Return a slot after an attempt that never reached the target; the trust does not change."""
        self._give_back(queue)
        if queue.in_flight < self._limit_of(queue):
            self.busy.discard(queue.subscription_no)
        self.line_up(queue)

    def set_trust(self, queue: SubscriptionQueue, *, succeeded: bool) -> None:
        """Set whether *queue* is trusted. The slots that it uses then count for the trusted or the untrusted group."""
        queue.is_failing = not succeeded
        if queue.is_trusted != succeeded:
            queue.is_trusted = succeeded
            if queue.in_flight:
                self._untrusted.take(queue.company_id, -queue.in_flight if succeeded else queue.in_flight)
            queue.queued = False
            self.line_up(queue)
        if queue.in_flight < self._limit_of(queue):
            self.busy.discard(queue.subscription_no)
        else:
            self.busy.add(queue.subscription_no)

    def next_waiting(self) -> Job | None:
        """Take a slot for the next queued job that may have one, from trusted subscriptions first."""
        for ready, pool in ((self._trusted_ready, self._all), (self._untrusted_ready, self._untrusted)):
            if ready and (job := self._next_of(ready, pool)) is not None:
                return job
        return None

    def _next_of(self, ready: FairQueue[int, SubscriptionQueue], pool: Pool) -> Job | None:
        """Take a slot of *pool* for the next job of the subscriptions in *ready*."""

        def may_take(_: int, queue: SubscriptionQueue) -> bool:
            return self._all.has_slot_for(queue.company_id) and pool.has_slot_for(queue.company_id)

        while self._all.in_use < self._all.total and pool.in_use < pool.total:
            served = ready.pop(may_take)
            if served is None:
                break
            queue = served[1]
            if ready is not self._ready_of(queue):
                continue  # its trust has changed, so it is queued with the others
            queue.queued = False
            if queue.waiting and self.take(queue):
                job = queue.waiting.popleft()
                self.line_up(queue)
                return job
            # the queue uses all slots that it may have: it is queued again when a slot is returned
        return None

    def _ready_of(self, queue: SubscriptionQueue) -> FairQueue[int, SubscriptionQueue]:
        return self._trusted_ready if queue.is_trusted else self._untrusted_ready

    def _give_back(self, queue: SubscriptionQueue) -> None:
        queue.in_flight -= 1
        self._all.take(queue.company_id, -1)
        if not queue.is_trusted:
            self._untrusted.take(queue.company_id, -1)

    def _limit_of(self, queue: SubscriptionQueue) -> int:
        limit = self._per_subscription if queue.is_trusted else self._untrusted_per_subscription
        if queue.ramp:
            limit = min(limit, queue.ramp)
        return limit if queue.gate is None else min(limit, queue.gate.places)
