"""Reads that callers share: those who ask for the same page before it is read have it from one statement.

A company may have a hundred calls that wait for the same event, and it wakes them all at once. Each with a read of its own would
have the connections, and the event loop, for a second. No I/O.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
Begin = Callable[[], None]
"""Called at the moment at which a read begins: who asks later may know of what it does not see."""


class SharedReads(Generic[_T]):
    """Reads each page once for all who ask for it until the read begins."""

    def __init__(self) -> None:
        self._coming: dict[Hashable, asyncio.Task[_T]] = {}

    async def read(self, key: Hashable, read: Callable[[Begin], Coroutine[Any, Any, _T]]) -> _T:
        """Give what *read* gives, or what another one with the same *key* will give. It goes on where a caller leaves."""
        reading = self._coming.get(key)
        if reading is None:
            reading = self._coming[key] = asyncio.create_task(self._read(key, read))
            reading.add_done_callback(_note)
        return await asyncio.shield(reading)

    async def _read(self, key: Hashable, read: Callable[[Begin], Coroutine[Any, Any, _T]]) -> _T:
        own = asyncio.current_task()

        def begin() -> None:
            if self._coming.get(key) is own:
                del self._coming[key]

        try:
            return await read(begin)
        finally:
            begin()


def _note(reading: "asyncio.Task[Any]") -> None:
    """Take note of how it ended, where all who asked have left."""
    if not reading.cancelled():
        reading.exception()
