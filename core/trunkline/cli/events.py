"""``events``: emitting and watching events directly in the database."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import orjson
import typer

from trunkline.cli import emitting, event_views
from trunkline.cli.config import Config
from trunkline.cli.loop import run_with
from trunkline.cli.options import Chosen, Company, Environment, id_of, read_moment
from trunkline.cli.output import show_document
from trunkline.cli.parameters import argument
from trunkline.errors import BodyInvalid, BodyTooLarge, EventRejected, FieldError, unknown_name
from trunkline.errors.spelling import known_instead
from trunkline.ingest.requests import RequestReader
from trunkline.model import cursors
from trunkline.model.environments import LIVE
from trunkline.model.event_groups import EVERY_TYPE, is_group, type_groups, types_among
from trunkline.model.events import Event
from trunkline.runtime import stopping
from trunkline.runtime.clock import now_text
from trunkline.runtime.strict_json import read_json
from trunkline.runtime.terminals import printable
from trunkline.schemas.modes import Modes
from trunkline.settings import load
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
    type: Annotated[str, argument("TYPE", "The event type, such as client.created.")],
    company: Company,
    environment: Environment = LIVE,
    payload: Payload = None,
    metadata: Metadata = None,
    config: Config = None,
) -> None:
    """Store an event, which is then delivered like any other, and print its envelope.

    Example: [bold]trunkline events emit client.created --company 92[/bold]
    """
    content = sys.stdin.buffer.read() if payload == "-" else None if payload is None else os.fsencode(payload)
    settings, chosen = load(config), Chosen(company, environment)
    max_bytes = settings.events.max_body_bytes

    async def store(log: emitting.Emission) -> Event:
        company_id = await id_of(log.directory, chosen)
        members = {"type": orjson.dumps(type)}
        if content is not None:
            members["payload"] = _compact(content, "/payload")
        elif (kind := log.catalog.get(type)) is not None:
            members["payload"] = kind.example_json
        else:
            raise EventRejected([FieldError("/type", unknown_name("event type", type, log.catalog.names()))])
        if metadata is not None:
            members["metadata"] = _compact(os.fsencode(metadata), "/metadata")
        body = b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in members.items())
        if len(body) > max_bytes:
            raise BodyTooLarge(max_bytes)
        reader = RequestReader(
            log.catalog, Modes("reject", {}, catalog=log.catalog), max_event_bytes=max_bytes
        )
        submission = reader.read(
            "event", *read_json(body), company_of=lambda _: company_id, now_text=now_text
        )
        return await log.accept(submission)

    show_document(run_with(emitting.opened(settings), store).body)


@app.command("tail")
def tail(
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
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'emit' does without it

    moment = read_moment(since, "--since")
    since_ms = None if moment is None else int(moment.timestamp() * 1000)
    settings, chosen = load(config), Chosen(company, environment)

    async def show(hub: "Readings") -> None:
        company_id, names = await id_of(hub.directory, chosen), _known_types(hub, types)
        with stopping.stop_signals() as stop:
            stopped = asyncio.create_task(stop.wait())
            shown = asyncio.create_task(
                _show_events(hub, company_id, names, since_ms, follow=follow, as_json=as_json)
            )
            await asyncio.wait({stopped, shown}, return_when=asyncio.FIRST_COMPLETED)
            for task in (stopped, shown):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await shown

    run_with(reading.opened(settings), show)


app.command("show")(event_views.show_event)
app.command("explain")(event_views.explain_event)
app.command("digest")(event_views.digest_events)


def _compact(text: bytes, path: str) -> bytes:
    """Check that *text* is JSON and remove its white space; all digits stay as written."""
    try:
        return read_json(text)[0]
    except BodyInvalid as error:
        raise EventRejected(
            [FieldError(path + fault.path, fault.message) for fault in error.errors]
        ) from None


async def _show_events(
    hub: "Readings", company_id: int, names: list[str], since_ms: int | None, *, follow: bool, as_json: bool
) -> None:
    cursor: str | None = None
    if since_ms is None:
        kinds = [[name] for name in types_among(names, hub.catalog.all_names())] if names else [[]]
        async with hub.database.read() as connection:
            head = (await log.head(connection)).position
            events = [
                event
                for kind in kinds
                for event in await log.newest_of_company(
                    connection, company_id, types=kind, limit=RECENT, up_to=head
                )
            ]
        recent = sorted(events, key=lambda event: event.position)[-RECENT:]
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
            parts = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            created, kind = (msgspec.json.decode(parts[name], type=str) for name in ("createdUtc", "type"))
            number, payload = bytes(parts["id"]).decode(), bytes(parts["payload"]).decode()
            typer.echo(f"{created}  #{number}  {kind:<23} {printable(payload)}")
    sys.stdout.flush()


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
