"""Fair shares of a scarce resource: limits in total and per company, and a queue in which the companies take turns."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from trunkline.errors import TooMuchAtOnce
from trunkline.runtime.fair_queue import FairQueue


class Turns:
    """Hands out turns to use a resource: at most *total* at once (None: without limit), at most *share* of them to one company."""

    __slots__ = ("_free", "_queue", "_share", "_taken")

    def __init__(self, *, share: int, total: int | None = None) -> None:
        self._share = share
        self._free = total
        self._taken: dict[int, int] = {}
        self._queue: FairQueue[int, asyncio.Future[None]] = FairQueue()

    def taken(self, company_id: int) -> int:
        """Return the number of turns that a company holds."""
        return self._taken.get(company_id, 0)

    def waiting(self, company_id: int) -> int:
        """Return the length of a company's queue."""
        return self._queue.waiting(company_id)

    def try_take(self, company_id: int) -> bool:
        """Take a turn for a company, if one is free now; ``give_back`` must follow."""
        if not self._may(company_id):
            return False
        self._take(company_id)
        return True

    async def take(self, company_id: int, *, wait_seconds: float | None = None) -> None:
        """Take a turn, waiting up to *wait_seconds* (None: without limit); ``give_back`` must follow. Raises TimeoutError."""
        if self.try_take(company_id):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put(company_id, turn)
        try:
            async with asyncio.timeout(wait_seconds):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # the turn was given at the moment of the timeout
                self.give_back(company_id)
            else:
                self._queue.remove(company_id, turn)
            raise

    def give_back(self, company_id: int) -> None:
        """End a turn; the next one in the queue begins at once."""
        left = self._taken[company_id] - 1
        if left:
            self._taken[company_id] = left
        else:
            del self._taken[company_id]
        if self._free is not None:
            self._free += 1
        while (served := self._queue.pop(lambda waiting_id, _: self._may(waiting_id))) is not None:
            next_id, turn = served
            if not turn.done():
                self._take(next_id)
                turn.set_result(None)

    @contextlib.asynccontextmanager
    async def turn(
        self,
        company_id: int,
        *,
        wait_seconds: float | None = None,
        things: str = "calls",
        limit: int | None = None,
    ) -> AsyncGenerator[None]:
        """Take a turn, waiting as ``take`` does, and give it back at the end.

        Raises TooMuchAtOnce: no turn became free in time. *things* and *limit* are for its sentence.
        """
        try:
            await self.take(company_id, wait_seconds=wait_seconds)
        except TimeoutError:
            retry_after_seconds = int(wait_seconds or 0) or 1
            raise TooMuchAtOnce(things, limit=limit, retry_after_seconds=retry_after_seconds) from None
        try:
            yield
        finally:
            self.give_back(company_id)

    def _may(self, company_id: int) -> bool:
        return self._free != 0 and self._taken.get(company_id, 0) < self._share

    def _take(self, company_id: int) -> None:
        self._taken[company_id] = self._taken.get(company_id, 0) + 1
        if self._free is not None:
            self._free -= 1
