"""Gates: when attempts of subscriptions with a pace may begin. No I/O.

A pace limits the rate of a subscription's attempts, or their number in flight. The worker that holds a company's shard
makes all of these attempts, so one gate counts them all. A new holder has no record of the attempts that the last
holder began, so its gates stay closed for one interval. If the number in flight is limited, the gates also stay closed
until the number of attempts that other workers have in flight (``elsewhere``) was read from the ledger.
"""

import asyncio
import time

from trunkline.dispatch.shards.progress import Progress
from trunkline.model.pace import Pace
from trunkline.store.wakeup import Signal

SHARE_SECONDS = 0.5
"""The new deliveries that may wait in memory are limited to those whose attempts can begin in this time.

Claimed deliveries have the same limit.
"""
MOST_WAITING = 256
"""Upper bound of the new deliveries, and of the claimed deliveries, that wait in memory."""
NO_BOUND = 2**31


class Gate:
    """The gate of one subscription, in the worker that holds the shard of *progress*."""

    __slots__ = ("_next", "elsewhere", "pace", "progress", "timer")

    def __init__(self, pace: Pace, progress: Progress) -> None:
        self.pace = pace
        self.progress = progress
        self.elsewhere: int | None = None if pace.max_in_flight else 0
        """Attempts that other workers have in flight; None until it is read from the ledger."""
        self.timer: asyncio.TimerHandle | None = None
        """Wakes the waiting deliveries when the next attempt may begin."""
        self._next = 0.0
        """When the next attempt would begin if no attempt was late (*theoretical arrival time* of the generic cell rate algorithm)."""

    def change(self, pace: Pace) -> None:
        """Change the pace. The next attempt begins one interval of the new pace later."""
        if pace.max_in_flight and self.pace.max_in_flight is None:
            self.elsewhere = None
        self.pace = pace
        if pace.rate is not None:
            self._next = time.monotonic() + pace.rate.tolerance + pace.rate.interval

    @property
    def places(self) -> int:
        """How many attempts may be in flight in this worker."""
        if self.pace.max_in_flight is None:
            return NO_BOUND
        return 0 if self.elsewhere is None else self.pace.max_in_flight - self.elsewhere

    @property
    def is_open(self) -> bool:
        """Whether the lease surely holds and the number of attempts in flight elsewhere is known."""
        progress = self.progress
        return not progress.lost and time.monotonic() < progress.valid_until and self.elsewhere is not None

    def begin(self) -> bool:
        """If an attempt may begin now, count it and return True; otherwise return False."""
        if not self.is_open or self.wait() > 0:
            return False
        if self.pace.rate is not None:
            self._next = max(self._due(), time.monotonic()) + self.pace.rate.interval
        return True

    def wait(self) -> float:
        """Return the seconds until the rate limit allows the next attempt to begin."""
        rate = self.pace.rate
        return 0.0 if rate is None else max(self._due() - rate.tolerance - time.monotonic(), 0.0)

    @property
    def share(self) -> int:
        """How many new deliveries may wait in memory; the same limit applies, separately, to claimed deliveries."""
        rate = self.pace.rate
        if rate is None:
            return MOST_WAITING
        return min(max(int(SHARE_SECONDS / rate.interval), 1), MOST_WAITING)

    def _due(self) -> float:
        """Return when the next attempt is due (monotonic seconds): at the earliest one interval after the shard was taken."""
        assert self.pace.rate is not None
        rate = self.pace.rate
        return max(self._next, self.progress.since + rate.tolerance + rate.interval)


class Gates:
    """The gates of one worker.

    *signal* is set if a gate may let claimed deliveries begin, or if a gate needs the number of attempts in flight elsewhere.
    """

    __slots__ = ("_by_no", "signal")

    def __init__(self) -> None:
        self.signal = Signal()
        self._by_no: dict[int, Gate] = {}

    def of(self, subscription_no: int, pace: Pace, progress: Progress) -> Gate:
        """Return the gate of a subscription, set to its current *pace*."""
        gate = self._by_no.get(subscription_no)
        if gate is None or gate.progress is not progress:
            gate = self._by_no[subscription_no] = Gate(pace, progress)
            self.signal.set()
        elif gate.pace != pace:
            gate.change(pace)
            self.signal.set()
        return gate

    def unsure(self) -> dict[int, Gate]:
        """Return the gates, by subscription, that need the number of attempts in flight elsewhere."""
        return {no: gate for no, gate in self._by_no.items() if gate.elsewhere != 0}

    def forget(self) -> None:
        """Drop the gates of lost shards."""
        for no in [no for no, gate in self._by_no.items() if gate.progress.lost]:
            del self._by_no[no]
