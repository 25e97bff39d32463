"""What ``quarantine`` does: the inbox as the hub's service keeps it, every company's unless one is named."""

import msgspec

from trunkline.api.strict_json import read_json
from trunkline.cli import opening
from trunkline.contract import QuarantinedEvent, ReleasedEvent
from trunkline.errors import EventRejected, FieldError
from trunkline.ingest import quarantine, requests
from trunkline.settings import Settings

_PAGE = 100


async def find(
    settings: Settings, company_id: int | None, type: str | None, *, limit: int
) -> list[QuarantinedEvent]:
    """List up to *limit* events that wait, newest first."""
    found: list[QuarantinedEvent] = []
    async with opening.opened(settings) as hub:
        cursor: str | None = None
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            page = await hub.quarantine.list(company_id, type=type, cursor=cursor, limit=size)
            found += page.events
            cursor = page.next_cursor
            if cursor is None:
                break
    return found


async def show(settings: Settings, id: str) -> bytes:
    """Write one that waits as JSON, its payload as it came in. Raises NotFound."""
    async with opening.opened(settings) as hub:
        one = await hub.quarantine.get(id, company_id=None)
    metadata = {"metadata": msgspec.Raw(one.metadata)} if one.metadata else {}
    return msgspec.json.encode({**quarantine.view(one), "payload": msgspec.Raw(one.payload), **metadata})


async def release(
    settings: Settings, company_id: int | None, id: str, *, payload: bytes | None
) -> ReleasedEvent:
    """Put one into the stream; *payload* is JSON. Raises EventRejected, BodyInvalid, NotFound, Conflict."""
    compact = None if payload is None else requests.read_payload(*read_json(b'{"payload":%b}' % payload))
    async with opening.opened(settings) as hub:
        return await hub.quarantine.release(id, company_id=company_id, payload=compact)


async def release_all(settings: Settings, company_id: int | None, type: str) -> tuple[int, int]:
    """Release all of *type* that are valid by now; gives how many those were, and how many still are not.

    Raises:
        EventRejected: there is no such type.
    """
    released = invalid = 0
    async with opening.opened(settings) as hub:
        if hub.catalog.get(type) is None:
            known = ", ".join(hub.catalog.names())
            raise EventRejected([FieldError("/type", f"is not a known event type; known are {known}")])
        cursor: str | None = None
        while True:
            done = await hub.quarantine.release_all(company_id, type=type, cursor=cursor)
            released, invalid, cursor = released + done.released, invalid + done.invalid, done.next_cursor
            if cursor is None:
                return released, invalid


async def delete(settings: Settings, id: str) -> None:
    """Remove one that waits for good. Raises NotFound."""
    async with opening.opened(settings) as hub:
        await hub.quarantine.delete(id, company_id=None)
