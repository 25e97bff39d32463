"""Workers whose process seems to have ended: they are alive by their heartbeat, and nobody holds their lock. No I/O."""

from collections.abc import Mapping

APART_SECONDS = 0.5
"""How far two looks have to be apart: a worker that is cut off from the database knows it by then, and begins nothing."""


class MissingLocks:
    """Who had no lock at each look of one worker, all with the same heartbeat."""

    __slots__ = ("_first_seen", "are_new")

    def __init__(self) -> None:
        self._first_seen: dict[tuple[str, int], float] = {}
        self.are_new = False
        """Whether somebody was seen so for the first time at the last look."""

    def see(self, missing: Mapping[str, int], *, now: float) -> None:
        """Note who had no lock at a look that ended *now* (monotonic seconds), with their last heartbeats."""
        before = self._first_seen
        self._first_seen = {each: before.get(each, now) for each in missing.items()}
        self.are_new = not self._first_seen.keys() <= before.keys()

    def seen_twice(self, *, now: float) -> dict[str, int]:
        """Give those, with their heartbeats, of whom a look *now* is far enough apart from the first one."""
        return {
            worker: heartbeat_ms
            for (worker, heartbeat_ms), first in self._first_seen.items()
            if now - first >= APART_SECONDS
        }
