"""Reads the log for clients: pages by cursor, long polls, samples."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import Self

from msgspec import structs

from trunkline.contract import StreamPage
from trunkline.filters.filters import Filter
from trunkline.model import cursors
from trunkline.model.event_groups import is_group, types_among
from trunkline.model.events import Event
from trunkline.runtime import callers
from trunkline.runtime.background import Background
from trunkline.schemas.catalog import EventType, Json, SchemaCatalog
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.store import retention, stream
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory
from trunkline.store.wakeup import Signal, Wakeup
from trunkline.stream import filtered_pages
from trunkline.stream.filtered_pages import FilteredPages, Found, PageRequest
from trunkline.stream.long_polls import LongPolls
from trunkline.stream.page_bytes import UNKNOWN, PageBytes

LOOK_SECONDS = 1.0
CHECK_SECONDS = 4.0
"""How often the key of a waiting call is checked: the call ends within 5 s after the key becomes invalid."""
SAMPLED = 200
"""Number of newest events that are searched for events that match a filter."""
CheckCaller = Callable[[], Awaitable[None]]


class Streaming:
    """The log as the clients of companies see it. Enter it to serve long polls."""

    def __init__(
        self,
        database: Database,
        *,
        catalog: SchemaCatalog,
        schema_versions: SchemaVersions,
        wakeup: Wakeup,
        long_polls: LongPolls,
        directory: CompanyDirectory,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._schema_versions = schema_versions
        self._watch = Watch(database, wakeup)
        self._long_polls = long_polls
        self._directory = directory
        self._page_bytes = PageBytes()
        self._filtered = FilteredPages(self._read_piece, schema_versions)
        self._head = 0
        """The head at the last read. A later read sees all events up to it."""

    async def __aenter__(self) -> Self:
        async with self._database.read() as connection:
            self._head = (await retention.log_bounds(connection)).head
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._watch.__aexit__(*details)

    def release(self) -> None:
        """Answer every long poll now, and further ones without waiting, because the hub is stopping."""
        self._watch.release()

    async def page(
        self,
        company_id: int,
        *,
        types: Sequence[str] = (),
        cursor: str | None = None,
        since_ms: int | None = None,
        limit: int = 50,
        wait_seconds: float = 0,
        versions: Pins | None = None,
        filter: Json | None = None,
        check_caller: CheckCaller | None = None,
    ) -> StreamPage:
        """Read up to *limit* events, oldest first; fewer if they are long (``contract.EventReader.page``).

        Raises BadCursor, BadQuery, CursorExpired, CursorUnknown, and TooMuchAtOnce for long polls and searches.
        """
        position = cursors.decode(cursor) if cursor is not None else None
        request = PageRequest(company_id, self.named(types), position, since_ms, limit)
        wanted = self.wanted(filter, request.types, versions)
        if wanted is None:
            request, after, events = await self._read_first(self.fitting(request))
            if not events and wait_seconds > 0:
                async with self._long_polls.of(company_id):
                    waiting = self._wait(request, wait_seconds, check_caller)
                    after, events = await callers.while_present(waiting)
            found = self.cut(request, after, events)
        else:
            found = await callers.while_present(
                self._search(request, wanted, versions, wait_seconds, check_caller)
            )
        return StreamPage(
            bodies=[self._schema_versions.body(event, versions) for event in found.events],
            next_cursor=cursors.encode(found.after),
            more=found.more,
        )

    @contextlib.asynccontextmanager
    async def waiting(self, company_id: int) -> AsyncGenerator[Signal]:
        """Count a long poll of *company_id*, and lend a signal that is set when the company has new events. Raises TooMuchAtOnce."""
        async with self._long_polls.of(company_id):
            with self._watch.signal(company_id) as signal:
                yield signal

    @property
    def is_released(self) -> bool:
        """Whether long polls are answered at once because the hub is stopping."""
        return self._watch.is_released

    def knows_length(self, company_id: int) -> bool:
        """Return whether the size of a company's events is known (``page_bytes``)."""
        return self._page_bytes.knows(company_id)

    async def search(self, request: PageRequest, wanted: Filter, versions: Pins | None) -> Found:
        """Search for events that match *wanted* (``filtered_pages``)."""
        return await self._filtered.search(request, wanted, versions)

    async def get(self, company_id: int, event_id: int, *, versions: Pins | None = None) -> bytes | None:
        """Read one envelope; None if the company has no such event."""
        event = await self.event(company_id, event_id)
        return self._schema_versions.body(event, versions) if event else None

    async def event(self, company_id: int, event_id: int) -> Event | None:
        """Read one event; None if the company has no such event."""
        async with self._database.read() as connection:
            event = (await stream.by_positions(connection, [event_id])).get(event_id)
        return event if event and event.company_id == company_id else None

    async def newest(
        self,
        company_id: int,
        *,
        type: str | None,
        limit: int,
        versions: Pins | None = None,
        filter: Json | None = None,
    ) -> Sequence[bytes]:
        """Read the newest envelopes (``contract.EventReader.newest``). Raises BadQuery, TooMuchAtOnce."""
        wanted = self.wanted(filter, [type] if type else [], versions)
        most = self._page_bytes.limit_for(company_id, limit if wanted is None else SAMPLED)
        async with self._database.read() as connection:
            events = await stream.newest_of_company(
                connection, company_id, types=[type] if type else [], limit=most
            )
        if wanted is not None:
            events = (await self._filtered.among(company_id, events, wanted, versions))[:limit]
        if events:
            page = self._page_bytes.cut(company_id, events)
            return [self._schema_versions.body(event, versions) for event in page]
        reference = await self._directory.reference_of(company_id)
        types = [registered] if type and (registered := self._catalog.known(type)) else self._catalog.types()
        shown = types[: max(limit, 1)]
        return [self.example(company_id, kind.name, versions=versions, reference=reference) for kind in shown]

    async def head(self) -> str:
        """Return a cursor at the current end of the log."""
        async with self._database.read() as connection:
            return cursors.encode((await retention.log_bounds(connection)).head)

    def cursor_after(self, event_id: int) -> str:
        """Return the cursor after an event."""
        return cursors.encode(event_id)

    def operational_types(self) -> Sequence[EventType]:
        """List the operational event types by name."""
        return self._catalog.operational.types() if self._catalog.operational else ()

    def types(self, *, versions: Pins | None = None) -> Sequence[EventType]:
        """List every registered event type by name, in the version chosen by *versions*, or else in its current one."""
        if versions is None:
            return [self._catalog.published(event_type) for event_type in self._catalog.types()]
        chosen = (
            self._catalog.get(name, self._schema_versions.chosen(name, versions))
            for name in self._catalog.names()
        )
        return [self._catalog.published(event_type) for event_type in chosen if event_type is not None]

    def versions(self, type: str) -> Sequence[int]:
        """List the readable versions of an event type, oldest first; empty if there is no such type."""
        operational = self._catalog.operational
        return self._catalog.versions(type) or (operational.versions(type) if operational else ())

    def example(
        self,
        company_id: int,
        type: str,
        *,
        source: str | None = None,
        versions: Pins | None = None,
        reference: str | None = None,
    ) -> bytes:
        """Make an envelope from the schema's example. It is not stored, and its ``id`` is below that of any event."""
        version = None if versions is None else self._schema_versions.chosen(type, versions)
        draft = self._catalog.example_draft(company_id, type, source=source, version=version)
        return draft.envelope(self._catalog.all_names().index(type) + 1, reference)

    def named(self, names: Sequence[str]) -> Sequence[str]:
        """Return the event types that *names* stand for; groups are replaced by their types.

        If groups contain no types, *names* is returned unchanged, because an empty list would mean all types.
        """
        if not any(map(is_group, names)):
            return names
        return types_among(names, self._catalog.all_names()) or names

    def wanted(self, filter: Json | None, names: Sequence[str], versions: Pins | None) -> Filter | None:
        """Compile the *filter* of a query for the types *names*; None if the filter is empty. Raises BadQuery."""
        if filter is None:
            return None
        types = [*self.types(versions=versions), *(self.operational_types() if names else ())]
        return filtered_pages.check(filter, [kind for kind in types if not names or kind.name in names])

    async def _search(
        self,
        request: PageRequest,
        wanted: Filter,
        versions: Pins | None,
        wait_seconds: float,
        check_caller: CheckCaller | None,
    ) -> Found:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        found = await self._filtered.search(request, wanted, versions)
        if found.events or found.more or wait_seconds <= 0:
            return found
        async with self._long_polls.of(request.company_id):
            while not (found.events or found.more or loop.time() >= deadline or self._watch.is_released):
                request = structs.replace(request, cursor=found.after)
                _, events = await self._wait(
                    structs.replace(request, limit=1), deadline - loop.time(), check_caller
                )
                if events:
                    found = await self._filtered.search(request, wanted, versions)
        return found

    async def _read_piece(self, request: PageRequest) -> Found:
        request = self.fitting(request)
        return self.cut(request, *(await self._read(request)))

    def fitting(self, request: PageRequest) -> PageRequest:
        """Return *request* with its limit lowered to the number of the company's events that fit into a page."""
        return structs.replace(request, limit=self._page_bytes.limit_for(request.company_id, request.limit))

    def cut(self, request: PageRequest, after: int, events: Sequence[Event]) -> Found:
        """Make a page of *events*, which were read for *request*. If there are none, the client continues after *after*."""
        page = self._page_bytes.cut(request.company_id, events[: request.limit])
        return Found(page, page[-1].position if page else after, more=len(events) > len(page))

    async def _read_first(self, request: PageRequest) -> tuple[PageRequest, int, list[Event]]:
        """Read as ``_read`` does, after a few events if their size is unknown. Also returns the request, with a fitting limit."""
        if request.limit > UNKNOWN and not self._page_bytes.knows(request.company_id):
            after, events = await self._read(structs.replace(request, limit=UNKNOWN))
            if len(events) <= UNKNOWN:
                return request, after, events
            self._page_bytes.cut(request.company_id, events)
            request = self.fitting(request)
        return request, *(await self._read(request))

    async def _read(self, request: PageRequest) -> tuple[int, list[Event]]:
        """Read one event more than the page holds. Returns the position from which to continue, and the events.

        If there are no events, this is the newest position up to which the log certainly has no events for this page.
        So the cursor of a client that finds no events does not fall below ``edge``, the position up to which retention
        has removed events. An event at or below ``edge`` is kept only for its open deliveries, and is not part of the
        log.
        """
        known = self._head
        async with self._database.read() as connection:
            after = request.cursor or 0
            if request.since_ms is not None:
                after = max(after, await stream.position_before(connection, request.since_ms))
            events, bounds = await _read_after(connection, request, after)
            if after < bounds.edge and request.cursor is None:
                after = bounds.edge
                events, bounds = await _read_after(connection, request, after)
            else:
                await retention.check_cursor(connection, request.company_id, after=after, bounds=bounds)
        self._head = bounds.head
        return max(after, known), events

    async def _wait(
        self, request: PageRequest, wait_seconds: float, check_caller: CheckCaller | None
    ) -> tuple[int, list[Event]]:
        """Wait for events, and check the caller meanwhile: all calls at the same times, so that one query serves them all."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        with self._watch.signal(request.company_id) as signal:
            while True:
                after, events = await self._read(request)
                left = deadline - loop.time()
                if events or left <= 0 or self._watch.is_released:
                    return after, events
                while left > 0 and not await signal.wait(
                    min(left, CHECK_SECONDS - loop.time() % CHECK_SECONDS)
                ):
                    left = deadline - loop.time()
                    if left > 0 and check_caller is not None:
                        await check_caller()


async def _read_after(
    connection: Connection, request: PageRequest, after: int
) -> tuple[list[Event], retention.LogBounds]:
    return await stream.read_page(
        connection, request.company_id, types=request.types, after=after, limit=request.limit + 1
    )


class Watch:
    """Wakes the long polls of the companies that have new events, with one query for all of them."""

    def __init__(self, database: Database, wakeup: Wakeup) -> None:
        self._database = database
        self._wakeup = wakeup
        self._waiting: dict[int, set[Signal]] = {}
        self._known_head = 0
        self._stack = contextlib.AsyncExitStack()
        self.is_released = False

    async def __aenter__(self) -> Self:
        log_has_grown = self._stack.enter_context(self._wakeup.signal())

        async def look() -> None:
            await log_has_grown.wait(LOOK_SECONDS)
            await self._set_those_with_events()

        await self._stack.enter_async_context(
            Background("the look for long polls", look, seconds=0, first_seconds=0)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()
        await self._stack.aclose()

    def release(self) -> None:
        """Wake every waiting call now, and make further calls return without waiting."""
        self.is_released = True
        for signals in self._waiting.values():
            for signal in signals:
                signal.set()

    @contextlib.contextmanager
    def signal(self, company_id: int) -> Generator[Signal]:
        """Lend a signal that is set when *company_id* has new events."""
        signal = Signal()
        signals = self._waiting.setdefault(company_id, set())
        signals.add(signal)
        try:
            yield signal
        finally:
            signals.discard(signal)
            if not signals:
                self._waiting.pop(company_id, None)

    async def _set_those_with_events(self) -> None:
        if not self._waiting:
            self._known_head = 0
            return
        async with self._database.read() as connection:
            head = (await stream.head(connection)).position
            if head == self._known_head:
                return
            companies = (
                await stream.companies_after(connection, self._known_head, head)
                if self._known_head
                else [*self._waiting]
            )
        self._known_head = head
        for company in companies:
            for signal in self._waiting.get(company, ()):
                signal.set()
