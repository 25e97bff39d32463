"""OpenLimit in memory: how many deliveries a process has begun and not settled, of all companies and of each. No I/O, no clock."""

import asyncio

HIGH_WATER = 4096
"""Open deliveries at which the live reader stops, until half of them have ended."""
COMPANY_HIGH_WATER = 1024
"""Those of one company at which its further events wait by their position only, until half of them have ended."""
SHARE_OF_SLOTS = 0.75
"""The part of the slots that deliveries of stretches may take: what is live finds one free."""
SHARE_OF_COMPANY = 0.25
"""The part of those that one company may take."""


class OpenLimit:
    """Counts the deliveries of one reader that a shard's cursor waits for, up to *most*, and up to *most_of_company* of each."""

    __slots__ = (
        *("_full", "_most", "_most_of_company", "_open", "_resumes_at"),
        *("company_has_room", "has_room", "open"),
    )

    def __init__(self, most: int, most_of_company: int, *, resumes_at: int) -> None:
        self._most = most
        self._most_of_company = most_of_company
        self._resumes_at = resumes_at
        self.open = 0
        """How many there are."""
        self.has_room = asyncio.Event()
        """Whether the reader may go on."""
        self.has_room.set()
        self.company_has_room = asyncio.Event()
        """Set when a company that had no room has some again."""
        self._open: dict[int, int] = {}
        self._full: set[int] = set()

    def has_room_for(self, company_id: int) -> bool:
        """Tell whether more deliveries of a company may be begun."""
        return company_id not in self._full

    def take(self, company_id: int) -> None:
        """Count one more."""
        self.open += 1
        if self.open >= self._most:
            self.has_room.clear()
        count = self._open[company_id] = self._open.get(company_id, 0) + 1
        if count >= self._most_of_company:
            self._full.add(company_id)

    def give_back(self, company_id: int) -> None:
        """Count one less."""
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
    """Make the room of the live reader."""
    return OpenLimit(HIGH_WATER, COMPANY_HIGH_WATER, resumes_at=HIGH_WATER // 2)


def of_stretches(slots: int) -> OpenLimit:
    """Make the room for what is caught up with, beside live deliveries, where there are so many *slots*."""
    most = max(int(slots * SHARE_OF_SLOTS), 1)
    return OpenLimit(most, max(int(most * SHARE_OF_COMPANY), 1), resumes_at=most)
