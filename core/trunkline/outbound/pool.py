"""Idle connections, kept for a few seconds for the next request of the same tenant to the same origin."""

import asyncio
from collections import Counter, defaultdict

from trunkline.outbound.connection import Connection
from trunkline.outbound.dialling import Origin

KEEPALIVE_SECONDS = 4
"""How long an idle connection is kept. Node.js and uvicorn close it after 5 s, and a POST sent during that close is lost."""
Way = tuple[int, Origin]
"""A tenant and an origin. Tenants share no connections, so a late answer never reaches another tenant."""


class Pool:
    """Keeps up to *most* idle connections, at most a quarter of them for one tenant.

    A connection that was idle too long is closed within a second.
    """

    def __init__(self, most: int) -> None:
        self._most, self._most_of_tenant = most, max(most // 4, 1)
        self._idle: defaultdict[Way, list[Connection]] = defaultdict(list)
        self._of_tenant: Counter[int] = Counter()
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, way: Way, *, now: float) -> Connection | None:
        """Take the most recently used connection of *way*; None if there is none. *now* is the time of the loop's clock."""
        while idle := self._idle.get(way):
            connection = idle.pop()
            self._uncount(way, 1)
            if connection.is_idle and now < connection.idle_until:
                return connection
            connection.close()
        return None

    def put(self, way: Way, connection: Connection, *, now: float, target_keeps: int | None = None) -> None:
        """Keep *connection* if the pool is not full, for less time than the target keeps it (*target_keeps*, in seconds)."""
        tenant, _ = way
        seconds = KEEPALIVE_SECONDS
        if target_keeps is not None and target_keeps <= KEEPALIVE_SECONDS:
            seconds = target_keeps - 1
        if seconds <= 0 or self._count >= self._most or self._of_tenant[tenant] >= self._most_of_tenant:
            connection.close()
            return
        connection.idle_until = now + seconds
        self._idle[way].append(connection)
        self._count += 1
        self._of_tenant[tenant] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1, self._sweep)

    def close(self) -> None:
        """Close all idle connections."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
        self._of_tenant.clear()
        self._count = 0

    def _uncount(self, way: Way, connections: int) -> None:
        tenant, _ = way
        self._count -= connections
        self._of_tenant[tenant] -= connections
        if not self._of_tenant[tenant]:
            del self._of_tenant[tenant]

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for way, idle in list(self._idle.items()):
            fresh: list[Connection] = []
            for connection in idle:
                if connection.is_idle and now < connection.idle_until:
                    fresh.append(connection)
                else:
                    connection.close()
            self._uncount(way, len(idle) - len(fresh))
            if fresh:
                self._idle[way] = fresh
            else:
                del self._idle[way]
        self._timer = loop.call_later(1, self._sweep) if self._count else None
