"""Dry runs: count the events that a replay would send.

A count reads the log in pieces. For each piece, the count borrows a connection and returns it; then other tasks run. A
company has one count at a time. Few pieces are read at once, and companies take turns. A count ends if its caller has
disconnected, or after ``LIMIT_SECONDS`` with a partial result.
"""

import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import structs

from trunkline.dispatch.ledger import replay
from trunkline.dispatch.ledger.replay import Range
from trunkline.errors import TooMuchAtOnce
from trunkline.model.subscriptions import Subscription
from trunkline.runtime import callers
from trunkline.runtime.turns import Turns
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import stream
from trunkline.store.connection import Connection
from trunkline.store.database import Database

AT_ONCE = 2
"""The number of pieces that one process reads at once."""
WAIT_SECONDS = 5.0
"""How long a count waits for another count of the company."""
LIMIT_SECONDS = 20.0
COUNTED = 20_000
"""The number of events in a piece if they are counted without being read; counting it takes a few milliseconds."""

Counting = Coroutine[Any, Any, tuple[int, int]]
"""Returns the number of counted events in a piece, and the position reached."""


class DryRuns:
    """Counts the events that replays would send. A count takes at most *limit_seconds*."""

    def __init__(
        self,
        database: Database,
        *,
        schema_versions: SchemaVersions,
        limit_seconds: float = LIMIT_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._database = database
        self._schema_versions = schema_versions
        self._limit_seconds = limit_seconds
        self._wait_seconds = wait_seconds
        self._counts = Turns(share=1)
        self._pieces = Turns(share=1, total=AT_ONCE)

    async def count(self, subscription: Subscription, request: Mapping[str, Any]) -> dict[str, Any]:
        """Count the events that a replay would send; ``complete`` is false if the time limit was reached.

        Raises:
            BodyInvalid: the range is empty.
            TooMuchAtOnce: another count of the company is running.
            CallerLeft: the caller has disconnected.
        """
        return await callers.while_present(self._count(subscription, request))

    async def _count(self, subscription: Subscription, request: Mapping[str, Any]) -> dict[str, Any]:
        company_id = subscription.company_id
        try:
            await self._counts.take(company_id, wait_seconds=self._wait_seconds)
        except TimeoutError:
            raise TooMuchAtOnce(
                "dry run", limit=1, retry_after_seconds=int(self._wait_seconds) or 1
            ) from None
        try:
            deadline = time.monotonic() + self._limit_seconds
            async with self._database.read() as connection:
                span = await replay.plan(connection, request)
            matched = 0
            for count_next in self._counters(subscription, span):
                after = span.after
                while after < span.up_to:
                    if time.monotonic() >= deadline:
                        return {"matched": matched, "complete": False}
                    piece = structs.replace(span, after=after)
                    count, after = await self._in_turn(
                        partial(count_next, span=piece), subscription.company_id
                    )
                    matched += count
            return {"matched": matched}
        finally:
            self._counts.give_back(company_id)

    def _counters(self, subscription: Subscription, span: Range) -> Sequence[Callable[..., Counting]]:
        """Return the functions that count events in pieces of *span*. Each function counts a different part of the events."""
        types = replay.countable_types(subscription, span)
        if types is None:
            return (partial(self._count_matches, subscription=subscription),)
        company_id = subscription.company_id
        return [partial(_count_type, company_id=company_id, type=name) for name in types]

    async def _in_turn(self, count: Callable[[Connection], Counting], company_id: int) -> tuple[int, int]:
        turn = self._pieces.turn(company_id)
        async with turn, self._database.read() as connection:
            return await count(connection)

    async def _count_matches(
        self, connection: Connection, *, subscription: Subscription, span: Range
    ) -> tuple[int, int]:
        return await replay.count_page(connection, subscription, span, schema_versions=self._schema_versions)


async def _count_type(
    connection: Connection, *, company_id: int, type: str | None, span: Range
) -> tuple[int, int]:
    return await stream.count_company(
        connection, company_id, type=type, after=span.after, up_to=span.up_to, limit=COUNTED
    )
