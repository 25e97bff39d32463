"""How far one shard has been read, and how far it is settled. No I/O."""

import math
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from trunkline.model.deliveries import Key
from trunkline.store.shards import Lease

MOST_SETTLED = 5_000
"""Deliveries of an earlier owner that are noted before those behind the cursor are forgotten."""
SPAN = 50_000
"""Positions that one page of the log may search for events of its shards: 50 ms where they have none."""


class Progress:
    """One shard, or a part of one, that this worker owns.

    Positions are opened in the log's order, or between others that are open, and closed in any; the cursor is the last position
    before the first open one.
    """

    __slots__ = (
        *(
            "_open",
            "_order",
            "_parked",
            "apart",
            "claimed",
            "dividing",
            "draining",
            "known_until",
            "lease",
            "lost",
            "read",
            "settled",
            "since",
            "turn",
            "valid_until",
            "written",
        ),
    )

    def __init__(self, lease: Lease, *, known_until: int = 0) -> None:
        self.lease = lease
        self.read = lease.cursor
        self.turn = 0
        """When it was read last: the number of the page."""
        self.written = lease.cursor
        self.known_until = known_until
        """The last position at which an earlier owner may have written deliveries."""
        self.settled = set[Key]()
        """Those that it has written, of the events beyond the cursor that were read."""
        self.valid_until = math.inf
        """Monotonic seconds until which the lease surely holds; after that it is not read on until it was renewed."""
        self.since = -math.inf
        """Monotonic seconds from which on nobody else holds the shard."""
        self.apart = False
        """Whether it is read by itself, until it reaches the end of the log: it has the backlog of a company."""
        self.lost = False
        self.draining = False
        self.dividing = False
        """Whether it is to be divided (``dispatch.dividing``)."""
        self.claimed = 0
        """Deliveries in memory that were claimed from the ledger for this shard (``dispatch.ordering``)."""
        self._order: list[int] = []
        """A heap of the open positions; some may have been closed."""
        self._open: dict[int, int] = {}
        self._parked = set[int]()
        """The open positions of which nothing has begun."""

    def open(self, position: int, count: int) -> None:
        """Count *count* deliveries of the event at *position* as not yet settled."""
        heappush(self._order, position)
        self._open[position] = count

    def park(self, position: int) -> None:
        """Open *position* for an event that waits to be matched (``dispatch.matching_lane``)."""
        self.open(position, 1)
        self._parked.add(position)

    def begin(self, position: int, count: int) -> None:
        """Count *count* deliveries of the event at *position*, which was parked, as not yet settled; 0 closes it."""
        self._parked.remove(position)
        self._open[position] = count + 1
        self.close(position)

    def close(self, position: int) -> None:
        """Count one delivery of the event at *position* as settled."""
        left = self._open[position] - 1
        if left:
            self._open[position] = left
            return
        del self._open[position]
        while self._order and self._order[0] not in self._open:
            heappop(self._order)

    def know(self, keys: Iterable[Key]) -> None:
        """Note that an earlier owner has written the deliveries with *keys*; what is behind the cursor is forgotten."""
        if len(self.settled) > MOST_SETTLED:
            self.settled = {key for key in self.settled if key.position > self.cursor}
        self.settled.update(keys)

    @property
    def cursor(self) -> int:
        """Everything up to here has been read and settled."""
        return self._order[0] - 1 if self._order else self.read

    @property
    def is_settled(self) -> bool:
        """Whether nothing that has begun, or was claimed, is still open."""
        return len(self._open) == len(self._parked) and not self.claimed


def next_window(shards: Sequence[Progress], *, head: int) -> tuple[list[Progress], int, int]:
    """Choose what to read next of a log that ends at *head*: shards in step, at one position, are read with one query.

    One that was just claimed is behind the others until they meet, and one that is *apart* is read by itself, and meets nobody.
    They take turns, so that nobody waits for a backlog in another shard. Returns (shards, after, up_to).
    """
    groups: dict[tuple[int, int | None], list[Progress]] = {}
    for progress in shards:
        key = progress.read, progress.lease.shard if progress.apart else None
        groups.setdefault(key, []).append(progress)
    behind = [group for (read, _), group in groups.items() if read < head] or list(groups.values())
    chosen = min(behind, key=lambda group: (group[0].turn, group[0].read), default=[])
    after = chosen[0].read if chosen else 0
    ahead = (p.read for p in shards if p.read > after and not p.apart)
    up_to = min(ahead, default=after + SPAN)
    return chosen, after, min(up_to, after + SPAN)
