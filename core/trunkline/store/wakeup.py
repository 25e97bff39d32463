"""Telling sleepers that the log has grown: in the process at once, and to other processes by NOTIFY on PostgreSQL.

It only saves time. Whoever sleeps also looks by itself once a second, so a lost wake-up costs at most that.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Generator
from typing import Any, Self

import asyncpg

from trunkline.errors import StoreUnavailable
from trunkline.store.database import Database, translated

CHANNEL = "trunkline"
_RECONNECT_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Bell:
    """One sleeper's bell."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the sleeper, now or as soon as it sleeps."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Sleep until the bell rings, at most *seconds*; tells whether it rang."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Wakeup:
    """Carries "the log has grown" to every sleeper."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bells: set[Bell] = set()
        self._outgoing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        if not self._database.is_sqlite:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._notify())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.contextmanager
    def bell(self) -> Generator[Bell]:
        """Lend a bell that rings whenever the log has grown."""
        bell = Bell()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def announce(self) -> None:
        """Say that events were committed here."""
        self._ring()
        self._outgoing.set()

    def _ring(self) -> None:
        for bell in self._bells:
            bell.ring()

    async def _notify(self) -> None:
        """Send one NOTIFY for all announcements of the last few milliseconds.

        It is sent beside the appends: inside one it would make every commit of the database wait for a global lock.
        """
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            try:
                async with self._connected() as connection:
                    while True:
                        await connection.execute(f"NOTIFY {CHANNEL}")
                        await asyncio.sleep(0.002)
                        await self._outgoing.wait()
                        self._outgoing.clear()
            except StoreUnavailable:
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                async with self._connected() as connection:
                    await self._listen_on(connection)
            _log.warning(
                "lost the connection that listens for new events; falling back to looking once a second"
            )
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_on(self, connection: Any) -> None:
        """Ring at each notification until *connection* is lost."""
        lost = asyncio.Event()

        def end(*_: object) -> None:
            lost.set()

        def ring(*_: object) -> None:
            self._ring()

        connection.add_termination_listener(end)
        await connection.add_listener(CHANNEL, ring)
        self._ring()  # what was said before we listened
        await lost.wait()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Any]:
        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with translated():
            connection = await asyncpg.connect(url, timeout=5)
            try:
                yield connection
            finally:
                connection.terminate()
