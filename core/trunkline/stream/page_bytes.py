"""Limits the bytes of a page: 200 events of 256 KiB would occupy 50 MB of memory for each slow reader."""

from collections import OrderedDict
from collections.abc import Sequence

from trunkline.model.events import Event

MAX_PAGE_BYTES = 1024 * 1024
UNKNOWN = 3
"""Number of events that are read first, to learn their size, if the size of a company's events is unknown.

It is small, because many clients may ask at the same time.
"""
_REMEMBERED = 10_000


class PageBytes:
    """Cuts pages to the size limit, and keeps the average event size of each company, so that no more is read than fits."""

    def __init__(self) -> None:
        self._bytes: OrderedDict[int, int] = OrderedDict()

    def knows(self, company_id: int) -> bool:
        """Return whether the size of a company's events is known."""
        return company_id in self._bytes

    def limit_for(self, company_id: int, limit: int) -> int:
        """Return the number of events to read for a page of *limit* events."""
        return min(limit, MAX_PAGE_BYTES // self._bytes.get(company_id, 1) + 1)

    def cut(self, company_id: int, events: Sequence[Event]) -> Sequence[Event]:
        """Return as many of the first *events* as fit into a page, but at least one."""
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
        """Store the average event size of a company. After a page of long events, the stored size falls only slowly."""
        self._bytes[company_id] = max(average, self._bytes.get(company_id, 0) // 2, 1)
        self._bytes.move_to_end(company_id)
        if len(self._bytes) > _REMEMBERED:
            self._bytes.popitem(last=False)
