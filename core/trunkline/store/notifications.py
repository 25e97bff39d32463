"""PostgreSQL's LISTEN and NOTIFY: the way in which one process wakes the others."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

import asyncpg

CHANNEL = "trunkline"


class Notifications:
    """Connections of their own to the server at *url*, beside the pool's."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncGenerator[Any]:
        """Lend a connection. Raises what the driver raises."""
        connection = await asyncpg.connect(self._url, timeout=5)
        try:
            yield connection
        finally:
            connection.terminate()

    async def send(self, connection: Any) -> None:
        """Send one notification to every process that listens, this one too."""
        await connection.execute(f"NOTIFY {CHANNEL}")

    async def listen(self, connection: Any, notified: Callable[[], None]) -> None:
        """Call *notified* once it listens and at each notification, until *connection* is lost."""
        lost = asyncio.Event()

        def end(*_: object) -> None:
            lost.set()

        def hear(*_: object) -> None:
            notified()

        connection.add_termination_listener(end)
        await connection.add_listener(CHANNEL, hear)
        notified()  # for what was sent before it listened
        await lost.wait()
