"""Slots for attempts in flight: the bounds that keep a slow target from delaying others. No I/O, no clock.

A subscription whose last attempt succeeded in time is *trusted*. The others (new, failing, slow) share at most half of
the slots and get a few each, so however many of them hang, half of the slots stay with the healthy.
"""

from collections import deque
from typing import Generic, TypeVar

Job = TypeVar("Job")

UNTRUSTED_EACH = 8
"""Slots of one subscription that is new, failing or slow."""
BACKLOG_TRUSTED = 512
BACKLOG_UNTRUSTED = 128
"""Deliveries of one subscription that may wait in memory; what exceeds them waits in the database."""


class Standing(Generic[Job]):
    """One subscription: its slots in use, whether it is trusted, and its jobs that wait for a slot."""

    __slots__ = ("in_flight", "is_failing", "is_trusted", "queued", "subscription_no", "waiting")

    def __init__(self, subscription_no: int) -> None:
        self.subscription_no = subscription_no
        self.in_flight = 0
        self.is_trusted = False
        self.is_failing = False
        self.queued = False
        self.waiting: deque[Job] = deque()


class Slots(Generic[Job]):
    """The slots of one process, and who may have the next one."""

    def __init__(self, total: int, *, per_subscription: int) -> None:
        self._total = total
        self._untrusted_total = max(total // 2, 1)
        self._per_subscription = per_subscription
        self._untrusted_per_subscription = min(per_subscription, UNTRUSTED_EACH)
        self._standings: dict[int, Standing[Job]] = {}
        self._ready: dict[bool, deque[Standing[Job]]] = {True: deque(), False: deque()}
        self.in_use = 0
        self.untrusted = 0
        self.busy: set[int] = set()
        """Numbers of the subscriptions that have all the slots they may have."""

    def standing(self, subscription_no: int) -> Standing[Job]:
        """Give the standing of subscription number *subscription_no*."""
        standing = self._standings.get(subscription_no)
        if standing is None:
            standing = self._standings[subscription_no] = Standing(subscription_no)
        return standing

    def forget(self, subscription_no: int) -> None:
        """Forget the standing of a subscription that is no longer served."""
        standing = self._standings.get(subscription_no)
        if standing is not None and not standing.in_flight and not standing.waiting:
            del self._standings[subscription_no]

    @property
    def free(self) -> int:
        """How many slots are free."""
        return max(self._total - self.in_use, 0)

    def take(self, standing: Standing[Job]) -> bool:
        """Take a slot, if *standing* may have one more."""
        limit = self._per_subscription if standing.is_trusted else self._untrusted_per_subscription
        if standing.in_flight >= limit or self.in_use >= self._total:
            return False
        if not standing.is_trusted:
            if self.untrusted >= self._untrusted_total:
                return False
            self.untrusted += 1
        standing.in_flight += 1
        self.in_use += 1
        if standing.in_flight == limit:
            self.busy.add(standing.subscription_no)
        return True

    def queue(self, standing: Standing[Job], job: Job) -> bool:
        """Let *job* wait for a slot in memory, if there is room to wait."""
        limit = BACKLOG_TRUSTED if standing.is_trusted else 0 if standing.is_failing else BACKLOG_UNTRUSTED
        if len(standing.waiting) >= limit:
            return False
        standing.waiting.append(job)
        self._enqueue(standing)
        return True

    def release(self, standing: Standing[Job], *, succeeded: bool) -> None:
        """Return a slot after an attempt that *succeeded* in time or did not."""
        standing.in_flight -= 1
        self.in_use -= 1
        if not standing.is_trusted:
            self.untrusted -= 1
        self.set_trust(standing, succeeded=succeeded)
        self._enqueue(standing)

    def set_trust(self, standing: Standing[Job], *, succeeded: bool) -> None:
        """Set whether *standing* is trusted; its slots in use count for that group from now on."""
        standing.is_failing = not succeeded
        if standing.is_trusted != succeeded:
            standing.is_trusted = succeeded
            self.untrusted += -standing.in_flight if succeeded else standing.in_flight
            standing.queued = False
            self._enqueue(standing)
        if standing.in_flight < self._limit_of(standing):
            self.busy.discard(standing.subscription_no)
        else:
            self.busy.add(standing.subscription_no)

    def next_waiting(self) -> Job | None:
        """Take a slot for the next job in line that may have one, the trusted first."""
        for trusted, line in self._ready.items():
            while line and self.in_use < self._total and (trusted or self.untrusted < self._untrusted_total):
                standing = line.popleft()
                if standing.is_trusted != trusted:
                    continue  # its trust has changed: it stands in the other line
                standing.queued = False
                if standing.waiting and self.take(standing):
                    job = standing.waiting.popleft()
                    self._enqueue(standing)
                    return job
                # all its own slots are taken: it lines up again when one of them comes back
        return None

    def _limit_of(self, standing: Standing[Job]) -> int:
        return self._per_subscription if standing.is_trusted else self._untrusted_per_subscription

    def _enqueue(self, standing: Standing[Job]) -> None:
        if standing.waiting and not standing.queued:
            standing.queued = True
            self._ready[standing.is_trusted].append(standing)
