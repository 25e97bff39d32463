"""What ``events`` does: storing an event as the API would, and reading the log as a client would."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence

import msgspec
import orjson
import typer

from trunkline.api import server
from trunkline.api.strict_json import read_json
from trunkline.cli import opening
from trunkline.errors import BodyInvalid, BodyTooLarge, EventRejected, FieldError
from trunkline.hub.hub import Hub
from trunkline.ingest.requests import RequestReader
from trunkline.model import cursors
from trunkline.runtime.clock import now_text
from trunkline.schemas.modes import Modes
from trunkline.settings import Settings
from trunkline.store import stream as log

RECENT = 10
"""Events that ``tail`` begins with."""

_WAIT_SECONDS = 30.0
_PAGE = 200


async def emit(
    settings: Settings, type: str, company_id: int, *, payload: bytes | None, metadata: bytes | None
) -> bytes:
    """Store an event, its payload digit by digit as it is written; returns the envelope.

    *payload* and *metadata* are JSON; the type's example stands in for a payload of None.

    Raises:
        EventRejected, BodyInvalid, BodyTooLarge: nothing was stored.
    """
    async with opening.opened(settings) as hub:
        members = {"type": orjson.dumps(type), "payload": _payload(hub, type, payload)}
        if metadata is not None:
            members["metadata"] = _compact(metadata, "/metadata")
        body = b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in members.items())
        if len(body) > settings.events.max_body_bytes:
            raise BodyTooLarge(settings.events.max_body_bytes)
        modes = Modes("reject", {}, catalog=hub.catalog)
        reader = RequestReader(hub.catalog, modes, max_event_bytes=settings.events.max_body_bytes)
        submission = reader.read(
            "event", *read_json(body), company_of=lambda _: company_id, now_text=now_text()
        )
        accepted = await hub.ingest.accept(submission)
        return accepted.events[0].body


def _payload(hub: Hub, type: str, text: bytes | None) -> bytes:
    if text is not None:
        return _compact(text, "/payload")
    kind = hub.catalog.get(type)
    if kind is None:
        known = ", ".join(hub.catalog.names())
        raise EventRejected([FieldError("/type", f"is not a known event type; known are {known}")])
    return kind.example_json


def _compact(text: bytes, path: str) -> bytes:
    """Check that *text* is JSON and take its white space out; every digit stays as it came in."""
    try:
        return read_json(text)[0]
    except BodyInvalid as error:
        raise EventRejected(
            [FieldError(path + fault.path, fault.message) for fault in error.errors]
        ) from None


async def tail(
    settings: Settings,
    company_id: int,
    types: str | None,
    since_ms: int | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Print events as they come, until a signal does; those that are there already, without *follow*."""
    async with opening.opened(settings) as hub:
        names = _known_types(hub, types)
        with server.stop_signals() as stop:
            stopping = asyncio.create_task(stop.wait())
            reading = asyncio.create_task(
                _read(hub, company_id, names, since_ms, follow=follow, as_json=as_json)
            )
            await asyncio.wait({stopping, reading}, return_when=asyncio.FIRST_COMPLETED)
            for task in (stopping, reading):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


async def _read(
    hub: Hub, company_id: int, names: list[str], since_ms: int | None, *, follow: bool, as_json: bool
) -> None:
    cursor: str | None = None
    if since_ms is None:
        cursor = await _show_recent(hub, company_id, names, as_json=as_json)
    while True:
        page = await hub.streaming.page(
            company_id,
            types=names,
            cursor=cursor,
            since_ms=since_ms if cursor is None else None,
            limit=_PAGE,
            wait_seconds=_WAIT_SECONDS if follow else 0,
        )
        _show(page.bodies, as_json=as_json)
        cursor = page.next_cursor
        if not follow and not page.more:
            return


async def _show_recent(hub: Hub, company_id: int, names: list[str], *, as_json: bool) -> str:
    """Show the newest events, oldest first; returns the cursor after them."""
    async with hub.database.read() as connection:
        head = (await log.head(connection)).position
        found = [
            event
            for name in names or (None,)
            for event in await log.newest_of_company(connection, company_id, type=name, limit=RECENT)
        ]
    found = [event for event in found if event.position <= head]  # what came since is shown by the next page
    recent = sorted(found, key=lambda event: event.position)[-RECENT:]
    _show([event.body for event in recent], as_json=as_json)
    return cursors.encode(head)


def _show(bodies: Sequence[bytes], *, as_json: bool) -> None:
    for body in bodies:
        typer.echo(body if as_json else _line(body))
    sys.stdout.flush()


def _line(body: bytes) -> str:
    parts = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    shown = {name: msgspec.json.decode(parts[name], type=str) for name in ("type", "createdUtc")}
    number, payload = bytes(parts["id"]).decode(), bytes(parts["payload"]).decode()
    return f"{shown['createdUtc']}  #{number}  {shown['type']:<23} {payload}"


def _known_types(hub: Hub, text: str | None) -> list[str]:
    wanted = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in wanted:
        if hub.catalog.resolve(name) is None:
            msg = f"'{name}' is not a known event type; known are {', '.join(hub.catalog.names())}"
            raise typer.BadParameter(msg, param_hint="--types")
    return list(dict.fromkeys(found for name in wanted if (found := hub.catalog.resolve(name))))
