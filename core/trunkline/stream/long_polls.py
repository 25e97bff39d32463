"""Limits the number of calls that wait for events at the same time, per company and in the whole process."""

import contextlib
from collections.abc import AsyncGenerator

from trunkline.errors import TooMuchAtOnce
from trunkline.runtime.turns import Turns
from trunkline.settings import Limits

RETRY_SECONDS = 5


class LongPolls:
    """Counts the waiting calls."""

    def __init__(self, settings: Limits) -> None:
        self._limit, self._limit_in_all = settings.long_polls, settings.long_polls_in_all
        self._turns = (
            Turns(share=settings.long_polls, total=settings.long_polls_in_all) if settings.enabled else None
        )

    @contextlib.asynccontextmanager
    async def of(self, company_id: int) -> AsyncGenerator[None]:
        """Count a waiting call of a company while the block runs. Raises TooMuchAtOnce at the limit."""
        if self._turns is None:
            yield
            return
        if not self._turns.try_take(company_id):
            is_own = self._turns.taken(company_id) >= self._limit
            limit = self._limit if is_own else self._limit_in_all
            things = "long polls"
            raise TooMuchAtOnce(things, limit=limit, is_own=is_own, retry_after_seconds=RETRY_SECONDS)
        try:
            yield
        finally:
            self._turns.give_back(company_id)
