"""Waiting for rows: by NOTIFY on PostgreSQL, by the change counter of SQLite's file, by polling on other databases."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from typing import TYPE_CHECKING, Any

from trunkline_client.outbox.emitting import CHANNEL

if TYPE_CHECKING:
    from sqlalchemy import Engine

LOOK_SECONDS = 0.005
"""The interval (seconds) between checks of SQLite's file; a check takes some 20 µs."""
MARIADB_SECONDS = 0.05
"""The interval (seconds) of polling a database without notifications."""
_STOP_SECONDS = 0.2
"""The maximum delay (seconds) until a stop is noticed."""


class Waker:
    """Waits for rows on a separate connection. Close it at the end."""

    def __init__(self, engine: Engine, stopping: threading.Event) -> None:
        self._engine = engine
        self._stopping = stopping
        self._connection: Any = None
        self._version: Any = None
        self._look = {"postgresql": self._notified, "sqlite": self._changed}.get(
            engine.dialect.name, self._nothing
        )

    def wait(self, seconds: float) -> bool:
        """Wait until there may be new rows, at most *seconds*. Return True after a NOTIFY."""
        ends = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := ends - time.monotonic()) > 0:
            try:
                self.listen()
                if self._look(min(left, _STOP_SECONDS)):
                    return self._engine.dialect.name == "postgresql"
            except Exception:  # noqa: BLE001, PERF203 - of whatever driver: the rows are looked at again, and the connection is made anew
                self.close()
                self._stopping.wait(min(left, _STOP_SECONDS))
        return False

    def listen(self) -> None:
        """Begin to listen, so that no row is missed after the table was read. Raises the driver's errors."""
        if self._connection is not None or self._look == self._nothing:
            return
        raw = self._engine.raw_connection()
        self._connection = raw.driver_connection
        raw.detach()
        try:
            if self._engine.dialect.name == "postgresql":
                self._connection.rollback()
                self._connection.autocommit = True
                self._connection.cursor().execute(f"LISTEN {CHANNEL}")
            else:
                self._changed(0)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    def _notified(self, seconds: float) -> bool:
        if self._engine.dialect.driver == "psycopg":
            return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        select.select([self._connection], (), (), seconds)  # psycopg2
        self._connection.poll()
        told = bool(self._connection.notifies)
        self._connection.notifies.clear()
        return told

    def _changed(self, seconds: float) -> bool:
        before, self._version = (
            self._version,
            self._connection.execute("PRAGMA data_version").fetchone(),
        )
        if self._version == before:
            self._stopping.wait(min(seconds, LOOK_SECONDS))
        return bool(self._version != before)

    def _nothing(self, seconds: float) -> bool:
        return self._stopping.wait(min(seconds, MARIADB_SECONDS)) or True
