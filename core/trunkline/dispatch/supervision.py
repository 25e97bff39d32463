"""Keeps the dispatcher's parts running: a part that fails with an unexpected error is restarted after a pause.

Before the pause the worker releases everything and rests. So other workers deliver during the pause, and read the
unfinished work again. If a part fails repeatedly, it ends the process, and the process's supervisor restarts it. If a
part finds that this process's settings are wrong, for example keys that differ from the database's, it ends the process
at once.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from trunkline.errors import SettingsInvalid, StoreUnavailable
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
"""How long a part waits if the database does not answer."""

MAX_FAILURES = 5
WITHIN_SECONDS = 300.0
"""A part that fails ``MAX_FAILURES`` times within this time ends the process."""
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
_log = logging.getLogger(__name__)

Run = Callable[[], Awaitable[None]]
"""Runs a part until it is cancelled."""
Step = Callable[[], Awaitable[float | None]]
"""Does the work that is due. Returns the seconds until the next step; None if only a signal starts it."""


def repeating(what: str, step: Step, signal: Signal | None = None) -> Run:
    """Return a part that takes one *step* after the other, each at its time or as soon as *signal* is set.

    If the database does not answer, the log says once that *what* is not possible.
    """
    wakes = signal or Signal()

    async def run() -> None:
        is_told = False
        while True:
            try:
                wait = await step()
                is_told = False
            except StoreUnavailable as error:
                _log.log(logging.DEBUG if is_told else logging.WARNING, "cannot %s now: %s", what, error)
                wait, is_told = LOOK_SECONDS, True
            if wait == 0:
                await asyncio.sleep(0)
            else:
                await wakes.wait(wait)

    return run


class Supervision:
    """Runs parts. *rest* releases the worker's shards and claims for the given seconds."""

    def __init__(self, rest: Callable[[float], Awaitable[None]]) -> None:
        self._rest = rest
        self.has_failed = asyncio.Event()
        """Set when a part has failed permanently."""

    async def keep(self, name: str, run: Run, *, is_vital: bool = True) -> None:
        """Run a part until it is cancelled, and restart it after failures.

        The failures of a part that is not vital never stop other parts.
        """
        failures: deque[float] = deque(maxlen=MAX_FAILURES)
        while True:
            try:
                await run()
            except SettingsInvalid as error:
                _log.critical("the dispatcher's %s stops, as no pause mends this: %s", name, error)
                self.has_failed.set()
                raise
            except Exception as error:
                failures.append(time.monotonic())
                recent = sum(failures[-1] - failed < WITHIN_SECONDS for failed in failures)
                if is_vital and recent == MAX_FAILURES:
                    _log.critical("the dispatcher's %s failed %d times and stops", name, recent)
                    self.has_failed.set()
                    raise
                pause = PAUSES[recent - 1]
                _log.exception(
                    "the dispatcher's %s failed and begins again in %g s", name, pause, exc_info=error
                )
                if is_vital:
                    await self._rest(pause)
                await asyncio.sleep(pause)
            else:
                return
