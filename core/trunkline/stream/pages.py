"""Reading the log for clients: pages by cursor, long polls, samples."""

import asyncio
import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.contract import EventPage
from trunkline.errors import StoreUnavailable
from trunkline.model import cursors
from trunkline.model.events import Event
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.examples import example_draft
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.store import retention, stream
from trunkline.store.database import Database
from trunkline.store.wakeup import Bell, Wakeup

LOOK_SECONDS = 1.0


class Streaming:
    """The stream as one company's clients see it. Enter it to serve long polls."""

    def __init__(
        self, database: Database, *, catalog: SchemaCatalog, schema_versions: SchemaVersions, wakeup: Wakeup
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._schema_versions = schema_versions
        self._watch = Watch(database, wakeup)
        self._head = 0
        """The head as some earlier read found it: whatever is read from now on sees everything up to it."""

    async def __aenter__(self) -> Self:
        async with self._database.read() as connection:
            self._head = (await retention.marks(connection)).head
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._watch.__aexit__(*details)

    def release(self) -> None:
        """Answer every long poll now and hold no more; for a hub that is stopping."""
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
    ) -> EventPage:
        """Read up to *limit* events oldest first (``contract.EventReader.page``).

        Raises:
            BadCursor: *cursor* is not one of ours.
            CursorExpired: events after *cursor* were removed; whether any of them was this company's is not looked at.
        """
        place = Place(
            company_id, types, cursors.decode(cursor) if cursor is not None else None, since_ms, limit
        )
        after, events = await self._read(place, may_expire=True)
        if not events and wait_seconds > 0:
            after, events = await self._wait(place, wait_seconds)
        shown = events[:limit]
        return EventPage(
            bodies=[self._schema_versions.body(event, versions) for event in shown],
            next_cursor=cursors.encode(shown[-1].position if shown else after),
            more=len(events) > limit,
        )

    async def get(self, company_id: int, event_id: int, *, versions: Pins | None = None) -> bytes | None:
        """Read one envelope; None where the company has no such event."""
        event = await self.event(company_id, event_id)
        return self._schema_versions.body(event, versions) if event else None

    async def event(self, company_id: int, event_id: int) -> Event | None:
        """Read one event; None where the company has no such event."""
        async with self._database.read() as connection:
            event = (await stream.by_positions(connection, [event_id])).get(event_id)
        return event if event and event.company_id == company_id else None

    async def newest(
        self, company_id: int, *, type: str | None, limit: int, versions: Pins | None = None
    ) -> Sequence[bytes]:
        """Read the newest envelopes; the schema's examples, as envelopes, where there are none."""
        async with self._database.read() as connection:
            events = await stream.newest_of_company(connection, company_id, type=type, limit=limit)
        if events:
            return [self._schema_versions.body(event, versions) for event in events]
        types = [found] if type and (found := self._catalog.get(type)) else self._catalog.types()
        return [self.example(company_id, kind.name, versions=versions) for kind in types][: max(limit, 1)]

    def types(self) -> Sequence[EventType]:
        """List every registered event type, in the order of their names."""
        return self._catalog.types()

    def versions(self, type: str) -> Sequence[int]:
        """List the versions of an event type that can be read, oldest first; none where there is no such type."""
        return self._catalog.versions(type)

    def example(
        self, company_id: int, type: str, *, source: str | None = None, versions: Pins | None = None
    ) -> bytes:
        """Make an envelope of the schema's example. Its ``id`` is below that of any event; it is not stored."""
        version = None if versions is None else self._schema_versions.chosen(type, versions)
        draft = example_draft(self._catalog, company_id, type, source=source, version=version)
        return draft.envelope(self._catalog.names().index(type) + 1)

    async def _read(self, place: "Place", *, may_expire: bool) -> tuple[int, list[Event]]:
        """Read one event more than the page shows; returns the position to go on from where it shows none, too.

        That is as far as is known to hold nothing for this page, so that a client that polls in vain keeps its place
        ahead of the edge. What is left at or below the edge is kept for its deliveries and is no part of the log.
        """
        known = self._head
        async with self._database.read() as connection:
            after = place.cursor or 0
            if place.since_ms is not None:
                after = await stream.position_before(connection, place.since_ms)
            events, marks = await _read_after(connection, place, after)
            if after < marks.edge and place.cursor is None:
                after = marks.edge
                events, marks = await _read_after(connection, place, after)
            elif may_expire:
                await retention.check_cursor(connection, place.company_id, after=after, edge=marks.edge)
        self._head = marks.head
        return max(after, known), events

    async def _wait(self, place: "Place", wait_seconds: float) -> tuple[int, list[Event]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        with self._watch.bell(place.company_id) as bell:
            while True:
                after, events = await self._read(place, may_expire=False)  # nothing this young is removed
                left = deadline - loop.time()
                if events or left <= 0 or self._watch.is_released:
                    return after, events
                await bell.wait(left)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after position *cursor*, at the time *since_ms*, or at the oldest event; and what it may hold."""

    company_id: int
    types: Sequence[str]
    cursor: int | None
    since_ms: int | None
    limit: int


async def _read_after(
    connection: AsyncConnection, place: Place, after: int
) -> tuple[list[Event], retention.Marks]:
    return await stream.read_page(
        connection, place.company_id, types=place.types, after=after, limit=place.limit + 1
    )


class Watch:
    """Wakes the long polls of just those companies that have new events, with one query for all of them."""

    def __init__(self, database: Database, wakeup: Wakeup) -> None:
        self._database = database
        self._wakeup = wakeup
        self._waiting: dict[int, set[Bell]] = {}
        self._seen = 0
        self._task: asyncio.Task[None] | None = None
        self.is_released = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def release(self) -> None:
        """Wake everybody; nobody is to wait again."""
        self.is_released = True
        for bells in self._waiting.values():
            for bell in bells:
                bell.ring()

    @contextlib.contextmanager
    def bell(self, company_id: int) -> Generator[Bell]:
        """Lend a bell that rings when *company_id* has new events."""
        bell = Bell()
        bells = self._waiting.setdefault(company_id, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells:
                self._waiting.pop(company_id, None)

    async def _run(self) -> None:
        with self._wakeup.bell() as grown:
            while True:
                await grown.wait(LOOK_SECONDS)
                with contextlib.suppress(StoreUnavailable):
                    await self._look()

    async def _look(self) -> None:
        if not self._waiting:
            self._seen = 0
            return
        async with self._database.read() as connection:
            head = (await stream.head(connection)).position
            if head == self._seen:
                return
            companies = (
                await stream.companies_after(connection, self._seen, head) if self._seen else [*self._waiting]
            )
        self._seen = head
        for company in companies:
            for bell in self._waiting.get(company, ()):
                bell.ring()
