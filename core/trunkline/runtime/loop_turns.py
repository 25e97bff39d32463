"""Turns on the event loop: work that may take long gives way every few milliseconds.

Whatever matches many events does so in turns: the reader, replays, what explains and what audits. Between two turns the
loop does what else is waiting, so that no company's filters keep another company's call waiting.
"""

import asyncio
import time
from collections.abc import Callable

TURN_SECONDS = 0.005
REST_SECONDS = 0.001


class LoopTurns:
    """The turns of one piece of work, the first of which begins now. *now* tells seconds that only grow."""

    __slots__ = ("_ends", "_now", "taken")

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ends = now() + TURN_SECONDS
        self.taken = 0
        """How many times it gave way."""

    async def give_way(self) -> None:
        """Let others have the loop if this turn is over; called every few microseconds, as it costs a look at the clock.

        They get a millisecond: what answers a request comes back to the loop many times.
        """
        if self._now() >= self._ends:
            self.taken += 1
            await asyncio.sleep(REST_SECONDS)
            self._ends = self._now() + TURN_SECONDS
