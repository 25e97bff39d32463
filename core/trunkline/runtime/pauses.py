"""Pauses on the event loop: work that may take long lets others have the loop every few milliseconds.

Whatever matches many events pauses so: the matching lane, replays, what explains and what audits. In a pause the loop does
what else is waiting, so that no company's filters keep another company's call waiting.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from trunkline.runtime.turns import Turns

STRETCH_SECONDS = 0.005
PAUSE_SECONDS = 0.001

Value = TypeVar("Value")
Steps = Generator[None, None, Value]
"""Work in steps of a few milliseconds, which gives its value in the end."""


def run_through(steps: Steps[Value], *, rest_seconds: float = 0.0) -> Value:
    """Do all *steps*. In a thread it rests between them: others find the interpreter free, and need not take it from it."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        if rest_seconds:
            time.sleep(rest_seconds)


async def run_with_pauses(steps: Steps[Value]) -> Value:
    """Do *steps*, and let others have the loop between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        await asyncio.sleep(PAUSE_SECONDS)


async def run_in_turns(steps: Steps[Value], turns: Turns, company_id: int) -> Value:
    """Do *steps*, each but the first with a turn of the company's, which it holds until others have had the loop.

    So what all that share *turns* do takes no more of the loop than one of them alone does.
    """
    try:
        next(steps)
        while True:
            async with turns.turn(company_id):
                next(steps)
                await asyncio.sleep(PAUSE_SECONDS)
    except StopIteration as end:
        value: Value = end.value
        return value


class Pauses:
    """The pauses of one piece of work, the first stretch of which begins now. *now* tells seconds that only grow."""

    __slots__ = ("_due", "_now", "taken")

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or time.monotonic
        self._due = self._now() + STRETCH_SECONDS
        self.taken = 0

    async def pause_if_due(self) -> None:
        """Let others have the loop if this stretch is over; called every few microseconds, as it costs a look at the clock.

        They get up to a millisecond: a request comes back to the loop many times before it is answered.
        """
        if self._now() >= self._due:
            self.taken += 1
            await asyncio.sleep(PAUSE_SECONDS)
            self._due = self._now() + STRETCH_SECONDS
