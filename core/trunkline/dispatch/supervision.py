"""Keeps the dispatcher's parts running: one that fails for a reason that it does not know begins again after a pause.

Before that the worker gives everything back and rests, so that others deliver meanwhile, and whatever the part left half done
is read again. One that fails again and again ends the process, which whoever started it starts again; so does, at once, one
that finds the settings of this process at fault: keys that are no longer those of the database, say.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from trunkline.errors import SettingsInvalid

MAX_FAILURES = 5
WITHIN_SECONDS = 300.0
"""A part that fails ``MAX_FAILURES`` times within this time cannot go on."""
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
_log = logging.getLogger(__name__)

Run = Callable[[], Awaitable[None]]
"""Run a part until it is cancelled."""


class Supervision:
    """Runs parts. *rest* gives back what the worker has, for the seconds that it is told."""

    def __init__(self, rest: Callable[[float], Awaitable[None]]) -> None:
        self._rest = rest
        self.has_failed = asyncio.Event()
        """Set when a part cannot go on."""

    async def keep(self, name: str, run: Run, *, is_vital: bool = True) -> None:
        """Run a part until it is cancelled. One that is not vital takes nobody else with it, however often it fails."""
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
