"""Dry runs: count the events that a replay would send.

A count reads the log in pieces. For each piece, the count borrows a connection and returns it; then other tasks run. A
company has one count at a time. Few pieces are read at once, and companies take turns. A count ends if its caller has
disconnected, or after ``LIMIT_SECONDS`` with a partial result.
"""

import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field, structs

from trunkline.dispatch.ledger import replay
from trunkline.dispatch.ledger.replay import Range
from trunkline.model.subscriptions import Subscription
from trunkline.runtime import callers
from trunkline.runtime.turns import Turns
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import stream
from trunkline.store.database import Database

AT_ONCE = 2
"""The number of pieces that one process reads at once."""
WAIT_SECONDS = 5.0
"""How long a count waits for another count of the company."""
LIMIT_SECONDS = 20.0
COUNTED = 20_000
"""The number of events in a piece if they are counted without being read; counting it takes a few milliseconds."""


class DryRuns(Struct, frozen=True):
    """Counts the events that replays would send. A count takes at most *limit_seconds*."""

    database: Database
    schema_versions: SchemaVersions
    limit_seconds: float = LIMIT_SECONDS
    wait_seconds: float = WAIT_SECONDS
    counts: Turns = field(default_factory=lambda: Turns(share=1))
    pieces: Turns = field(default_factory=lambda: Turns(share=1, total=AT_ONCE))

    async def count(self, subscription: Subscription, request: Mapping[str, Any]) -> dict[str, Any]:
        """Count the events; ``complete`` is false if the time limit was reached. Raises BodyInvalid, TooMuchAtOnce, CallerLeft."""
        return await callers.while_present(self._count(subscription, request))

    async def _count(self, subscription: Subscription, request: Mapping[str, Any]) -> dict[str, Any]:
        company_id = subscription.company_id
        async with self.counts.turn(company_id, wait_seconds=self.wait_seconds, things="dry run", limit=1):
            deadline = time.monotonic() + self.limit_seconds
            async with self.database.read() as connection:
                span = await replay.plan(connection, request)
            matched = 0
            types = replay.countable_types(subscription, span)
            for name in (None,) if types is None else types:
                piece = span
                while piece.after < span.up_to:
                    if time.monotonic() >= deadline:
                        return {"matched": matched, "complete": False}
                    count, after = await self._count_piece(subscription, piece, name, reads=types is None)
                    piece = structs.replace(piece, after=after)
                    matched += count
            return {"matched": matched}

    async def _count_piece(
        self, subscription: Subscription, span: Range, type: str | None, *, reads: bool
    ) -> tuple[int, int]:
        """Return the number of matching events at the beginning of *span*, and the position reached.

        If *reads* is false, the events of *type* are counted without being read.
        """
        company_id = subscription.company_id
        async with self.pieces.turn(company_id), self.database.read() as connection:
            if reads:
                versions = self.schema_versions
                return await replay.count_page(connection, subscription, span, schema_versions=versions)
            return await stream.count_company(
                connection, company_id, type=type, after=span.after, up_to=span.up_to, limit=COUNTED
            )
