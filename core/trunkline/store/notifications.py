"""PostgreSQL's LISTEN and NOTIFY: the way in which one process wakes the others."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from trunkline.store.servers import Server

CHANNEL = "trunkline"
PRESENT = "present"
"""What a process that listens says; an empty message says that the log has grown."""
CHECK_SECONDS = 5.0
"""How often a process that listens says so; that also shows whether its connection is alive."""
GONE_SECONDS = 15.0
"""How long a process counts as listening after it was last heard."""
ANSWER_SECONDS = 5.0


class Notifications:
    """Connections of their own to *server*, beside the pool's. The process does not hear its own notifications."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sender = 0
        """The server's number of the connection that sends."""
        self._others: dict[int, float] = {}
        """When each connection of other processes was last heard (monotonic seconds), by the server's number of it."""

    @property
    def has_others(self) -> bool:
        """Whether another process listens. A notification for nobody costs this process two wake-ups, and the server five."""
        since = time.monotonic() - GONE_SECONDS
        return any(heard > since for heard in self._others.values())

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

        Processes that listen know each other: one that hears a new one answers at once. The new one looks then, for what was
        not notified before it was known.

        Raises TimeoutError where it no longer answers.
        """
        speaks, own = asyncio.Event(), connection.get_server_pid()

        def hear(_: object, sender: int, _channel: str, message: str) -> None:
            if sender in {own, self._sender}:
                return
            is_new = sender not in self._others
            self._others[sender] = time.monotonic()
            if is_new:
                speaks.set()
            if is_new or message != PRESENT:
                notified()

        def end(_: object) -> None:
            speaks.set()

        connection.add_termination_listener(end)
        await connection.add_listener(CHANNEL, hear)
        notified()  # for what was sent before it listened
        while not connection.is_closed():
            await connection.execute(f"NOTIFY {CHANNEL}, '{PRESENT}'", timeout=ANSWER_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await speaks.wait()
            speaks.clear()
            since = time.monotonic() - GONE_SECONDS
            self._others = {number: heard for number, heard in self._others.items() if heard > since}
