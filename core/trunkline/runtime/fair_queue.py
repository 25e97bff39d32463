"""A queue in which companies take turns, so that the long queue of one company delays no other company."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

Owner = TypeVar("Owner")
Item = TypeVar("Item")


class FairQueue(Generic[Owner, Item]):
    """Waiting items, each of a company. The items of one company are first in, first out."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: OrderedDict[Owner, deque[Item]] = OrderedDict()

    def put(self, owner: Owner, item: Item) -> None:
        """Add *item* behind the company's other items."""
        line = self._lines.get(owner)
        if line is None:
            line = self._lines[owner] = deque()
        line.append(item)

    def pop(self, may: Callable[[Owner, Item], bool] | None = None) -> tuple[Owner, Item] | None:
        """Remove and return the next company's first item, with the company, which then moves behind the others.

        Companies for whose first item *may* is false are passed over. Returns None if none is left.
        """
        for owner, line in self._lines.items():
            if may is None or may(owner, line[0]):
                break
        else:
            return None
        item = line.popleft()
        if line:
            self._lines.move_to_end(owner)
        else:
            del self._lines[owner]
        return owner, item

    def remove(self, owner: Owner, item: Item) -> None:
        """Remove *item* if it is queued."""
        line = self._lines.get(owner)
        if line is not None and item in line:
            line.remove(item)
            if not line:
                del self._lines[owner]

    def waiting(self, owner: Owner) -> int:
        """Return the number of a company's items."""
        return len(self._lines.get(owner, ()))

    def __bool__(self) -> bool:
        return bool(self._lines)
