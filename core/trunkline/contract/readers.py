"""Readers of the log whose cursors the hub keeps, and the proof that a reader has everything."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trunkline.schemas.catalog import Json


class Consumers(Protocol):
    """The named consumers of companies; the views are JSON as ``/api/v1/consumers`` has it."""

    async def page_of(
        self, company_id: int, *, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Json]:
        """List a company's consumers, oldest first: ``consumers`` and ``next_cursor``. Raises BadCursor."""
        ...

    async def get(self, company_id: int, name: str) -> dict[str, Json]:
        """Show one. Raises NotFound."""
        ...

    async def seek(
        self, company_id: int, name: str, *, cursor: str | None = None, since_ms: int | None = None
    ) -> dict[str, Json]:
        """Move it to *cursor*, or to what was accepted at *since_ms* (Unix ms), and show it. Every lease of it ends.

        Raises NotFound, BadCursor, CursorExpired, CursorUnknown.
        """
        ...


class Digests(Protocol):
    """Counts and digests of stretches of the log, as ``GET /api/v1/events/digest`` gives them."""

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
    ) -> dict[str, Json]:
        """Digest a company's events after *begin* and up to *end*: cursors, ISO 8601 times, or ids of events.

        Raises BadQuery, NotFound, CursorExpired, CursorUnknown, TooMuchAtOnce.
        """
        ...
