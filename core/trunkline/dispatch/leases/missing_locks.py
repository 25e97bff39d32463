"""Workers whose process seems to have ended: their heartbeat is fresh, but nobody holds their lock. No I/O."""

from collections.abc import Mapping

APART_SECONDS = 0.5
"""Shortest time between two looks: by then a worker that is cut off from the database knows it and begins nothing."""


class MissingLocks:
    """The workers that had no lock, with the same heartbeat, at each look."""

    __slots__ = ("_first_seen", "are_new")

    def __init__(self) -> None:
        self._first_seen: dict[tuple[str, int], float] = {}
        self.are_new = False
        """Whether the last look found a worker without a lock for the first time."""

    def see(self, missing: Mapping[str, int], *, now: float) -> None:
        """Note the workers without a lock at a look that ended *now* (monotonic seconds), with their last heartbeats."""
        before = self._first_seen
        self._first_seen = {each: before.get(each, now) for each in missing.items()}
        self.are_new = not self._first_seen.keys() <= before.keys()

    def seen_twice(self, *, now: float) -> dict[str, int]:
        """Give the workers, with their heartbeats, whose first look without a lock was at least ``APART_SECONDS`` before *now*."""
        return {
            worker: heartbeat_ms
            for (worker, heartbeat_ms), first in self._first_seen.items()
            if now - first >= APART_SECONDS
        }
