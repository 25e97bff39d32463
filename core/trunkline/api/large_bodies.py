"""Turns for large bodies: what is kept in memory for a company is one body at a time, and one of all is read at a time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from starlette.requests import Request

from trunkline.errors import TooMuchAtOnce

LARGE_BYTES = 1024 * 1024
WAIT_SECONDS = 5.0
"""How long a large body waits for those of its company that came before it. It is not taken off the line meanwhile."""


class LargeBodies:
    """Lends turns. Calls whose body is announced to be small take none."""

    def __init__(self, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._companies: dict[int, asyncio.Semaphore] = {}
        self._reading = asyncio.Semaphore(1)

    @contextlib.asynccontextmanager
    async def turn(self, request: Request, company_id: int | None) -> AsyncGenerator[None]:
        """Wait until the company has no other large body on the way; an operator's (None) do not wait.

        Raises:
            TooMuchAtOnce: that took too long.
        """
        if company_id is None or not _may_be_large(request):
            yield
            return
        turn = self._companies.setdefault(company_id, asyncio.Semaphore(1))
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn.acquire()
        except TimeoutError:
            what = f"bodies over {LARGE_BYTES:,} bytes"
            raise TooMuchAtOnce(what, limit=1, retry_after_seconds=int(WAIT_SECONDS)) from None
        try:
            yield
        finally:
            turn.release()
            if not turn.locked():
                self._companies.pop(company_id, None)

    @contextlib.asynccontextmanager
    async def reading(self, size: int) -> AsyncGenerator[None]:
        """Wait until no other large body is made into values; companies come in turn, as each has one."""
        if size <= LARGE_BYTES:
            yield
            return
        async with self._reading:
            yield


def _may_be_large(request: Request) -> bool:
    announced = request.headers.get("content-length", "")
    return not announced.isdecimal() or int(announced) > LARGE_BYTES
