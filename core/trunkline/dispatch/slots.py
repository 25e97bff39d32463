"""Slots for attempts in flight: the bounds that keep a slow target from delaying others. No I/O, no clock.

A subscription whose last attempt succeeded in time is *trusted*. The others (new, failing, slow) share at most half of
the slots and get a few each, so however many of them hang, half of the slots stay with the healthy.

One that has failed ``DOWN_AFTER`` times in a row has one slot, and when it succeeds again one more for each success: 1, 2, 4, …
at once, until it has its share. So a target that returns is not met by all that has waited for it.

Of all slots, and of that half, the last quarter is for companies that have less than a quarter, so that one company with many
subscriptions leaves some to the others. Companies that wait have their turns one after the other, and so have the
subscriptions of each.
"""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

from trunkline.dispatch.gates import Gate

Job = TypeVar("Job")

UNTRUSTED_EACH = 8
"""Slots of one subscription that is new, failing or slow."""
DOWN_AFTER = 16
"""Failures in a row after which a target is taken to be down."""
BACKLOG_TRUSTED = 512
BACKLOG_UNTRUSTED = 128
"""Deliveries of one subscription that may wait in memory; what exceeds them waits in the database."""


class Standing(Generic[Job]):
    """One subscription: its slots in use, whether it is trusted, and its jobs that wait for a slot."""

    __slots__ = (
        "company_id",
        "failures",
        "gate",
        "in_flight",
        "is_failing",
        "is_trusted",
        "queued",
        "ramp",
        "subscription_no",
        "waiting",
    )

    def __init__(self, subscription_no: int, company_id: int) -> None:
        self.subscription_no = subscription_no
        self.company_id = company_id
        self.gate: Gate | None = None
        """What its attempts have to pass, where it has a pace."""
        self.in_flight = 0
        self.is_trusted = False
        self.is_failing = False
        self.failures = 0
        """Failures in a row."""
        self.ramp = 0
        """Slots that it may have while it is down or has just returned; 0 where it has its share."""
        self.queued = False
        self.waiting: deque[Job] = deque()


