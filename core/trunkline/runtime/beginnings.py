"""Limits the work that begins in one iteration of the event loop, so that calls are answered in between.

An attempt blocks the loop for some 50 µs, a new connection with TLS for a millisecond, and up to 512 may be in flight.
Without a limit hundreds could begin in one iteration, and answering a call takes some ten iterations.
"""

import asyncio

from trunkline.runtime.fair_queue import FairQueue

_Queue = FairQueue[int, tuple[asyncio.Future[None], int]]


class Beginnings:
    """Starts up to *most* units of work in each iteration of the loop; waiting companies take turns.

    Work with *later* gets a quarter of the units of each iteration, and the units that other work leaves unused.
    """

    __slots__ = ("_later", "_left", "_most", "_queue")

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._queue: _Queue = FairQueue()
        self._later: _Queue = FairQueue()

    def try_take(self, units: int = 1) -> bool:
        """Count work of *units* and return True if it may begin in this iteration. The last work may exceed the limit."""
        if self._left <= 0:
            return False
        if self._left == self._most:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._left -= units
        return True

    async def wait(self, company_id: int, units: int = 1, *, later: bool = False) -> None:
        """Wait until work of a company may begin, and count it."""
        begins = asyncio.get_running_loop().create_future()
        (self._later if later else self._queue).put(company_id, (begins, units))
        await begins

    def _begin_turn(self) -> None:
        self._left = self._most
        self._begin(self._queue, least=self._most // 4 if self._later else 0)
        self._begin(self._later, least=0)
        if self._left < self._most:
            asyncio.get_running_loop().call_soon(self._begin_turn)

    def _begin(self, queue: _Queue, *, least: int) -> None:
        """Begin the waiting work in *queue* until *least* or fewer units are left."""
        while self._left > least and (served := queue.pop()) is not None:
            _, (begins, units) = served
            if not begins.done():  # otherwise it was cancelled
                begins.set_result(None)
                self._left -= units
