"""``events``: emitting and watching events directly in the database."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import orjson
import typer

from trunkline.cli import emitting, event_views
from trunkline.cli.config import Config
from trunkline.cli.loop import run
from trunkline.cli.options import Chosen, Company, Environment, id_of, load_settings
from trunkline.cli.output import show_document
from trunkline.errors import BodyInvalid, BodyTooLarge, EventRejected, FieldError, unknown_name
from trunkline.errors.spelling import known_instead
from trunkline.ingest.requests import RequestReader
from trunkline.model import cursors
from trunkline.model.environments import LIVE
from trunkline.model.event_groups import EVERY_TYPE, is_group, type_groups, types_among
from trunkline.runtime import stopping
from trunkline.runtime.clock import now_text
from trunkline.runtime.strict_json import read_json
from trunkline.runtime.terminals import printable
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.modes import Modes
from trunkline.settings import Settings
from trunkline.store import stream as log

if TYPE_CHECKING:
    from trunkline.cli.reading import Readings

RECENT = 10
"""The number of events that ``tail`` begins with."""

_WAIT_SECONDS = 30.0
_PAGE = 200

app = typer.Typer(no_args_is_help=True, help="Emit, watch, show and explain events.")

Payload = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|-",
        help="The payload, or - to read it from standard input; the schema's example, if unset.",
    ),
]
Metadata = Annotated[str | None, typer.Option(metavar="JSON", help="The event's metadata.")]
Types = Annotated[
    str | None,
    typer.Option(metavar="TYPE,…", help="Only these event types or groups (invoice.*), separated by commas."),
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Begin with the events accepted at this ISO 8601 time.")
]
Follow = Annotated[bool, typer.Option("--follow/--no-follow", help="Continue until Ctrl-C.")]


@app.command("emit")
def emit(
    context: typer.Context,
    type: Annotated[str, typer.Argument(metavar="TYPE", help="The event type, such as client.created.")],
    company: Company,
    environment: Environment = LIVE,
    payload: Payload = None,
    metadata: Metadata = None,
    config: Config = None,
) -> None:
    """Store an event, which is then delivered like any other, and print its envelope.

    Example: [bold]trunkline events emit client.created --company 92[/bold]
    """
    content = sys.stdin.buffer.read() if payload == "-" else _bytes(payload)
    settings, chosen = load_settings(context, config), Chosen(company, environment)
    envelope = run(_emit(settings, type, chosen, payload=content, metadata=_bytes(metadata)))
    show_document(envelope)


@app.command("tail")
def tail(
    context: typer.Context,
    company: Company,
    environment: Environment = LIVE,
    types: Types = None,
    since: Since = None,
    follow: Follow = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print whole envelopes, one a line.")] = False,
    config: Config = None,
) -> None:
    """Show a company's last ten events, or those since a time, and then each new one as it is accepted.

    Example: [bold]trunkline events tail --company 92 --types client.created,lead.created[/bold]
    """
    since_ms = _epoch_ms(since)
    settings, chosen = load_settings(context, config), Chosen(company, environment)
    run(_tail(settings, chosen, types, since_ms, follow=follow, as_json=as_json))


app.command("show")(event_views.show_event)
app.command("explain")(event_views.explain_event)
app.command("digest")(event_views.digest_events)


def _bytes(argument: str | None) -> bytes | None:
    """Return the bytes of an argument, including invalid UTF-8."""
    return None if argument is None else os.fsencode(argument)


def _epoch_ms(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not an ISO 8601 time, such as 2026-01-28T10:30:00Z"
        raise typer.BadParameter(msg, param_hint="--since") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


async def _emit(
    settings: Settings, type: str, chosen: Chosen, *, payload: bytes | None, metadata: bytes | None
) -> bytes:
    """Store an event, with all digits of its payload as written; returns the envelope.

    *payload* and *metadata* are JSON; if *payload* is None, the example of the type is used.

    Raises:
        EventRejected, BodyInvalid, BodyTooLarge: nothing was stored.
    """
    async with emitting.opened(settings) as log:
        company_id = await id_of(log, chosen)
        members = {"type": orjson.dumps(type), "payload": _payload(log.catalog, type, payload)}
        if metadata is not None:
            members["metadata"] = _compact(metadata, "/metadata")
        body = b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in members.items())
        if len(body) > settings.events.max_body_bytes:
            raise BodyTooLarge(settings.events.max_body_bytes)
        modes = Modes("reject", {}, catalog=log.catalog)
        reader = RequestReader(log.catalog, modes, max_event_bytes=settings.events.max_body_bytes)
        submission = reader.read(
            "event", *read_json(body), company_of=lambda _: company_id, now_text=now_text
        )
        return (await log.accept(submission)).body


def _payload(catalog: SchemaCatalog, type: str, text: bytes | None) -> bytes:
    if text is not None:
        return _compact(text, "/payload")
    kind = catalog.get(type)
    if kind is None:
        raise EventRejected([FieldError("/type", unknown_name("event type", type, catalog.names()))])
    return kind.example_json


def _compact(text: bytes, path: str) -> bytes:
    """Check that *text* is JSON and remove its white space; all digits stay as written."""
    try:
        return read_json(text)[0]
    except BodyInvalid as error:
        raise EventRejected(
            [FieldError(path + fault.path, fault.message) for fault in error.errors]
        ) from None


async def _tail(
    settings: Settings,
    chosen: Chosen,
    types: str | None,
    since_ms: int | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Print events as they are accepted, until a signal comes; without *follow* print only the stored events."""
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'emit' does without it

    async with reading.opened(settings) as hub:
        company_id = await id_of(hub, chosen)
        names = _known_types(hub, types)
        with stopping.stop_signals() as stop:
            stopped = asyncio.create_task(stop.wait())
            shown = asyncio.create_task(
                _read(hub, company_id, names, since_ms, follow=follow, as_json=as_json)
            )
            await asyncio.wait({stopped, shown}, return_when=asyncio.FIRST_COMPLETED)
            for task in (stopped, shown):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await shown


