"""How long a page of events may be: 200 events of 256 KiB would be 50 MB, held for each reader however slowly it reads."""

from collections import OrderedDict
from collections.abc import Sequence

from trunkline.model.events import Event

MAX_PAGE_BYTES = 1024 * 1024
UNKNOWN = 3
"""Events that are read for the first page of a company, to see how long they are: many of its clients may ask at once."""
_REMEMBERED = 10_000


class PageBytes:
    """Cuts pages, and remembers how long each company's events are, so that no more of them are read than a page holds."""

    def __init__(self) -> None:
        self._bytes: OrderedDict[int, int] = OrderedDict()

    def knows(self, company_id: int) -> bool:
        """Tell whether it is known how long a company's events are."""
        return company_id in self._bytes

    def limit_for(self, company_id: int, limit: int) -> int:
        """Give how many events to read for a page of *limit*."""
        return min(limit, MAX_PAGE_BYTES // self._bytes.get(company_id, 1) + 1)

    def cut(self, company_id: int, events: Sequence[Event]) -> Sequence[Event]:
        """Give the first of *events*: as many as a page holds, one at least."""
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
        """Remember how long events were on average; after long ones the average falls slowly."""
        self._bytes[company_id] = max(average, self._bytes.get(company_id, 0) // 2, 1)
        self._bytes.move_to_end(company_id)
        if len(self._bytes) > _REMEMBERED:
            self._bytes.popitem(last=False)
