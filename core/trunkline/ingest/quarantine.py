"""The quarantine (``contract.Quarantine``): events that are kept out of the log, and their release into the log.

A release appends the event to the log and removes it from the quarantine in one transaction.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from trunkline.contract import QuarantinedEvent, QuarantinePage, ReleasedEvent, ReleasedEvents
from trunkline.errors import BodyTooLarge, Conflict, EventRejected, FieldError, NotFound
from trunkline.ingest.requests import check_payload
from trunkline.model import cursors
from trunkline.model.environments import company_number, environment_member
from trunkline.model.events import Draft
from trunkline.model.times import utc_text_of_ms
from trunkline.runtime import callers
from trunkline.runtime.turns import Turns
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.sentences import MAX_FAULTS
from trunkline.store import quarantine as store
from trunkline.store import stream
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.quarantine import Quarantined, Which

if TYPE_CHECKING:
    from trunkline.ingest.accept import Ingest

MAX_LOOKED_AT = 10_000
"""The maximum number of events that one call of ``release_all`` checks."""
RELEASE_SECONDS = 20.0
"""The time after which a call of ``release_all`` ends."""
_PAGE = 100
"""Number of events that one transaction of ``release_all`` checks."""
_LISTED, _RELEASED = "q", "r"
"""The kinds of cursors of ``list`` and of ``release_all``."""
LARGE_BYTES = 16 * 1024
PAGE_BYTES = 1024 * 1024
"""Number of bytes of payloads that are checked for one page. The page ends with the payload that reaches this number."""
_AT_ONCE = 2


class Quarantine:
    """The quarantine. *max_bytes* is the largest size of an event. Without *ingest*, nothing can be released."""

    def __init__(
        self, database: Database, *, catalog: SchemaCatalog, max_bytes: int, ingest: "Ingest | None" = None
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._ingest = ingest
        self._turns = Turns(share=1, total=_AT_ONCE)
        self._max_bytes = max_bytes

    async def list(
        self, company_id: int | None, *, type: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> QuarantinePage:
        """List up to *limit* quarantined events, newest first; a known *type* is found in any case. Raises BadCursor."""
        which = Which(company_id, type and (self._catalog.resolve(type) or type))
        before = None if cursor is None else cursors.decode(cursor, kind=_LISTED)
        async with self._database.read() as connection:
            rows = await store.newest(connection, which, before=before, limit=limit + 1)
        listed = first_of(rows[:limit])
        more = len(rows) > len(listed)
        next_cursor = cursors.encode(listed[-1].no, kind=_LISTED) if more else None
        return QuarantinePage([await self._event(row) for row in listed], next_cursor)

    async def get(self, id: str, *, company_id: int | None) -> QuarantinedEvent:
        """Show one quarantined event. Raises NotFound."""
        async with self._database.read() as connection:
            row = await _waiting(connection, id, company_id=company_id)
        return await self._event(row)

    async def replace(self, id: str, payload: bytes, *, company_id: int | None) -> QuarantinedEvent:
        """Replace the payload of an event, and check the new one. Raises NotFound, BodyTooLarge."""
        async with self._database.write() as connection:
            row = await _waiting(connection, id, company_id=company_id, locks=True)
            self._check_size(row, payload)
            await store.change_payload(connection, id, payload)
            row = await _waiting(connection, id, company_id=company_id)
        return await self._event(row)

    async def release(
        self, id: str, *, company_id: int | None, payload: bytes | None = None
    ) -> ReleasedEvent:
        """Append an event to the log, at most once. Raises EventRejected, NotFound, Conflict, BodyTooLarge."""
        async with self._database.read() as connection:
            judged = await _find(connection, id, company_id=company_id)
        chosen = judged.payload if payload is None else payload
        self._check_size(judged, chosen)
        errors = () if judged.position is not None else await self._judge(judged, chosen)
        async with self._database.write() as connection:
            row = await _find(connection, id, company_id=company_id, locks=True)
            if row.position is not None:
                if payload is not None:
                    msg = f"The quarantined event '{id}' was released before, as event {row.position}; it cannot be changed."
                    raise Conflict(msg)
                event = (await stream.by_positions(connection, [row.position])).get(row.position)
                if event is None:
                    raise NotFound("quarantined event", id)
                return ReleasedEvent(event.position, event.body, repeated=True)
            if payload is None and row.payload != judged.payload:
                msg = f"The quarantined event '{id}' was changed at this moment; look at it again, and release it then."
                raise Conflict(msg)
            if errors:
                raise EventRejected(errors, ended_early=len(errors) == MAX_FAULTS)
            assert self._ingest is not None
            events, announce = await self._ingest.store(connection, [self._draft(row, chosen)])
            await store.mark_released(connection, {id: events[0].position})
        announce()
        return ReleasedEvent(events[0].position, events[0].body)

    async def release_all(
        self, company_id: int | None, *, type: str, cursor: str | None = None
    ) -> ReleasedEvents:
        """Release every event of *type* that is now valid, oldest first. Raises BadCursor."""
        after = 0 if cursor is None else cursors.decode(cursor, kind=_RELEASED)
        released = looked_at = 0
        deadline = time.monotonic() + RELEASE_SECONDS
        while looked_at < MAX_LOOKED_AT and time.monotonic() < deadline:
            rows, valid, is_last = await self._release_page(Which(company_id, type), after=after)
            released += valid
            looked_at += len(rows)
            if is_last:
                return ReleasedEvents(released, looked_at - released, None)
            after = rows[-1].no
        return ReleasedEvents(released, looked_at - released, cursors.encode(after, kind=_RELEASED))

    async def delete(self, id: str, *, company_id: int | None) -> None:
        """Delete a quarantined event. Raises NotFound."""
        async with self._database.write() as connection:
            await _waiting(connection, id, company_id=company_id, locks=True)
            await store.delete(connection, id)

    async def _release_page(self, which: Which, *, after: int) -> tuple[Sequence[Quarantined], int, bool]:
        """Release the valid events of the next page. Returns its events, how many were released, and whether it was the last."""
        async with self._database.read() as connection:
            page = await store.oldest(connection, which, after=after, limit=_PAGE)
        rows = first_of(page)
        is_last = len(page) < _PAGE and len(rows) == len(page)
        judged = {row.id: row.payload for row in rows if not await self._judge(row, row.payload)}
        if not judged:
            return rows, 0, is_last
        async with self._database.write() as connection:
            taken = await store.oldest(connection, which, after=after, limit=len(rows), locks=True)
            valid = [row for row in taken if judged.get(row.id) == row.payload]
            if not valid:
                return rows, 0, is_last
            drafts = [self._draft(row, row.payload) for row in valid]
            assert self._ingest is not None
            events, announce = await self._ingest.store(connection, drafts)
            places = {row.id: event.position for row, event in zip(valid, events, strict=True)}
            await store.mark_released(connection, places)
        announce()
        return rows, len(valid), is_last

    async def _judge(self, row: Quarantined, payload: bytes) -> Sequence[FieldError]:
        """List the faults of an event with *payload* under the current schemas, without delaying other requests.

        A malicious payload may take 150 ms. So large payloads are checked in a thread, one at a time per company. Before
        each small payload, other tasks of the event loop can run.
        """
        if len(payload) <= LARGE_BYTES:
            await asyncio.sleep(0)
            return self._faults(row, payload)
        async with self._turns.turn(row.company_id):
            return await callers.in_thread(self._faults, row, payload)

    def _faults(self, row: Quarantined, payload: bytes) -> Sequence[FieldError]:
        gone = "is not there any more; add its schema again, or delete this event"
        if self._catalog.get(row.type) is None:
            return [FieldError("/type", gone)]
        if self._catalog.get(row.type, row.version) is None:
            return [FieldError("/version", gone)]
        return check_payload(self._catalog, row.type, orjson.loads(payload), version=row.version)

    async def _event(self, row: Quarantined) -> QuarantinedEvent:
        return QuarantinedEvent(
            row.id,
            row.company_id,
            row.type,
            row.version,
            row.created_utc,
            row.received_ms,
            row.updated_ms,
            row.payload,
            row.metadata,
            await self._judge(row, row.payload),
        )

    def _draft(self, row: Quarantined, payload: bytes) -> Draft:
        kind = self._catalog.get(row.type, row.version)
        assert kind is not None  # it was checked before
        return Draft(row.company_id, row.type, row.created_utc, payload, row.metadata, kind.version)

    def _check_size(self, row: Quarantined, payload: bytes) -> None:
        if len(payload) + len(row.metadata) > self._max_bytes:
            raise BodyTooLarge(self._max_bytes)


def first_of(rows: Sequence[Quarantined]) -> Sequence[Quarantined]:
    """Return the first of *rows*: as many as may be checked for one page, but at least one."""
    total = 0
    for count, row in enumerate(rows, 1):
        total += len(row.payload)
        if total >= PAGE_BYTES:
            return rows[:count]
    return rows


def view(event: QuarantinedEvent) -> dict[str, Any]:
    """Show a quarantined event as JSON values, without its payload and metadata, which are bytes already."""
    return {
        "id": event.id,
        "type": event.type,
        "company_id": company_number(event.company_id),
        **environment_member(event.company_id),
        "version": event.version,
        "errors": [{"path": fault.path, "message": fault.message} for fault in event.errors],
        "created_utc": event.created_utc,
        "received_utc": utc_text_of_ms(event.received_ms),
        "updated_utc": utc_text_of_ms(event.updated_ms),
    }


async def _find(
    connection: Connection, id: str, *, company_id: int | None, locks: bool = False
) -> Quarantined:
    row = await store.find(connection, id, company_id=company_id, locks=locks)
    if row is None:
        raise NotFound("quarantined event", id)
    return row


async def _waiting(
    connection: Connection, id: str, *, company_id: int | None, locks: bool = False
) -> Quarantined:
    row = await _find(connection, id, company_id=company_id, locks=locks)
    if row.position is not None:
        raise NotFound("quarantined event", id)
    return row
