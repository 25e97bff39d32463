"""PostgreSQL's LISTEN and NOTIFY: the way in which one process wakes the others."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

from trunkline.store.servers import Server

CHANNEL = "trunkline"
CHECK_SECONDS = 5.0
"""How often a connection that listens is asked whether it is alive."""
ANSWER_SECONDS = 5.0


class Notifications:
    """Connections of their own to *server*, beside the pool's. What this process sends, it does not hear."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sender = 0
        """The server's number of the connection that sends."""

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncGenerator[Any]:
        """Lend a connection. Raises StoreUnavailable, or what the driver raises."""
        connection = await self._server.connect()
        try:
            yield connection
        finally:
            connection.terminate()

    async def send(self, connection: Any) -> None:
        """Send one notification to every other process that listens."""
        self._sender = connection.get_server_pid()
        await connection.execute(f"NOTIFY {CHANNEL}", timeout=ANSWER_SECONDS)

    async def listen(self, connection: Any, notified: Callable[[], None]) -> None:
        """Call *notified* once it listens and at each notification, until *connection* is lost.

        Raises TimeoutError where it no longer answers.
        """
        lost = asyncio.Event()

        def end(*_: object) -> None:
            lost.set()

        def hear(_: object, sender: int, *_message: object) -> None:
            if sender != self._sender:
                notified()

        connection.add_termination_listener(end)
        await connection.add_listener(CHANNEL, hear)
        notified()  # for what was sent before it listened
        while not lost.is_set():
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await lost.wait()
            except TimeoutError:  # a connection that died silently would be listened to for ever
                await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
