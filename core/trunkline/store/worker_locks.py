"""The lock by which other workers see that the process of a worker lives.

Two of its sessions on PostgreSQL share it: that of its leases and the one that listens. The kernel closes the sockets of a process
that is killed, and the server then ends their sessions and frees what these have locked, at once. A process that is frozen keeps
them, so that its leases have to run out. No write depends on it: epochs guard those (``store.shards``).
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
    """The lock of one worker, under a number that is drawn. Two that draw the same are taken over when their leases lapse."""

    def __init__(self) -> None:
        self.no = secrets.randbelow(2**31)
        self.cut_off: Callable[[], None] = _nothing
        """Called when no session holds it any more."""
        self._sessions: dict[str, Any] = {}
        self._is_looked_at = False
        self._shown_since: float | None = None

    def shown_seconds(self) -> float | None:
        """Tell for how long the server has shown both sessions; None where one of them lacks it."""
        if self._shown_since is None or not self._has_both():
            return None
        return time.monotonic() - self._shown_since

    async def take_as_listener(self, connection: Any) -> None:
        """Have the session of the driver's *connection*, which listens, hold it."""
        if await connection.fetchval(_TAKE.format(no=self.no), timeout=ANSWER_SECONDS):
            self._hold(_LISTENER, connection)

    async def take_for(self, leases: Database) -> None:
        """Have the single session of *leases* hold it, and look whether the server shows both; once for each pair of them."""
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


def _nothing() -> None:
    """Do nothing."""