async def _read(
    hub: "Readings", company_id: int, names: list[str], since_ms: int | None, *, follow: bool, as_json: bool
) -> None:
    cursor: str | None = None
    if since_ms is None:
        types = types_among(names, hub.catalog.all_names())
        async with hub.database.read() as connection:
            head = (await log.head(connection)).position
            events = [
                event
                for name in (types if names else (None,))
                for event in await log.newest_of_company(connection, company_id, type=name, limit=RECENT)
            ]
        until_head = (event for event in events if event.position <= head)  # the next page has later events
        recent = sorted(until_head, key=lambda event: event.position)[-RECENT:]
        _show([event.body for event in recent], as_json=as_json)
        cursor = cursors.encode(head)
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


def _show(bodies: Sequence[bytes], *, as_json: bool) -> None:
    for body in bodies:
        if as_json:
            show_document(body, indent=-1)
        else:
            typer.echo(_line(body))
    sys.stdout.flush()


def _line(body: bytes) -> str:
    parts = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    texts = {name: msgspec.json.decode(parts[name], type=str) for name in ("type", "createdUtc")}
    number, payload = bytes(parts["id"]).decode(), bytes(parts["payload"]).decode()
    return f"{texts['createdUtc']}  #{number}  {texts['type']:<23} {printable(payload)}"


def _known_types(hub: "Readings", text: str | None) -> list[str]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if names == [EVERY_TYPE]:
        return []
    known = hub.catalog.all_names()
    for name in names:
        if is_group(name) and name not in type_groups(known):
            msg = f"'{name}' is not a known group of event types; {known_instead(name, type_groups(known))}"
            raise typer.BadParameter(msg, param_hint="--types")
        if not is_group(name) and hub.catalog.resolve(name) is None:
            msg = f"'{name}' is not a known event type; {known_instead(name, known)}"
            raise typer.BadParameter(msg, param_hint="--types")
    return list(
        dict.fromkeys(name if is_group(name) else hub.catalog.resolve(name) or name for name in names)
    )
