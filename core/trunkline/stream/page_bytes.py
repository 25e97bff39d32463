"""Limits the size of a page of events: 200 events of 256 KiB would be 50 MB, held in memory for each slow reader."""

from collections import OrderedDict
from collections.abc import Sequence

from trunkline.model.events import Event

MAX_PAGE_BYTES = 1024 * 1024
UNKNOWN = 3
"""Events that are read for a company's first page, to learn their size; few, as many of its clients may ask at once."""
_REMEMBERED = 10_000


class PageBytes:
    """Cuts pages, and remembers the size of each company's events, so that no more are read than a page holds."""

    def __init__(self) -> None:
        self._bytes: OrderedDict[int, int] = OrderedDict()

    def knows(self, company_id: int) -> bool:
        """Tell whether the size of a company's events is known."""
        return company_id in self._bytes

    def limit_for(self, company_id: int, limit: int) -> int:
        """Give the number of events to read for a page of *limit*."""
        return min(limit, MAX_PAGE_BYTES // self._bytes.get(company_id, 1) + 1)

    def cut(self, company_id: int, events: Sequence[Event]) -> Sequence[Event]:
        """Give the first of *events*, as many as a page holds; at least one."""
        total = 0
        for count, event in enumerate(events):
            total += len(event.body)
            if total > MAX_PAGE_BYTES and count:
                self._note(company_id, total // (count + 1))
                return events[:count]
        if events:
            self._note(company_id, total // len(events))
        return events

    def _note(self, company_id: int, average: int) -> None:
        """Remember the average size of events; after long events the average falls slowly."""
        self._bytes[company_id] = max(average, self._bytes.get(company_id, 0) // 2, 1)
        self._bytes.move_to_end(company_id)
        if len(self._bytes) > _REMEMBERED:
            self._bytes.popitem(last=False)
