"""Named readers of the log whose cursors the hub stores, and digests that prove that a reader has every event."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trunkline.schemas.catalog import Json


class Consumers(Protocol):
    """The named consumers of companies; views are JSON as in ``/api/v1/consumers``."""

    async def page_of(
        self, company_id: int, *, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Json]:
        """List a company's consumers, oldest first: ``consumers`` and ``next_cursor``. Raises BadCursor."""
        ...

    async def get(self, company_id: int, name: str) -> dict[str, Json]:
        """Show a consumer. Raises NotFound."""
        ...

    async def seek(
        self, company_id: int, name: str, *, cursor: str | None = None, since_ms: int | None = None
    ) -> dict[str, Json]:
        """Move a consumer to *cursor*, or to the acceptance time *since_ms* (Unix ms), and show it. All its leases end.

        Raises NotFound, BadCursor, CursorExpired, CursorUnknown.
        """
        ...


class Digests(Protocol):
    """Counts and digests of ranges of the log, as in ``GET /api/v1/events/digest``."""

    async def of(
        self,
        company_id: int,
        *,
        begin: str | None = None,
        end: str | None = None,
        types: Sequence[str] = (),
        filter: Json | None = None,
        subscription_id: str | None = None,
        ranges: int | None = None,
        versions: Mapping[str, int] | None = None,
        limit: int = 1_000_000,
    ) -> dict[str, Json]:
        """Digest a company's events after *begin* and up to *end*.

        Each is a cursor, an ISO 8601 time, or the id of an event. At most *limit* events are digested; ``more`` is true
        if ``last_id`` is before *end*.

        Raises BadQuery, NotFound, CursorExpired, CursorUnknown, TooMuchAtOnce.
        """
        ...