class Pool:
    """A number of slots: how many are in use, and how many of them by each company."""

    __slots__ = ("_company_share", "_in_use_by", "_shared", "in_use", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.in_use = 0
        self._company_share = max(total // 4, 1)
        self._shared = total - total // 4
        self._in_use_by: dict[int, int] = {}

    def has_slot_for(self, company_id: int) -> bool:
        """Tell whether a company may have one more."""
        if self.in_use < self._shared:
            return True
        return self.in_use < self.total and self._in_use_by.get(company_id, 0) < self._company_share

    def take(self, company_id: int, count: int = 1) -> None:
        """Count *count* more; fewer where it is negative."""
        self.in_use += count
        if in_use := self._in_use_by.get(company_id, 0) + count:
            self._in_use_by[company_id] = in_use
        else:
            self._in_use_by.pop(company_id, None)


class Slots(Generic[Job]):
    """The slots of one process, and who may have the next one."""

    def __init__(self, total: int, *, per_subscription: int) -> None:
        self._all = Pool(total)
        self._untrusted = Pool(max(total // 2, 1))
        self._per_subscription = per_subscription
        self._untrusted_per_subscription = min(per_subscription, UNTRUSTED_EACH)
        self._standings: dict[int, Standing[Job]] = {}
        self._ready: dict[bool, OrderedDict[int, deque[Standing[Job]]]] = {
            True: OrderedDict(),
            False: OrderedDict(),
        }
        self.busy: set[int] = set()
        """Numbers of the subscriptions that have all the slots they may have."""
        self.refused: list[Standing[Job]] = []
        """Those whose gate let nothing begin, until whoever takes slots has looked at them."""

    def standing(self, subscription_no: int, company_id: int) -> Standing[Job]:
        """Give the standing of subscription number *subscription_no*, which is the company's."""
        standing = self._standings.get(subscription_no)
        if standing is None:
            standing = self._standings[subscription_no] = Standing(subscription_no, company_id)
        return standing

    def forget(self, subscription_no: int) -> None:
        """Forget the standing of a subscription that is no longer served."""
        standing = self._standings.get(subscription_no)
        if standing is not None and not standing.in_flight and not standing.waiting:
            del self._standings[subscription_no]

    @property
    def total(self) -> int:
        """How many slots there are."""
        return self._all.total

    @property
    def in_use(self) -> int:
        """How many slots are taken."""
        return self._all.in_use

    @property
    def untrusted(self) -> int:
        """How many of them by subscriptions that are not trusted."""
        return self._untrusted.in_use

    @property
    def free(self) -> int:
        """How many slots are free."""
        return max(self._all.total - self._all.in_use, 0)

    def take(self, standing: Standing[Job]) -> bool:
        """Take a slot, if *standing* may have one more."""
        limit, company_id = self._limit_of(standing), standing.company_id
        if standing.in_flight >= limit or not self._all.has_slot_for(company_id):
            return False
        if not standing.is_trusted and not self._untrusted.has_slot_for(company_id):
            return False
        if standing.gate is not None and not standing.gate.begin():
            self.refused.append(standing)
            return False
        if not standing.is_trusted:
            self._untrusted.take(company_id)
        self._all.take(company_id)
        standing.in_flight += 1
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

    def line_up(self, standing: Standing[Job]) -> None:
        """Let what waits of *standing* have a slot again, after its gate let nothing begin."""
        self._enqueue(standing)

    def room(self, standing: Standing[Job]) -> int:
        """Tell how many more slots *standing* itself may have."""
        return max(self._limit_of(standing) - standing.in_flight, 0)

    def room_of(self, subscription_no: int) -> int:
        """Tell how many of a subscription's due deliveries to claim: what may begin, and as much again where it is trusted."""
        standing = self._standings.get(subscription_no)
        if standing is None:
            return self._untrusted_per_subscription
        limit = self._limit_of(standing) * (2 if standing.is_trusted else 1)
        return max(limit - standing.in_flight - len(standing.waiting), 0)

    def is_down(self, subscription_no: int) -> bool:
        """Tell whether a subscription fails again and again, or has just returned: it has few slots, and takes them slowly."""
        standing = self._standings.get(subscription_no)
        return standing is not None and standing.ramp > 0

    def room_of_page(self, subscription_no: int) -> int | None:
        """Tell how many deliveries of a page of the log may come at once; None where its target may not keep up with them.

        Half of what may wait in memory is left to what comes otherwise.
        """
        standing = self._standings.get(subscription_no)
        if standing is None or not standing.is_trusted or standing.gate is not None or standing.ramp:
            return None
        return max(self.room(standing) + BACKLOG_TRUSTED // 2 - len(standing.waiting), 0)

    def release(self, standing: Standing[Job], *, succeeded: bool, failed: bool = False) -> None:
        """Return a slot after an attempt that *succeeded* in time, that *failed*, or neither."""
        if failed:
            self._slow_down(standing)
        elif standing.failures or standing.ramp:
            self._speed_up(standing)
        self._give_back(standing)
        self.set_trust(standing, succeeded=succeeded)
        self._enqueue(standing)

    def take_back(self, standing: Standing[Job]) -> None:
        """Return a slot whose attempt has said nothing about the target."""
        self._give_back(standing)
        if standing.in_flight < self._limit_of(standing):
            self.busy.discard(standing.subscription_no)
        self._enqueue(standing)

    def set_trust(self, standing: Standing[Job], *, succeeded: bool) -> None:
        """Set whether *standing* is trusted; its slots in use count for that group from now on."""
        standing.is_failing = not succeeded
        if standing.is_trusted != succeeded:
            standing.is_trusted = succeeded
            if standing.in_flight:
                self._untrusted.take(
                    standing.company_id, -standing.in_flight if succeeded else standing.in_flight
                )
            standing.queued = False
            self._enqueue(standing)
        if standing.in_flight < self._limit_of(standing):
            self.busy.discard(standing.subscription_no)
        else:
            self.busy.add(standing.subscription_no)

    def next_waiting(self) -> Job | None:
        """Take a slot for the next job in line that may have one, the trusted first."""
        for trusted, companies in self._ready.items():
            pool = self._all if trusted else self._untrusted
            for _ in range(len(companies)):
                if self._all.in_use >= self._all.total or pool.in_use >= pool.total:
                    break
                company_id, line = companies.popitem(last=False)
                may_take = self._all.has_slot_for(company_id) and pool.has_slot_for(company_id)
                job = self._next_of(line, trusted=trusted) if may_take else None
                if line:
                    companies[company_id] = line  # behind the others
                if job is not None:
                    return job
        return None

    def _next_of(self, line: deque[Standing[Job]], *, trusted: bool) -> Job | None:
        """Take a slot for the next job in the *line* of a company."""
        while line:
            standing = line.popleft()
            if standing.is_trusted != trusted:
                continue  # its trust has changed: it stands in the other line
            standing.queued = False
            if standing.waiting and self.take(standing):
                job = standing.waiting.popleft()
                if standing.waiting:
                    standing.queued = True
                    line.append(standing)
                return job
            # all its own slots are taken: it lines up again when one of them comes back
        return None

    def _give_back(self, standing: Standing[Job]) -> None:
        standing.in_flight -= 1
        self._all.take(standing.company_id, -1)
        if not standing.is_trusted:
            self._untrusted.take(standing.company_id, -1)

    def _slow_down(self, standing: Standing[Job]) -> None:
        standing.failures += 1
        if standing.failures >= DOWN_AFTER:
            standing.ramp = 1
        elif standing.ramp:
            standing.ramp = max(standing.ramp // 2, 1)

    def _speed_up(self, standing: Standing[Job]) -> None:
        standing.failures = 0
        if standing.ramp:
            standing.ramp += 1
            if standing.ramp >= self._per_subscription:
                standing.ramp = 0

    def _limit_of(self, standing: Standing[Job]) -> int:
        limit = self._per_subscription if standing.is_trusted else self._untrusted_per_subscription
        if standing.ramp:
            limit = min(limit, standing.ramp)
        return limit if standing.gate is None else min(limit, standing.gate.places)

    def _enqueue(self, standing: Standing[Job]) -> None:
        if standing.waiting and not standing.queued:
            standing.queued = True
            companies = self._ready[standing.is_trusted]
            line = companies.get(standing.company_id)
            if line is None:
                line = companies[standing.company_id] = deque()
            line.append(standing)
