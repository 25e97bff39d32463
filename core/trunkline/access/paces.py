"""Rate limits as token buckets: a company's budget fills at its pace, and each call takes from it."""

import time
from collections.abc import Callable

from msgspec import Struct

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
