"""The lock with which a worker shows other workers that its process is alive.

Two PostgreSQL sessions of the process share the lock: the session of its leases and the session that listens. If the
process is killed, the kernel closes its sockets, and the server at once ends the sessions and frees their locks. A
frozen process keeps its locks, so other workers have to wait until its leases end. No write depends on the lock,
because epochs fence writes (``store.shards``).
"""

import secrets
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from trunkline.store.database import Database
from trunkline.store.dialects.postgresql import WORKER_LOCKS, WORKERS

ANSWER_SECONDS = 5.0
_LEASES, _LISTENER = "leases", "listener"
_TAKE = f"SELECT pg_try_advisory_lock_shared({WORKERS}, {{no}})"
_COUNT = text(f"SELECT count(*) FROM ({WORKER_LOCKS}) AS held WHERE no = :no")


class WorkerLock:
    """The lock of one worker, with a random number. If two workers share it, each counts as dead only after its lease."""

    def __init__(self) -> None:
        self.no = secrets.randbelow(2**31)
        self.cut_off: Callable[[], None] = lambda: None
        """Called when no session holds the lock any more."""
        self._sessions: dict[str, Any] = {}
        self._is_looked_at = False
        self._shown_since: float | None = None

    def shown_seconds(self) -> float | None:
        """Return the seconds for which the server has shown the lock in both sessions; None if a session lacks it."""
        if self._shown_since is None or not self._has_both():
            return None
        return time.monotonic() - self._shown_since

    async def take_as_listener(self, connection: Any) -> None:
        """Take the lock in the session of *connection* (of the driver), which listens."""
        if await connection.fetchval(_TAKE.format(no=self.no), timeout=ANSWER_SECONDS):
            self._hold(_LISTENER, connection)

    async def take_for(self, leases: Database) -> None:
        """Take the lock in the single session of *leases*.

        When both sessions have the lock, check that the server shows the lock of each. This check is made once for each
        pair of sessions.
        """
        if self._is_looked_at:
            return
        async with leases.read() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if self._sessions.get(_LEASES) is not driver:
                took = await connection.execute(text(_TAKE.format(no=self.no)))
                if took.scalar_one():
                    self._hold(_LEASES, driver)
            if self._has_both():
                shown = (await connection.execute(_COUNT, {"no": self.no})).scalar_one()
                if self._has_both():
                    self._is_looked_at = True
                    self._shown_since = time.monotonic() if shown == len(self._sessions) else None

    def _has_both(self) -> bool:
        return len(self._sessions) == 2 and not any(each.is_closed() for each in self._sessions.values())

    def _hold(self, name: str, session: Any) -> None:
        self._is_looked_at, self._shown_since = False, None
        if not session.is_closed():
            self._sessions[name] = session
            session.add_termination_listener(self._ended)

    def _ended(self, session: Any) -> None:
        self._is_looked_at, self._shown_since = False, None
        self._sessions = {name: each for name, each in self._sessions.items() if each is not session}
        if not self._sessions:
            self.cut_off()
