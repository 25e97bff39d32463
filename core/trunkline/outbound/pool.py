"""Idle connections, kept for a few seconds for the next request to the same origin."""

import asyncio
from collections import defaultdict

from trunkline.outbound.connection import Connection
from trunkline.outbound.dialling import Origin

KEEPALIVE_SECONDS = 4
"""Below the 5 s after which Node.js and uvicorn close an idle connection: a POST that meets that close is lost."""
MAX_IDLE = 1024
"""How many connections may idle; one more is closed."""


class Pool:
    """Idle connections by origin. Entered, it closes those that have idled for too long."""

    def __init__(self) -> None:
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, origin: Origin, *, now: float) -> Connection | None:
        """Take the connection to *origin* that was used last; None where there is none. *now* is the loop's clock."""
        while idle := self._idle.get(origin):
            connection = idle.pop()
            self._count -= 1
            if connection.is_idle and now - connection.idle_since < KEEPALIVE_SECONDS:
                return connection
            connection.close()
        return None

    def put(self, origin: Origin, connection: Connection, *, now: float) -> None:
        """Keep *connection*, if there is room."""
        if self._count >= MAX_IDLE:
            connection.close()
            return
        connection.idle_since = now
        self._idle[origin].append(connection)
        self._count += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1, self._sweep)

    def close(self) -> None:
        """Close all that idle."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
        self._count = 0

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        edge = loop.time() - KEEPALIVE_SECONDS
        for origin, idle in list(self._idle.items()):
            kept = [connection for connection in idle if connection.is_idle and connection.idle_since > edge]
            for connection in idle:
                if connection not in kept:
                    connection.close()
            self._count -= len(idle) - len(kept)
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]
        self._timer = loop.call_later(1, self._sweep) if self._count else None
