"""Pages of lists that are in memory: channels, plugins, keys and the like. Each list takes ``limit`` and ``cursor``."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import Field

from trunkline.api.requests import QueryModel
from trunkline.errors import BadCursor

MAX_PAGE = 200
Item = TypeVar("Item")


class ListQuery(QueryModel):
    """Which page of a list to give."""

    limit: int | None = Field(default=None, ge=1, le=MAX_PAGE, description="how many at most; all, if absent")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")


def page_of(
    items: Sequence[Item], query: ListQuery, *, name: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """Return the page of *items* that *query* asks for, and the cursor of the next one; None on the last page.

    A cursor is the *name* of the last item of its page. Raises BadCursor if there is no such item.
    """
    start = 0
    if query.cursor is not None:
        start = next((n for n, item in enumerate(items, start=1) if name(item) == query.cursor), 0)
        if not start:
            raise BadCursor
    page = items[start : None if query.limit is None else start + query.limit]
    return page, name(page[-1]) if start + len(page) < len(items) else None
