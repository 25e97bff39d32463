"""Background work that runs as long as its process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Self

AGAIN_SECONDS = 30.0
"""The pause (seconds) after an error before the work begins again."""
_log = logging.getLogger(__name__)


class Background:
    """Runs *work* while it is entered. An unhandled error is logged, and the work begins again."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._work = work
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name=self._name)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - the work is restarted after any error
                _log.exception(
                    "%s failed and begins again in %g s", self._name, AGAIN_SECONDS, exc_info=error
                )
            await asyncio.sleep(AGAIN_SECONDS)
