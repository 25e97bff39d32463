"""Background work that runs as long as its process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Self

from trunkline.errors import StoreUnavailable

WITHOUT_DATABASE_SECONDS = 1.0
"""The shortest pause (seconds) after a step for which the database did not answer."""
AGAIN_SECONDS = 30.0
"""The pause (seconds) after an unexpected error."""
_log = logging.getLogger(__name__)


class Background:
    """Takes one *step* after the other while it is entered, with a pause of *seconds* between two.

    The first step is taken after *first_seconds*. An error is logged, and the next step is taken after a pause.
    """

    def __init__(
        self, name: str, step: Callable[[], Awaitable[object]], *, seconds: float, first_seconds: float
    ) -> None:
        self._name = name
        self._step = step
        self._seconds = seconds
        self._first_seconds = first_seconds
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=self._name)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        pause, is_possible = self._first_seconds, True
        while True:
            await asyncio.sleep(pause)
            pause = self._seconds
            try:
                await self._step()
                is_possible = True
            except StoreUnavailable as error:
                pause = max(pause, WITHOUT_DATABASE_SECONDS)
                _log.log(
                    logging.WARNING if is_possible else logging.DEBUG,
                    "%s is not possible now: %s",
                    self._name,
                    error,
                )
                is_possible = False
            except Exception as error:  # noqa: BLE001 - the work is restarted after any error
                pause = AGAIN_SECONDS
                _log.exception("%s failed and begins again in %g s", self._name, pause, exc_info=error)
