"""Room in memory: how many deliveries a process has begun and not settled, of all companies and of each. No I/O, no clock."""

import asyncio

HIGH_WATER = 4096
"""Open deliveries at which the live lane stops reading, until half of them have ended."""
COMPANY_HIGH_WATER = 1024
"""Those of one company at which its further events wait by their position only, until half of them have ended."""


class Room:
    """Counts the deliveries that a shard's cursor waits for."""

    __slots__ = ("_full", "_open", "company_has_room", "has_room", "open")

    def __init__(self) -> None:
        self.open = 0
        """How many there are."""
        self.has_room = asyncio.Event()
        """Whether the live lane may read on."""
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
        if self.open >= HIGH_WATER:
            self.has_room.clear()
        count = self._open[company_id] = self._open.get(company_id, 0) + 1
        if count >= COMPANY_HIGH_WATER:
            self._full.add(company_id)

    def give_back(self, company_id: int) -> None:
        """Count one less."""
        self.open -= 1
        if self.open < HIGH_WATER // 2:
            self.has_room.set()
        count = self._open[company_id] - 1
        if count:
            self._open[company_id] = count
        else:
            del self._open[company_id]
        if count < COMPANY_HIGH_WATER // 2 and company_id in self._full:
            self._full.remove(company_id)
            self.company_has_room.set()
