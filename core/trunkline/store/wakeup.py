"""Wake-ups after the log has grown: in this process at once, in other processes through PostgreSQL's NOTIFY.

Wake-ups only save time. Every waiter also reads the log once a second, so a lost wake-up costs at most a second.
"""

import asyncio
import contextlib
import logging
from collections.abc import Generator
from typing import TYPE_CHECKING, Self

from trunkline.errors import StoreUnavailable
from trunkline.model.events import Event
from trunkline.store.database import Database
from trunkline.store.engines import translated
from trunkline.store.stream import Appended
from trunkline.store.worker_locks import WorkerLock

if TYPE_CHECKING:  # the import loads the driver of PostgreSQL
    from trunkline.store.notifications import Notifications

_RECONNECT_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Signal:
    """A wake-up for one waiter: an ``asyncio.Event`` that is cleared when ``wait`` returns True."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the waiter now, or when it next waits."""
        self._event.set()

    async def wait(self, seconds: float | None) -> bool:
        """Wait until the signal is set, for at most *seconds* (None means no limit). Returns whether it was set."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Handover:
    """The newest events that this process has appended, so that its own reader need not read them again."""

    MOST_EVENTS = 500
    MOST_BYTES = 1024 * 1024
    """The limits of the kept events. Above them the events are dropped, because the reader is behind and reads the log anyway."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._routing_version = 0

    def put(self, appended: Appended) -> None:
        """Add committed events. If other processes have appended events in between, drop the events added earlier."""
        if self._events and self._events[-1].position + 1 != appended.events[0].position:
            self._events = []
        self._events += appended.events
        self._routing_version = appended.routing_version
        size = sum(len(event.body) for event in self._events)
        if len(self._events) > self.MOST_EVENTS or size > self.MOST_BYTES:
            self._events = []

    def take(self, after: int) -> Appended | None:
        """Remove all events, and return those after *after*; None if the first of these is not at the next position."""
        events, self._events = [event for event in self._events if event.position > after], []
        is_next = bool(events) and events[0].position == after + 1
        return Appended(events, self._routing_version) if is_next else None


class Wakeup:
    """The signals of all tasks that wait for new events in the log. The connection that listens also holds *lock*."""

    def __init__(self, database: Database, lock: WorkerLock | None = None) -> None:
        self._database = database
        self._lock = lock
        self._signals: set[Signal] = set()
        self._handover: Handover | None = None
        self._notifications: Notifications | None = None
        self._outgoing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._notifications = notifications = self._database.notifications()
        if notifications is not None:
            self._tasks = [
                asyncio.create_task(self._listen(notifications)),
                asyncio.create_task(self._notify(notifications)),
            ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def lock(self) -> WorkerLock | None:
        """The lock of this process's worker; None if there is none, or if connections do not keep their locks."""
        return self._lock if self._lock is not None and self._database.keeps_sessions else None

    @contextlib.contextmanager
    def signal(self) -> Generator[Signal]:
        """Lend a signal that is set whenever the log has grown."""
        signal = Signal()
        self._signals.add(signal)
        try:
            yield signal
        finally:
            self._signals.discard(signal)

    @contextlib.contextmanager
    def handover(self) -> Generator[Handover]:
        """Lend the buffer of newest events to this process's reader, of which there is only one."""
        self._handover = Handover()
        try:
            yield self._handover
        finally:
            self._handover = None

    def announce(self, appended: Appended | None = None) -> None:
        """Wake every waiter, in other processes as well, after this process has committed events."""
        if appended is not None and self._handover is not None:
            self._handover.put(appended)
        self._set_all()
        if self._notifications is not None and self._notifications.has_others:
            self._outgoing.set()

    def _set_all(self) -> None:
        for signal in self._signals:
            signal.set()

    async def _notify(self, notifications: "Notifications") -> None:
        """Send one notification for all calls of ``announce`` in the last few milliseconds.

        It is sent outside the transactions of appends; if it was sent inside, every commit in the database would wait
        for a global lock.
        """
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            with contextlib.suppress(StoreUnavailable), translated():
                async with notifications.connected() as connection:
                    while True:
                        await notifications.send(connection)
                        await asyncio.sleep(0.002)
                        await self._outgoing.wait()
                        self._outgoing.clear()
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self, notifications: "Notifications") -> None:
        is_told = False
        while True:
            with contextlib.suppress(StoreUnavailable), translated():
                async with notifications.connected() as connection:
                    if self.lock is not None:
                        await self.lock.take_as_listener(connection)
                    is_told = False
                    await notifications.listen(connection, self._set_all)
            if not is_told:
                _log.warning(
                    "lost the connection that listens for new events; falling back to looking once a second"
                )
            is_told = True
            await asyncio.sleep(_RECONNECT_SECONDS)
