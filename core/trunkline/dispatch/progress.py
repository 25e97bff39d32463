"""How far one shard has been read, and how far it is settled. No I/O."""

import math
from collections import deque
from collections.abc import Iterable, Sequence

from trunkline.model.deliveries import Key
from trunkline.store.shards import Lease

MOST_SETTLED = 5_000
"""Deliveries of an earlier owner that are noted before those behind the cursor are forgotten."""


class Progress:
    """One shard that this worker owns.

    Positions are opened in the log's order and closed in any; the cursor is the last position before the first open one.
    """

    __slots__ = (
        *(
            "_open",
            "_order",
            "claimed",
            "draining",
            "known_until",
            "lease",
            "lost",
            "read",
            "settled",
            "since",
            "valid_until",
            "written",
        ),
    )

    def __init__(self, lease: Lease, *, known_until: int = 0) -> None:
        self.lease = lease
        self.read = lease.cursor
        self.written = lease.cursor
        self.known_until = known_until
        """The last position at which an earlier owner may have written deliveries."""
        self.settled = set[Key]()
        """Those that it has written, of the events beyond the cursor that were read."""
        self.valid_until = math.inf
        """Monotonic seconds until which the lease surely holds; after that it is not read on until it was renewed."""
        self.since = -math.inf
        """Monotonic seconds from which on nobody else holds the shard."""
        self.lost = False
        self.draining = False
        self.claimed = 0
        """Deliveries in memory that were claimed from the ledger for this shard (``dispatch.ordering``)."""
        self._order: deque[int] = deque()
        self._open: dict[int, int] = {}

    def open(self, position: int, count: int) -> None:
        """Count *count* deliveries of the event at *position* as not yet settled."""
        self._order.append(position)
        self._open[position] = count

    def add(self, position: int, count: int) -> None:
        """Count *count* more deliveries of the event at *position*, which is open."""
        self._open[position] += count

    def close(self, position: int) -> None:
        """Count one delivery of the event at *position* as settled."""
        left = self._open[position] - 1
        if left:
            self._open[position] = left
            return
        del self._open[position]
        while self._order and self._order[0] not in self._open:
            self._order.popleft()

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
        """Whether nothing that was read or claimed is still open."""
        return not self._order and not self.claimed


def next_window(shards: Sequence[Progress]) -> tuple[list[Progress], int, int | None]:
    """Choose what to read next: the shards of *shards* that are furthest behind, up to where the next one is.

    Returns (shards, after, up to), up to None where they are all in step and read to the end of the log. Shards in step
    are read together, with one query; one that was just claimed catches up first and is then read with the others.
    """
    after = min((progress.read for progress in shards), default=0)
    behind = [progress for progress in shards if progress.read == after]
    return behind, after, min((progress.read for progress in shards if progress.read > after), default=None)
