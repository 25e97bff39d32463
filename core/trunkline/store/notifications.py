"""PostgreSQL's LISTEN and NOTIFY, with which one process wakes the others."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from trunkline.store.servers import Server

CHANNEL = "trunkline"
PRESENT = "present"
"""The message of a process that announces that it listens. An empty message means that the log has grown."""
CHECK_SECONDS = 5.0
"""How often a listening process sends this message; sending also checks its connection."""
GONE_SECONDS = 15.0
"""How long a process counts as listening after its last message."""
ANSWER_SECONDS = 5.0


class Notifications:
    """Connections to *server* for LISTEN and NOTIFY, outside the pool. A process does not receive its own notifications."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sender = 0
        """The server's process number of the connection that sends notifications."""
        self._others: dict[int, float] = {}
        """When each sender sent its last message (monotonic seconds).

        The keys are the server's process numbers of the senders' connections.
        """

    @property
    def has_others(self) -> bool:
        """Whether another process listens.

        This check avoids unneeded notifications, each of which costs this process two wake-ups and the server five.
        """
        since = time.monotonic() - GONE_SECONDS
        return any(heard > since for heard in self._others.values())

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncGenerator[Any]:
        """Lend a connection. Raises StoreUnavailable, or an error of the driver."""
        connection = await self._server.connect()
        try:
            yield connection
        finally:
            connection.terminate()

    async def send(self, connection: Any) -> None:
        """Send one notification to all other processes that listen."""
        self._sender = connection.get_server_pid()
        await connection.execute(f"NOTIFY {CHANNEL}", timeout=ANSWER_SECONDS)

    async def listen(self, connection: Any, notified: Callable[[], None]) -> None:
        """Call *notified* when listening begins and at each notification, until *connection* is lost.

        Each listening process keeps a list of the others. If a message comes from a process that is not on the list,
        the receiver sends its own message at once. This message makes the new process check for changes that were made
        before the new process was on the lists. Raises TimeoutError if the server no longer answers.
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
        notified()  # for notifications sent before this process listened
        while not connection.is_closed():
            await connection.execute(f"NOTIFY {CHANNEL}, '{PRESENT}'", timeout=ANSWER_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await speaks.wait()
            speaks.clear()
            since = time.monotonic() - GONE_SECONDS
            self._others = {number: heard for number, heard in self._others.items() if heard > since}
