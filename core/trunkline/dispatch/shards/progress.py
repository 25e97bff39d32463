"""How far one shard has been read, and how far it is settled. No I/O.

A shard has a live reader, which is near the head of the log. After an outage it goes on at the head, and leaves the stretch
behind it to a second reader (``dispatch.reader``). So there is a *track* for each: the live one, and those of the stretch.
"""

import math
from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from trunkline.store.shards import Lease, Reached

SPAN = 50_000
"""Positions that one page of the log may search for events of its shards: 50 ms where they have none."""


class Track:
    """A reader's way along a shard: it begins after *start*, has handed over everything up to *read*, and ends with *end*.

    The live reader's has no end.
    """

    __slots__ = ("_last_before", "end", "progress", "read", "start", "turn")

    def __init__(self, progress: "Progress", *, start: int, read: int, end: int | None = None) -> None:
        self.progress = progress
        self.start = start
        self.read = read
        self.end = end
        self.turn = 0
        """When it was read last: the number of the page."""
        self._last_before: dict[int, int] = {}

    def knows(self, company_id: int) -> bool:
        """Tell whether ``learn`` has been told of a company."""
        return company_id in self._last_before

    def learn(self, company_id: int, last: int) -> None:
        """Note the position of a company's *last* event before the track."""
        self._last_before[company_id] = last

    def is_first_of(self, company_id: int, *, cursor: int) -> bool:
        """Tell whether all of a company before the track is at or below *cursor*; False until ``learn`` was told of it.

        Only if the ledger has all of that may a delivery begin here that is in an order: else an earlier one of its key may be
        to come.
        """
        return self.start <= cursor or self._last_before.get(company_id, self.start) <= cursor


class Progress:
    """One shard, or a part of one, that this worker owns.

    Positions are opened in the log's order, or between others that are open, and closed in any. The cursor is the last position
    before the first open or unread one.
    """

    __slots__ = (
        *(
            "_ahead",
            "_behind",
            "_open",
            "_parked",
            "claimed",
            "dividing",
            "draining",
            "known_until",
            "lease",
            "live",
            "lost",
            "since",
            "stretches",
            "valid_until",
            "written",
        ),
    )

    def __init__(self, lease: Lease, *, known_until: int = 0) -> None:
        self.lease = lease
        self.written = lease.reached
        """The value of ``reached`` that the database has."""
        cursor, stretch_end, live_cursor = lease.reached
        ahead = max(cursor, live_cursor or 0)
        self.live = Track(self, start=ahead, read=ahead)
        """The live reader's track. Positions before its start that are not settled are the stretch."""
        self.stretches = deque[Track]()
        """What is unread behind the live track, in the log's order."""
        if stretch_end is not None and cursor < stretch_end:
            self.live.start = stretch_end
            self.stretches.append(Track(self, start=cursor, read=cursor, end=stretch_end))
        self.known_until = known_until
        """The last position at which an earlier owner may have written deliveries."""
        self.valid_until = math.inf
        """Monotonic seconds until which the lease surely holds; after that it is not read on until it was renewed."""
        self.since = -math.inf
        """Monotonic seconds from which on nobody else holds the shard."""
        self.lost = False
        self.draining = False
        self.dividing = False
        """Whether it is to be divided (``dispatch.dividing``)."""
        self.claimed = 0
        """Deliveries in memory that were claimed from the ledger for this shard (``dispatch.ordering``)."""
        self._ahead: list[int] = []
        """A heap of the open positions on the live track; some may have been closed."""
        self._behind: list[int] = []
        """And of those before it."""
        self._open: dict[int, int] = {}
        self._parked = set[int]()
        """The open positions of which nothing has begun."""

    def go_on_at(self, head: int) -> None:
        """Have the live reader go on at *head*; the positions that it leaves out are a stretch."""
        self.stretches.append(Track(self, start=self.live.read, read=self.live.read, end=head))
        self.live = Track(self, start=head, read=head)
        self._behind += self._ahead
        heapify(self._behind)
        self._ahead = []

    def open(self, position: int, count: int) -> None:
        """Count *count* deliveries of the event at *position* as not yet settled."""
        heappush(self._behind if position <= self.live.start else self._ahead, position)
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
        for heap in (self._behind, self._ahead):
            while heap and heap[0] not in self._open:
                heappop(heap)

    @property
    def reached(self) -> Reached:
        """How far it has been read and settled."""
        live_cursor = self._ahead[0] - 1 if self._ahead else self.live.read
        unsettled = self._behind[:1] + [track.read + 1 for track in self.stretches if track.read != track.end]
        if not unsettled:
            return Reached(live_cursor)
        return Reached(min(unsettled) - 1, self.live.start, live_cursor)

    @property
    def cursor(self) -> int:
        """Everything up to here has been read and settled."""
        return self.reached.cursor

    def settled_of(self, company_id: int, written: Reached) -> int:
        """Tell up to which position the ledger has all of a company, of which it has at least what is *written*."""
        cursor, _, live_cursor = written
        if live_cursor is None or not self.live.is_first_of(company_id, cursor=cursor):
            return cursor
        return live_cursor

    @property
    def is_settled(self) -> bool:
        """Whether nothing that has begun, or was claimed, is still open."""
        return len(self._open) == len(self._parked) and not self.claimed

    def next_stretch(self) -> Track | None:
        """Give the first stretch that is still to be read; those that were read are forgotten."""
        while self.stretches and self.stretches[0].read == self.stretches[0].end:
            self.stretches.popleft()
        return self.stretches[0] if self.stretches else None


def next_window(tracks: Sequence[Track], *, head: int) -> tuple[list[Track], int, int]:
    """Choose what to read next of a log that ends at *head*: tracks in step, at one position, are read with one query.

    One that was just claimed is behind the others until they meet. They take turns, so that nobody waits for a backlog in another
    shard. Returns (tracks, after, up_to).
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
