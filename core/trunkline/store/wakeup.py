"""Wake-ups when the log has grown: in this process at once, in other processes by NOTIFY on PostgreSQL.

They only save time. Every waiter also looks by itself once a second, so a lost wake-up costs at most that.
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


class Signal:
    """A wake-up for one waiter: an ``asyncio.Event`` that ``wait`` clears."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until it is set, at most *seconds*; tells whether it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeup:
    """The signals of everything that waits for the log to grow."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._signals: set[Signal] = set()
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
    def signal(self) -> Generator[Signal]:
        """Lend a signal that is set whenever the log has grown."""
        signal = Signal()
        self._signals.add(signal)
        try:
            yield signal
        finally:
            self._signals.discard(signal)

    def announce(self) -> None:
        """Wake every waiter: events were committed in this process."""
        self._set_all()
        self._outgoing.set()

    def _set_all(self) -> None:
        for signal in self._signals:
            signal.set()

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
        """Set the signals at each notification until *connection* is lost."""
        lost = asyncio.Event()

        def end(*_: object) -> None:
            lost.set()

        def notified(*_: object) -> None:
            self._set_all()

        connection.add_termination_listener(end)
        await connection.add_listener(CHANNEL, notified)
        self._set_all()  # for what was announced before we listened
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
