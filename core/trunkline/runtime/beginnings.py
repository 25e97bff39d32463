"""Beginning work a little at a time, so that the event loop comes back to everybody's calls in between.

An attempt takes some 50 µs of the loop, a new connection with TLS a millisecond, and up to 512 may be in flight: begun as their
predecessors end, hundreds of them would stand in one turn of the loop, and an answer to a call needs some ten turns.
"""

import asyncio
from collections import OrderedDict, deque

_Lines = OrderedDict[int, deque[tuple[asyncio.Future[None], int]]]


class Beginnings:
    """Lets work of *most* units begin in each turn of the loop; companies that wait have their turns one after the other.

    Work that may come *later* has a quarter of each turn, and what the other work leaves.
    """

    __slots__ = ("_left", "_lines", "_most")

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._lines: tuple[_Lines, _Lines] = OrderedDict(), OrderedDict()

    def try_take(self, units: int = 1) -> bool:
        """Tell whether work of so many units may begin in this turn; it is counted then. The last may exceed the turn."""
        if self._left <= 0:
            return False
        if self._left == self._most:
            asyncio.get_running_loop().call_soon(self._begin_turn)
        self._left -= units
        return True

    async def wait(self, company_id: int, units: int = 1, *, later: bool = False) -> None:
        """Return when work of a company may begin; it is counted."""
        begins = asyncio.get_running_loop().create_future()
        self._lines[later].setdefault(company_id, deque()).append((begins, units))
        await begins

    def _begin_turn(self) -> None:
        """Begin a turn with what waits."""
        self._left = self._most
        lines, later = self._lines
        self._begin(lines, least=self._most // 4 if later else 0)
        self._begin(later, least=0)
        if self._left < self._most:
            asyncio.get_running_loop().call_soon(self._begin_turn)

    def _begin(self, lines: _Lines, *, least: int) -> None:
        """Begin what waits in *lines*, until no more than *least* units are left."""
        while lines and self._left > least:
            company_id, line = lines.popitem(last=False)
            begins, units = line.popleft()
            if line:
                lines[company_id] = line
            if not begins.done():  # else it was cancelled
                begins.set_result(None)
                self._left -= units
