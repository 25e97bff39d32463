"""Workers whose process seems to have ended: their heartbeat is fresh, but their lock is free. No I/O."""

from collections.abc import Mapping

APART_SECONDS = 0.5
"""Shortest time between two checks.

By the second check, a worker that has lost its connection to the database has noticed the loss, and starts nothing.
"""


class MissingLocks:
    """The workers that had no lock and an unchanged heartbeat at each check so far."""

    __slots__ = ("_first_seen", "are_new")

    def __init__(self) -> None:
        self._first_seen: dict[tuple[str, int], float] = {}
        self.are_new = False
        """Whether the last check found a worker without a lock for the first time."""

    def see(self, missing: Mapping[str, int], *, now: float) -> None:
        """Note the workers without a lock, with their last heartbeats, at a check that ended *now* (monotonic seconds)."""
        before = self._first_seen
        self._first_seen = {each: before.get(each, now) for each in missing.items()}
        self.are_new = not self._first_seen.keys() <= before.keys()

    def seen_twice(self, *, now: float) -> dict[str, int]:
        """Return the last heartbeats of the workers that had no lock for at least ``APART_SECONDS`` before *now*."""
        return {
            worker: heartbeat_ms
            for (worker, heartbeat_ms), first in self._first_seen.items()
            if now - first >= APART_SECONDS
        }
