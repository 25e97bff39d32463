"""Digests of the log: the number of a company's events between two positions, and the SHA-256 of their ids.

A reader that stores the ids of its events can compute the same digest. If the digests differ, the reader requests the
digests of smaller ranges.

The log is read in pieces, each with its own connection. Few pieces are read at once, and a company has one digest at a time.
Without a filter only ids are read. Nothing is stored: a million ids take less than a second.
"""

import hashlib
import time
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline.errors import BadCursor, BadQuery, CursorUnknown
from trunkline.filters import filters
from trunkline.filters.filters import Filter
from trunkline.filters.reading import Reading
from trunkline.model import cursors
from trunkline.model.event_groups import EVERY_TYPE
from trunkline.model.events import Event
from trunkline.model.times import epoch_ms_of
from trunkline.runtime import callers
from trunkline.runtime.pauses import Pauses
from trunkline.runtime.turns import Turns
from trunkline.schemas.catalog import Json
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.store import retention, stream
from trunkline.store.database import Database
from trunkline.store.retention import LogBounds
from trunkline.stream.pages import Streaming
from trunkline.subscribing.finding import SubscriptionFinder

AT_ONCE = 2
"""The number of pieces that one process reads at once."""
WAIT_SECONDS, LIMIT_SECONDS = 5.0, 20.0
"""How long a digest waits for another digest of the company; how long a digest reads before it returns a partial result."""
MOST_EVENTS = 1_000_000
MAX_RANGES = 1_000
IDS, EVENTS = 20_000, 500
"""The number of ids in one piece, and of events if there is a filter."""
_HASHED = 5_000


class _Selection(Struct, frozen=True):
    """The events to digest, in pieces of *piece*, tested by *wanted* in these *versions*. Empty *types* mean every type."""

    company_id: int
    types: Sequence[str]
    wanted: Filter | None
    versions: Pins | None
    piece: int


class Digests:
    """Computes digests of ranges of the log (``contract.Digests``)."""

    def __init__(
        self,
        database: Database,
        *,
        finder: SubscriptionFinder,
        streaming: Streaming,
        schema_versions: SchemaVersions,
    ) -> None:
        self._database = database
        self._finder = finder
        self._streaming = streaming
        self._schema_versions = schema_versions
        self._digests = Turns(share=1)
        self._pieces = Turns(share=1, total=AT_ONCE)

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
        limit: int = MOST_EVENTS,
    ) -> dict[str, Any]:
        """Compute the digest of a company's events after *begin* and up to *end*; only the first *limit* events count.

        With *subscription_id* only the events that match this subscription count. *ranges* adds digests of that many parts with
        equal numbers of events. ``more`` is true if the time or size limit was reached; ``to`` is then the position reached.

        Raises as ``contract.Digests`` says.
        """
        wanted: Filter | None
        if subscription_id is not None:
            subscription = await self._finder.find(company_id, subscription_id, channel=None)
            types = [] if EVERY_TYPE in subscription.event_types else subscription.event_types
            versions = subscription.pins
            wanted = filters.compile_stored(subscription.filter) if subscription.filter else None
        else:
            wanted = self._streaming.wanted(filter, types, versions)
        piece = min(IDS if wanted is None else EVENTS, limit)
        selection = _Selection(company_id, self._streaming.named(types), wanted, versions, piece)
        async with self._digests.turn(company_id, wait_seconds=WAIT_SECONDS, things="digests", limit=1):
            return await callers.while_present(self._of(selection, begin, end, ranges, limit))

    async def _of(
        self, selection: _Selection, begin: str | None, end: str | None, ranges: int | None, limit: int
    ) -> dict[str, Any]:
        async with self._database.read() as connection:
            bounds = await retention.log_bounds(connection)
            after = bounds.edge if begin is None else await _place(connection, "from", begin, bounds)
            up_to = bounds.head if end is None else await _place(connection, "to", end, bounds)
            await retention.check_cursor(connection, selection.company_id, after=after, bounds=bounds)
        if up_to < after:
            raise BadQuery.parameter("to", "lies before 'from'")
        ids, reached = array("q"), up_to
        deadline = time.monotonic() + LIMIT_SECONDS
        async for piece, position in self._read(selection, after, up_to):
            ids.extend(piece)
            if len(ids) > limit - selection.piece or time.monotonic() >= deadline:
                reached = position
                break
        async with self._database.read() as connection:
            await retention.check_cursor(connection, selection.company_id, after=after)
        answer = await _digest(ids, after, reached) | {"more": reached < up_to}
        if ranges is not None:
            answer["ranges"] = []
            count = max(min(ranges, len(ids)), 1)
            for part in range(count):
                own = ids[len(ids) * part // count : len(ids) * (part + 1) // count]
                end_of_part = reached if part == count - 1 else own[-1]
                answer["ranges"].append(await _digest(own, after, end_of_part))
                after = end_of_part
        return answer

    async def _read(
        self, selection: _Selection, after: int, up_to: int
    ) -> AsyncIterator[tuple[Sequence[int], int]]:
        """Yield the ids of a range in pieces, each with the position up to which the range has been read."""
        pauses = Pauses()
        position: int | None = after
        while position is not None and position < up_to:
            ids, events, position = await self._piece(selection, position)
            if selection.wanted is not None:
                for event in events:
                    reading = Reading(self._schema_versions.decode(event, selection.versions))
                    if selection.wanted.test(reading):
                        ids.append(event.position)
                    await pauses.pause_if_due()
            while ids and ids[-1] > up_to:
                ids.pop()
            yield ids, up_to if position is None else min(position, up_to)
            await pauses.pause_if_due()

    async def _piece(
        self, selection: _Selection, after: int
    ) -> tuple[list[int], Sequence[Event], int | None]:
        """Read the next ids, or events if there is a filter, and the position reached; None means the end of the log."""
        company_id, types, limit = selection.company_id, selection.types, selection.piece
        async with self._pieces.turn(company_id), self._database.read() as connection:
            if selection.wanted is None:
                ids, reached = await stream.positions(
                    connection, company_id, types=types, after=after, limit=limit
                )
                return ids, (), reached
            events = await stream.read_company(
                connection,
                company_id,
                types=types,
                after=after,
                limit=limit,
                unnamed=stream.NOT_OPERATIONAL,
            )
        return [], events, events[-1].position if len(events) == limit else None


async def _place(connection: Any, name: str, text: str, bounds: LogBounds) -> int:
    """Read a position of the log from *text*: a cursor, an ISO 8601 time, or an event's id. Raises BadQuery, CursorUnknown."""
    if text.isascii() and text.isdigit() and len(text) <= 19:
        position = int(text)
    elif (since_ms := epoch_ms_of(text)) is not None:
        position = max(await stream.position_before(connection, since_ms), bounds.edge)
    else:
        try:
            position = cursors.decode(text)
        except BadCursor:
            message = "must be a cursor, an ISO 8601 time with its offset, or the id of an event"
            raise BadQuery.parameter(name, message) from None
    if position > bounds.head:
        raise CursorUnknown
    return position


async def _digest(ids: "array[int]", after: int, up_to: int) -> dict[str, Any]:
    pauses = Pauses()
    digest = hashlib.sha256()
    for start in range(0, len(ids), _HASHED):
        digest.update("".join([f"{position}\n" for position in ids[start : start + _HASHED]]).encode())
        await pauses.pause_if_due()
    return {
        "from": cursors.encode(after),
        "to": cursors.encode(up_to),
        "after_id": after,
        "last_id": up_to,
        "count": len(ids),
        "digest": digest.hexdigest(),
    }
