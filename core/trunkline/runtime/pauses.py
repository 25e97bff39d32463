"""Pauses on the event loop: long work yields every few milliseconds.

Every task that matches many events uses it: the matching lane, replays, explain and audit. In a pause the loop runs
other tasks, so that one company's filters do not delay another company's call.
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
"""Work that yields every few milliseconds, and returns its value at the end."""


def run_through(steps: Steps[Value], *, rest_seconds: float = 0.0) -> Value:
    """Run all *steps*. A caller in a thread sleeps *rest_seconds* between them, so that other threads get the interpreter."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        if rest_seconds:
            time.sleep(rest_seconds)


async def run_with_pauses(steps: Steps[Value]) -> Value:
    """Run *steps*, and yield to the loop between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        await asyncio.sleep(PAUSE_SECONDS)


async def run_in_turns(steps: Steps[Value], turns: Turns, company_id: int) -> Value:
    """Run *steps*. Each step except the first waits for a turn of the company, and keeps it until other tasks have run.

    So all the work that shares *turns* together takes no more of the loop than a single piece of work.
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
    """The pauses of one piece of work; a pause is due every few milliseconds. *now* gives monotonic seconds."""

    __slots__ = ("_due", "_now", "taken")

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or time.monotonic
        self._due = self._now() + STRETCH_SECONDS
        self.taken = 0

    async def pause_if_due(self) -> None:
        """Yield to the loop if a pause is due. It may be called every few microseconds, as it only reads the clock.

        Other tasks get up to a millisecond, as answering a request takes many iterations of the loop.
        """
        if self._now() >= self._due:
            self.taken += 1
            await asyncio.sleep(PAUSE_SECONDS)
            self._due = self._now() + STRETCH_SECONDS
