"""How long a page of events may be: 200 events of 256 KiB would be 50 MB, held for each reader however slowly it reads."""

from collections import OrderedDict
from collections.abc import Sequence

from trunkline.model.events import Event

MAX_PAGE_BYTES = 1024 * 1024
_LONG_BYTES = MAX_PAGE_BYTES // 200
"""Events that are shorter on average never make a page too long."""
_REMEMBERED = 10_000


class PageBytes:
    """Cuts pages, and remembers whose events are long, so that no more of them are read than a page holds."""

    def __init__(self) -> None:
        self._average: OrderedDict[int, int] = OrderedDict()

    def limit_for(self, company_id: int, limit: int) -> int:
        """Give how many events to read for a page of *limit*."""
        average = self._average.get(company_id)
        return limit if average is None else min(limit, MAX_PAGE_BYTES // average + 1)

    def cut(self, company_id: int, events: Sequence[Event]) -> Sequence[Event]:
        """Give the first of *events*: as many as a page holds, one at least."""
        total = 0
        for count, event in enumerate(events):
            total += len(event.body)
            if total > MAX_PAGE_BYTES and count:
                self._note(company_id, total // (count + 1))
                return events[:count]
        if company_id in self._average and events:
            self._note(company_id, total // len(events))
        return events

    def _note(self, company_id: int, average: int) -> None:
        if average <= _LONG_BYTES:
            self._average.pop(company_id, None)
            return
        self._average[company_id] = average
        self._average.move_to_end(company_id)
        if len(self._average) > _REMEMBERED:
            self._average.popitem(last=False)
