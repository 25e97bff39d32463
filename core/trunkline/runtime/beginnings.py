"""Limits the work that begins in one iteration of the event loop, so that calls are answered in between.

An attempt blocks the loop for some 50 µs, a new connection with TLS for a millisecond, and up to 512 may be in flight.
Without a limit hundreds could begin in one iteration, and answering a call takes some ten iterations.
"""

import asyncio
from collections import OrderedDict, deque

_Lines = OrderedDict[int, deque[tuple[asyncio.Future[None], int]]]


class Beginnings:
    """Starts up to *most* units of work in each iteration of the loop; waiting companies take turns.

    Work with *later* gets a quarter of the units of each iteration, and the units that other work leaves unused.
    """

    __slots__ = ("_left", "_lines", "_most")

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._lines: tuple[_Lines, _Lines] = OrderedDict(), OrderedDict()

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
        self._lines[later].setdefault(company_id, deque()).append((begins, units))
        await begins

    def _begin_turn(self) -> None:
        """Start an iteration with the waiting work."""
        self._left = self._most
        lines, later = self._lines
        self._begin(lines, least=self._most // 4 if later else 0)
        self._begin(later, least=0)
        if self._left < self._most:
            asyncio.get_running_loop().call_soon(self._begin_turn)

    def _begin(self, lines: _Lines, *, least: int) -> None:
        """Begin the waiting work in *lines* until *least* or fewer units are left."""
        while lines and self._left > least:
            company_id, line = lines.popitem(last=False)
            begins, units = line.popleft()
            if line:
                lines[company_id] = line
            if not begins.done():  # otherwise it was cancelled
                begins.set_result(None)
                self._left -= units
