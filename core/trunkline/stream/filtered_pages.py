"""Pages of the events that match a filter.

The log is searched in pieces, from the client's position, until the page is full or the call's limit is reached. The cursor of
the answer is after all events that were searched, so no event is searched twice.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from msgspec import Struct, structs

from trunkline.errors import BadQuery, BodyInvalid, FieldError
from trunkline.filters import costs, filters
from trunkline.filters.filters import Filter, without_blanks
from trunkline.filters.reading import Reading
from trunkline.model.events import Event
from trunkline.runtime.pauses import Pauses
from trunkline.runtime.turns import Turns
from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.stream.page_bytes import MAX_PAGE_BYTES

MOST_COST = 10_000
"""Highest cost of a filter (``filters.costs``).

By default, this is also the limit of the total cost for all of a company's subscriptions.
"""
MOST_LOOKED_AT = 10_000
"""The most events that one call searches."""
LIMIT_SECONDS = 1.0
"""Time after which a call answers with the events found so far."""
PIECE = 1_000
"""Number of events that are read at once; fewer if they are long."""
AT_ONCE = 2
"""Number of calls that search at the same time in one process; a company has at most one of them."""
WAIT_SECONDS = 5.0
_PARTS = ("payload.", "metadata.")


class PageRequest(Struct, frozen=True):
    """A request for a page: events after position *cursor*, or accepted at *since_ms* or later, or from the oldest event on."""

    company_id: int
    types: Sequence[str]
    cursor: int | None
    since_ms: int | None
    limit: int


class Found(Struct, frozen=True):
    """The events of a page, the position from which to continue, and whether more events follow, matching or not."""

    events: Sequence[Event]
    after: int
    more: bool


Read = Callable[[PageRequest], Awaitable[Found]]
"""Reads one piece of the log, as a page without a filter."""


class FilteredPages:
    """Searches the log, through *read*, for events that match a filter."""

    def __init__(self, read: Read, schema_versions: SchemaVersions) -> None:
        self._read = read
        self._schema_versions = schema_versions
        self._turns = Turns(share=1, total=AT_ONCE)

    async def search(self, request: PageRequest, wanted: Filter, versions: Pins | None) -> Found:
        """Search for events that match *wanted*; events are tested in the versions that the caller reads.

        Raises:
            CursorExpired: events after the position were removed.
            TooMuchAtOnce: other searches of the company did not end in time.
        """
        async with self._turn_of(request.company_id):
            deadline = time.monotonic() + LIMIT_SECONDS
            pauses = Pauses()
            events: list[Event] = []
            after, size, looked_at = 0, 0, 0
            piece = await self._read(structs.replace(request, limit=PIECE))
            while True:
                for event in piece.events:
                    if wanted.test(Reading(self._schema_versions.decode(event, versions))):
                        size += len(event.body)
                        if events and (len(events) == request.limit or size > MAX_PAGE_BYTES):
                            return Found(events, after, more=True)
                        events.append(event)
                    after = event.position
                    await pauses.pause_if_due()
                looked_at += len(piece.events)
                if not piece.more or looked_at >= MOST_LOOKED_AT or time.monotonic() >= deadline:
                    return Found(events, piece.after, piece.more)
                piece = await self._read(structs.replace(request, cursor=piece.after, limit=PIECE))

    async def among(
        self, company_id: int, events: Sequence[Event], wanted: Filter, versions: Pins | None
    ) -> list[Event]:
        """Choose the *events* that match *wanted*, tested in the versions that the caller reads. Raises TooMuchAtOnce."""
        pauses, kept = Pauses(), list[Event]()
        async with self._turn_of(company_id):
            for event in events:
                if wanted.test(Reading(self._schema_versions.decode(event, versions))):
                    kept.append(event)
                await pauses.pause_if_due()
        return kept

    def _turn_of(self, company_id: int) -> AbstractAsyncContextManager[None]:
        things = "calls that look for events by a filter"
        return self._turns.turn(company_id, wait_seconds=WAIT_SECONDS, things=things)


def check(source: Json, event_types: Sequence[EventType]) -> Filter | None:
    """Compile a caller's filter for *event_types*; None if all its comparisons are empty. Raises BadQuery."""
    source = without_blanks(source)
    if source == {}:
        return None
    try:
        wanted = filters.compile(source, event_types=event_types)
    except BodyInvalid as error:
        faults = [FieldError(fault.path.removeprefix("/"), fault.message) for fault in error.errors]
        named = [part for part in reversed(faults[0].path.split("/")) if not part.isdigit()]
        place = next((part for part in named if part.startswith(_PARTS)), named[0])
        msg = f"In the query parameter 'filter', '{place}' {faults[0].message}."
        raise BadQuery(msg, errors=faults) from None
    if (cost := costs.cost_of(source)) > MOST_COST:
        raise BadQuery.parameter(
            "filter", f"would cost {cost:,} to compare, of {MOST_COST:,} at most; ask for less"
        )
    return wanted
