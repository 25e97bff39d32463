"""How far one shard has been read, and how far it is settled. No I/O.

A shard has a live reader near the head of the log. After an outage the live reader jumps to the head, and leaves the skipped
range (a *stretch*) to a second reader (``dispatch.reader``). The live reader has one *track*, and each stretch has another.
"""

import math
from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from trunkline.store.shards import Lease, Reached

SPAN = 50_000
"""Number of positions that one page may search for events of its shards; if there are none, the search takes 50 ms."""


class Track:
    """The progress of a reader along a shard: from *start* (exclusive) to *end*.

    All events up to *read* have been handed over.

    The live track has no end.
    """

    __slots__ = ("_last_before", "end", "progress", "read", "start", "turn")

    def __init__(self, progress: "Progress", *, start: int, read: int, end: int | None = None) -> None:
        self.progress = progress
        self.start = start
        self.read = read
        self.end = end
        self.turn = 0
        """The number of the page that was last read for this track."""
        self._last_before: dict[int, int] = {}

    def knows(self, company_id: int) -> bool:
        """Return whether ``learn`` was called for a company."""
        return company_id in self._last_before

    def learn(self, company_id: int, last: int) -> None:
        """Note the position of a company's *last* event before the track."""
        self._last_before[company_id] = last

    def is_first_of(self, company_id: int, *, cursor: int) -> bool:
        """Return whether *cursor* has reached all events of a company before the track.

        Before ``learn`` was called, the start of the track is taken as the position of the last of these events.

        On this track, a delivery with an order may begin only if the ledger has all earlier deliveries; otherwise an
        earlier delivery of its key might still be found.
        """
        return self.start <= cursor or self._last_before.get(company_id, self.start) <= cursor


class Progress:
    """One shard, or a part of one, that this worker owns.

    An event with deliveries opens its position, and the position is closed when all these deliveries are settled.
    Positions may be closed in any order. The cursor is the last position before the first position that is open or
    unread.
    """

    def __init__(self, lease: Lease, *, known_until: int = 0) -> None:
        self.lease = lease
        self.written = lease.reached
        """The value of ``reached`` in the database."""
        cursor, stretch_end, live_cursor = lease.reached
        ahead = max(cursor, live_cursor or 0)
        self.live = Track(self, start=ahead, read=ahead)
        """The live reader's track. Unsettled positions before its start belong to stretches."""
        self.stretches = deque[Track]()
        """The unread stretches (skipped ranges) before the live track, in the log's order."""
        if stretch_end is not None and cursor < stretch_end:
            self.live.start = stretch_end
            self.stretches.append(Track(self, start=cursor, read=cursor, end=stretch_end))
        self.known_until = known_until
        """The last position at which an earlier owner may have written deliveries."""
        self.valid_until = math.inf
        """Until when (monotonic seconds) the lease is certainly valid.

        Afterwards the shard is not read until it is renewed.
        """
        self.since = -math.inf
        """Monotonic seconds at which this worker became the only holder of the shard."""
        self.lost = False
        self.draining = False
        self.dividing = False
        """Whether the shard is to be divided (``dispatch.dividing``)."""
        self.claimed = 0
        """Number of deliveries in memory that were claimed from the ledger for this shard (``dispatch.ordering``)."""
        self._ahead: list[int] = []
        """A heap of the open positions on the live track; it may still contain closed ones."""
        self._behind: list[int] = []
        """A heap of the open positions before the live track."""
        self._open: dict[int, int] = {}
        self._parked = set[int]()
        """The open positions whose events are not matched yet."""

    def go_on_at(self, head: int) -> None:
        """Move the live reader to *head*; the skipped positions become a stretch."""
        self.stretches.append(Track(self, start=self.live.read, read=self.live.read, end=head))
        self.live = Track(self, start=head, read=head)
        self._behind += self._ahead
        heapify(self._behind)
        self._ahead = []

    def open(self, position: int, count: int) -> None:
        """Add *count* unsettled deliveries of the event at *position*."""
        heappush(self._behind if position <= self.live.start else self._ahead, position)
        self._open[position] = count

    def park(self, position: int) -> None:
        """Open *position* for an event that waits to be matched (``dispatch.matching_lane``)."""
        self.open(position, 1)
        self._parked.add(position)

    def begin(self, position: int, count: int) -> None:
        """Set the number of unsettled deliveries of the event at the parked *position*; 0 closes the position."""
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
        for heap in (self._behind, self._ahead):
            while heap and heap[0] not in self._open:
                heappop(heap)

    @property
    def reached(self) -> Reached:
        """How far the shard has been read and settled."""
        live_cursor = self._ahead[0] - 1 if self._ahead else self.live.read
        unsettled = self._behind[:1] + [track.read + 1 for track in self.stretches if track.read != track.end]
        if not unsettled:
            return Reached(live_cursor)
        return Reached(min(unsettled) - 1, self.live.start, live_cursor)

    @property
    def cursor(self) -> int:
        """The position up to which everything is read and settled."""
        return self.reached.cursor

    def settled_of(self, company_id: int, written: Reached) -> int:
        """Return the position up to which the ledger has all deliveries of a company, if its progress is *written*."""
        cursor, _, live_cursor = written
        if live_cursor is None or not self.live.is_first_of(company_id, cursor=cursor):
            return cursor
        return live_cursor

    @property
    def is_settled(self) -> bool:
        """Whether all deliveries that began or were claimed have ended."""
        return len(self._open) == len(self._parked) and not self.claimed

    def next_stretch(self) -> Track | None:
        """Return the first stretch that has not been read to its end, and drop the stretches before it."""
        while self.stretches and self.stretches[0].read == self.stretches[0].end:
            self.stretches.popleft()
        return self.stretches[0] if self.stretches else None


def next_window(tracks: Sequence[Track], *, head: int) -> tuple[list[Track], int, int]:
    """Choose the tracks to read next in a log that ends at *head*. Tracks at the same position are read with one query.

    A shard that was just claimed is read on its own until it reaches the position of the others. Groups of tracks take turns,
    so that no shard waits for the backlog of another. Returns (tracks, after, up_to).
    """
    groups: dict[int, list[Track]] = {}
    for track in tracks:
        groups.setdefault(track.read, []).append(track)
    behind = [group for read, group in groups.items() if read < head] or list(groups.values())
    chosen = min(behind, key=lambda group: (group[0].turn, group[0].read), default=[])
    after = chosen[0].read if chosen else 0
    ahead = (track.read for track in tracks if track.read > after)
    ends = (track.end for track in chosen if track.end is not None)
    return chosen, after, min([*ahead, *ends, after + SPAN])
