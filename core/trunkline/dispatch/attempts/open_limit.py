"""Limits of open deliveries in memory, in all and per company. No I/O, no clock.

A delivery is open from its start until its result is written.
"""

import asyncio

HIGH_WATER = 4096
"""Number of open deliveries at which the live reader stops. The reader continues when half of them have ended."""
COMPANY_HIGH_WATER = 1024
"""Number of open deliveries of one company from which only the positions of its further events are kept.

Once fewer than half as many are open, its events may start deliveries again.
"""
SHARE_OF_SLOTS = 0.75
"""The share of the slots that deliveries of stretches (older ranges of the log) may take; the rest stays free for live deliveries."""
SHARE_OF_COMPANY = 0.25
"""The share of those slots that one company may take."""


class OpenLimit:
    """Counts the open deliveries of one reader, in all and per company.

    The reader stops at *most* open deliveries, and starts none for a company with *most_of_company*.
    """

    def __init__(self, most: int, most_of_company: int, *, resumes_at: int) -> None:
        self._most = most
        self._most_of_company = most_of_company
        self._resumes_at = resumes_at
        self.open = 0
        """The number of open deliveries."""
        self.has_room = asyncio.Event()
        """Set while the reader may start more deliveries."""
        self.has_room.set()
        self.company_has_room = asyncio.Event()
        """Set when a company that was at its limit may start deliveries again."""
        self._open: dict[int, int] = {}
        self._full: set[int] = set()

    def has_room_for(self, company_id: int) -> bool:
        """Return whether more deliveries of a company may begin."""
        return company_id not in self._full

    def take(self, company_id: int) -> None:
        """Count one more open delivery."""
        self.open += 1
        if self.open >= self._most:
            self.has_room.clear()
        count = self._open[company_id] = self._open.get(company_id, 0) + 1
        if count >= self._most_of_company:
            self._full.add(company_id)

    def give_back(self, company_id: int) -> None:
        """Count one open delivery less, because it has ended."""
        self.open -= 1
        if self.open < self._resumes_at:
            self.has_room.set()
        count = self._open[company_id] - 1
        if count:
            self._open[company_id] = count
        else:
            del self._open[company_id]
        if count < self._most_of_company / 2 and company_id in self._full:
            self._full.remove(company_id)
            self.company_has_room.set()


def of_live() -> OpenLimit:
    """Make the limit of the live reader."""
    return OpenLimit(HIGH_WATER, COMPANY_HIGH_WATER, resumes_at=HIGH_WATER // 2)


def of_stretches(slots: int) -> OpenLimit:
    """Make the limit of the reader of stretches (older ranges of the log), for a process with *slots* slots."""
    most = max(int(slots * SHARE_OF_SLOTS), 1)
    return OpenLimit(most, max(int(most * SHARE_OF_COMPANY), 1), resumes_at=most)
