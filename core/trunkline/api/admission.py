"""Limits the server's connections: admits or refuses them, evicts silent ones, and checks the time limits of each.

``connections`` handles one connection; this module counts them all and runs the one sweep over them.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from trunkline.access.client_addresses import counted_as
from trunkline.runtime.background import Background
from trunkline.runtime.open_files import MAX_LINGERING
from trunkline.settings import Server

if TYPE_CHECKING:
    from trunkline.api.connections import Connection

_SILENT_SECONDS = 1.0
"""The time (seconds) for which a client must be silent before its connection may be closed in favour of a new one."""
_MOST_SWEEP_SECONDS = 1.0
_log = logging.getLogger("trunkline.server")


class Admission:
    """Counts the connections of one server against *limits*: at most *most*, and *most_lingering* refused ones.

    A refused connection lingers, which means that it stays open for a moment.

    ``now`` is a clock that the sweep advances. It stands still while the event loop is blocked, so that no client is timed out
    for bytes that the hub has not read yet.
    """

    def __init__(self, limits: Server, *, most: int, most_lingering: int = MAX_LINGERING) -> None:
        self.limits = limits
        self.now = 0.0
        self._swept = time.monotonic()
        self.is_ending = False
        """Whether each connection closes after its next answer."""
        self.sweep_seconds = min(
            _MOST_SWEEP_SECONDS,
            limits.head_timeout_seconds / 4,
            limits.body_timeout_seconds / 4,
            limits.write_timeout_seconds / 4,
        )
        self._most = most
        self._most_lingering = most_lingering
        self._present: set[Connection] = set()
        self._admitted: dict[Connection, str] = {}
        self._by_network: Counter[str] = Counter()
        self._lingering: dict[Connection, None] = {}
        self._silent: deque[Connection] = deque()
        self._silent_seen = -1.0
        self._refused = 0
        self._in_line: deque[Connection] = deque()

    def admit(self, connection: "Connection", address: str) -> bool:
        """Admit *connection* from *address*; if the limit is reached, evict a silent connection. False if none can be evicted."""
        self._present.add(connection)
        most_of_network = self.limits.max_connections_per_address
        network = counted_as(address) if most_of_network else ""
        is_over = most_of_network is not None and self._by_network[network] >= most_of_network
        if is_over or (len(self._admitted) >= self._most and not self._make_room()):
            self._refused += 1
            return False
        self._admitted[connection] = network
        self._by_network[network] += 1
        return True

    def forget(self, connection: "Connection") -> None:
        """Stop counting *connection*, which has ended."""
        self._present.discard(connection)
        self._lingering.pop(connection, None)
        self._release(connection)

    def end_connections(self) -> None:
        """Close each connection after its current answer, or, if it is idle, after its next answer."""
        self.is_ending = True
        for connection in self._present:
            connection.end_after_answer()

    def has_fresh(self) -> bool:
        """Return whether any connection has not sent a request yet."""
        return not all(connection.has_asked for connection in self._present)

    def linger(self, connection: "Connection") -> None:
        """Keep the refused *connection* open for a moment, or its client may never see the answer; close the oldest of too many."""
        self._release(connection)
        self._lingering[connection] = None
        if len(self._lingering) > self._most_lingering:
            longest = next(iter(self._lingering))
            del self._lingering[longest]
            longest.leave()

    def line_up(self, connection: "Connection") -> None:
        """Queue *connection* to answer its next pipelined request: one per turn of the event loop, so that other work has turns."""
        self._in_line.append(connection)
        if len(self._in_line) == 1:
            asyncio.get_running_loop().call_soon(self._answer_first)

    def _answer_first(self) -> None:
        self._in_line.popleft().answer_next()
        if self._in_line:
            asyncio.get_running_loop().call_soon(self._answer_first)

    def sweeping(self) -> Background:
        """Check every connection at intervals while the result is entered."""
        return Background(
            "the check of connections",
            self._sweep,
            seconds=self.sweep_seconds,
            first_seconds=self.sweep_seconds,
        )

    async def _sweep(self) -> None:
        swept, self._swept = self._swept, time.monotonic()
        self.now += min(self._swept - swept, 2 * self.sweep_seconds)
        for connection in tuple(self._present):
            connection.check(self.now)
        if self._refused:
            _log.warning("%d connections refused with 503: %d are open", self._refused, len(self._admitted))
            self._refused = 0

    def _make_room(self) -> bool:
        """Close the connection whose client has been silent longest, if it has been silent long enough; returns whether it did."""
        if not self._silent and self._silent_seen != self.now:
            self._silent_seen = self.now  # once per sweep, as it checks all connections
            silent = [
                (since, held) for held in self._admitted if (since := self._silent_since(held)) is not None
            ]
            self._silent.extend(held for _, held in sorted(silent, key=lambda pair: pair[0]))
        while self._silent:
            held = self._silent.popleft()
            if held in self._admitted and self._silent_since(held) is not None:
                self._release(held)
                held.leave()
                return True
        return False

    def _silent_since(self, held: "Connection") -> float | None:
        since = held.waiting_since
        if since is None or self.now - since < _SILENT_SECONDS + self.sweep_seconds:
            return None
        return since

    def _release(self, connection: "Connection") -> None:
        network = self._admitted.pop(connection, None)
        if network is None:
            return
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]
