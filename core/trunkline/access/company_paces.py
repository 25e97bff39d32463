"""A company's rate limits, as token buckets: events per second, and name lookups per minute. Each process counts separately."""

import math
import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from trunkline.access.company_limits import CompanyLimits
from trunkline.errors import TooFast
from trunkline.model.principals import Principal

EVENT_BURST_SECONDS = 10.0
"""The largest burst: a company may send as many events at once as its pace allows in this number of seconds."""
_SWEEP_SECONDS = 60.0


class _Budget(Struct):
    level: float
    filled: float


class Pace:
    """Budgets of companies, each of at most *burst_seconds* of its pace. *now* gives monotonic seconds.

    A budget above zero admits a call of any size. The budget may then be negative, and must be refilled above zero before the
    next call. So no batch is too large for its pace, and the average rate does not exceed the pace.
    """

    def __init__(self, *, burst_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst_seconds = burst_seconds
        self._now = now
        self._budgets: dict[int, _Budget] = {}
        self._swept = now()

    def take(self, company_id: int, amount: int, *, per_second: float) -> float:
        """Take *amount* from a company's budget and return 0.

        If the budget is empty, take nothing and return the seconds to wait.
        """
        now = self._now()
        if now - self._swept > _SWEEP_SECONDS:
            self._swept = now
            for owner, held in list(self._budgets.items()):
                if held.level > 0 and now - held.filled > self._burst_seconds:  # long full again
                    del self._budgets[owner]
        full = per_second * self._burst_seconds
        budget = self._budgets.get(company_id)
        if budget is None:
            budget = self._budgets[company_id] = _Budget(full, now)
        else:
            budget.level = min(full, budget.level + (now - budget.filled) * per_second)
            budget.filled = now
        if budget.level <= 0:
            return max(-budget.level / per_second, 1e-3)
        budget.level -= amount
        return 0.0


class EventPace:
    """The limit of events that a company may send per second (``events_per_second``).

    The limit applies to calls with a company's keys. To calls with an operator's key, which emit the product's own events, it
    applies only if the operator set a pace for the company.
    """

    def __init__(self, limits: CompanyLimits, *, is_enabled: bool) -> None:
        self._limits = limits
        self._is_enabled = is_enabled
        self._pace = Pace(burst_seconds=EVENT_BURST_SECONDS)

    async def take(self, principal: Principal, events: Mapping[int, int]) -> None:
        """Count the *events* of each company. Raises TooFast if a company exceeds its pace."""
        if not self._is_enabled:
            return
        for company_id, count in events.items():
            quotas = await self._limits.of(company_id)
            if principal.company_id is None and not quotas.is_paced:
                continue
            per_second = quotas.events_per_second
            if wait := self._pace.take(company_id, count, per_second=per_second):
                pace, seconds = "events a second", math.ceil(wait)
                raise TooFast("events_per_second", per_second, pace=pace, retry_after_seconds=seconds)


class LookupPace:
    """The limit of lookups of target names for a company (``lookups_per_minute``)."""

    def __init__(self, limits: CompanyLimits, *, is_enabled: bool) -> None:
        self._limits = limits
        self._is_enabled = is_enabled
        self._pace = Pace(burst_seconds=60.0)

    async def may_look_up(self, tenant: int) -> bool:
        """Count a lookup (``outbound.MayLookUp``); calls without a company have no limit."""
        if not self._is_enabled or not tenant:
            return True
        per_minute = (await self._limits.of(tenant)).lookups_per_minute
        return not self._pace.take(tenant, 1, per_second=per_minute / 60)
