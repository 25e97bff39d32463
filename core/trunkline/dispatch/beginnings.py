"""Beginning attempts a few at a time, so that the event loop comes back to everybody's calls between them.

An attempt takes some 50 µs of the loop, and up to 512 may be in flight: begun as their predecessors end, hundreds of them
would stand in one turn of the loop, and an answer to a call needs some ten turns.
"""

import asyncio
from collections import OrderedDict, deque

MOST = 4
"""Attempts that begin in one turn of the loop."""


class Beginnings:
    """Lets ``MOST`` begin in each turn of the loop; companies whose attempts wait have their turns one after the other."""

    __slots__ = ("_left", "_lines")

    def __init__(self) -> None:
        self._left = MOST
        self._lines: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    def try_take(self) -> bool:
        """Tell whether an attempt may begin in this turn; it is counted then."""
        if not self._left:
            return False
        if self._left == MOST:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._left -= 1
        return True

    async def wait(self, company_id: int) -> None:
        """Return when an attempt of a company may begin; it is counted."""
        begins = asyncio.get_running_loop().create_future()
        self._lines.setdefault(company_id, deque()).append(begins)
        await begins

    def _begin_turn(self) -> None:
        """Begin a turn with those that wait."""
        self._left = MOST
        while self._lines and self._left:
            company_id, line = self._lines.popitem(last=False)
            begins = line.popleft()
            if line:
                self._lines[company_id] = line
            if not begins.done():  # else it was cancelled
                begins.set_result(None)
                self._left -= 1
        if self._left < MOST:
            asyncio.get_running_loop().call_soon(self._begin_turn)
