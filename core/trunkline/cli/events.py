"""``events``: emitting, watching and explaining events directly in the database."""

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import orjson
import typer

from trunkline.cli import desk, opening
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson, Company, Environment, id_of, names_in, read_moment
from trunkline.cli.output import show_document, show_json, show_table
from trunkline.cli.parameters import Config, argument, option
from trunkline.errors import BodyInvalid, BodyTooLarge, EventRejected, FieldError, NotFound, unknown_name
from trunkline.errors.spelling import known_instead
from trunkline.hub.catalogs import load_catalog
from trunkline.ingest.event_types import RegisteredTypes
from trunkline.ingest.requests import RequestReader
from trunkline.ingest.submissions import Submission
from trunkline.model import cursors
from trunkline.model.environments import LIVE
from trunkline.model.event_groups import EVERY_TYPE, is_group, type_groups, types_among
from trunkline.model.events import Event
from trunkline.runtime import stopping
from trunkline.runtime.clock import now_text
from trunkline.runtime.strict_json import read_json
from trunkline.runtime.terminals import printable
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.modes import Modes
from trunkline.settings import Settings, load
from trunkline.store import shards, stream
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory

if TYPE_CHECKING:
    from trunkline.cli.reading import Readings

RECENT = 10
"""The number of events that ``tail`` begins with."""

_WAIT_SECONDS = 30.0
_PAGE = 200

app = typer.Typer(no_args_is_help=True)

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
Id = Annotated[int, argument("ID", "The event's id.", min=1, max=2**63 - 1)]
Begin = Annotated[str | None, option("--from", "WHERE", "Begin after this cursor, time, or event id.")]
End = Annotated[str | None, option("--to", "WHERE", "End at this cursor, time, or event id.")]
DigestTypes = Annotated[str | None, option("--types", "TYPE,…", "Only these event types, or groups of them.")]
Subscription = Annotated[
    str | None, option("--subscription", "SUBSCRIPTION", "Only events that this subscription takes.")
]
Ranges = Annotated[
    int | None, option("--ranges", "N", "Split the range into this many parts.", min=1, max=1_000)
]


def _readings(settings: Settings) -> AbstractAsyncContextManager["Readings"]:
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'emit' and 'show' do without it

    return reading.opened(settings)


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
    settings = load(config)
    max_bytes = settings.events.max_body_bytes

    async def store(log: _Emission) -> Event:
        company_id = await id_of(log.directory, company, environment)
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

    show_document(run_with(_emitting(settings), store).body)


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
    moment = read_moment(since, "--since")
    since_ms = None if moment is None else int(moment.timestamp() * 1000)

    async def show(hub: "Readings") -> None:
        company_id = await id_of(hub.directory, company, environment)
        names = _known_types(hub, types)
        with stopping.stop_signals() as stop:
            showing = _show_events(hub, company_id, names, since_ms, follow=follow, as_json=as_json)
            await stop.unless(showing)

    run_with(_readings(load(config)), show)


@command(app, "show", desk.opened)
async def show_event(hub: desk.Desk, event: Id) -> None:
    """Print the envelope of an event, as every channel sends it.

    Example: [bold]trunkline events show 1000[/bold]
    """
    show_document((await _find(hub.database, event)).body)


@command(app, "explain", _readings)
async def explain_event(hub: "Readings", event: Id, as_json: AsJson = False) -> None:
    """Show, for each subscription of the event's company, whether it matched the event, and the state of the delivery.

    Example: [bold]trunkline events explain 1000[/bold]
    """
    view = await hub.deliveries.explain((await _find(hub.database, event)).company_id, event)
    if as_json:
        show_json(view)
        return
    names = ("subscription_id", "channel", "state", "attempts", "next_attempt_utc", "reason", "last_answer")
    rows: list[list[str]] = []
    for entry in view["subscriptions"]:
        parts = [entry.get(name) for name in ("last_status_code", "last_response", "last_error")]
        answer = " ".join(str(part) for part in parts if part is not None) or None  # such as "503 busy"
        shown = {**entry, "last_answer": answer}
        rows.append(["-" if shown[name] is None else str(shown[name]) for name in names])
    show_table(
        ("subscription", "channel", "state", "attempts", "next attempt", "reason", "last answer"), rows
    )
    if view["consumers"]:
        show_table(("consumer", "state"), [[one["name"], one["state"]] for one in view["consumers"]])


@command(app, "digest", _readings)
async def digest_events(
    hub: "Readings",
    company: Company,
    environment: Environment = LIVE,
    begin: Begin = None,
    end: End = None,
    types: DigestTypes = None,
    subscription: Subscription = None,
    ranges: Ranges = None,
) -> None:
    """Count a company's events in a range and digest their ids, as JSON.

    A reader that has all these events gets the same digest.

    Example: [bold]trunkline events digest --company 92 --from 2026-01-28T00:00:00Z --to 2026-01-29T00:00:00Z[/bold]
    """
    asked: dict[str, Any] = {"begin": begin, "end": end, "subscription_id": subscription, "ranges": ranges}
    asked["types"] = names_in(types)
    show_json(await hub.readers.digests.of(await id_of(hub.directory, company, environment), **asked))


class _Emission(msgspec.Struct, frozen=True):
    """The event types, and *accept*, which stores the one event of a submission."""

    directory: CompanyDirectory
    catalog: SchemaCatalog
    accept: Callable[[Submission], Awaitable[Event]]


@contextlib.asynccontextmanager
async def _emitting(settings: Settings) -> AsyncGenerator[_Emission]:
    """Open the log of a hub, or a whole hub if a plugin may be notified of events. Raises as ``desk.opened`` and ``opening.opened`` do."""
    if not desk.has_only_own_plugins(settings):
        async with opening.opened(settings) as hub:

            async def accept(submission: Submission) -> Event:
                return (await hub.ingest.accept(submission)).events[0]

            yield _Emission(hub.directory, hub.catalog, accept)
        return
    async with desk.opened(settings) as own:
        database, directory, catalog = own.database, own.directory, load_catalog(settings)
        await RegisteredTypes(database, catalog).refresh()
        async with database.read() as connection:
            count = await shards.count(connection)
        log = stream.Log(shards=lambda: count, directory=directory)

        async def append(submission: Submission) -> Event:
            async with database.write() as connection:
                (event,) = (await log.append(connection, submission.drafts)).events
            # The processes that serve and deliver would otherwise read the log up to a second later.
            if (notifications := database.notifications()) is not None:
                async with notifications.connected() as connection:
                    await notifications.send(connection)
            return event

        yield _Emission(directory, catalog, append)


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
            head = (await stream.head(connection)).position
            events = [
                event
                for kind in kinds
                for event in await stream.newest_of_company(
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
    names = names_in(text)
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


async def _find(database: Database, event_id: int) -> Event:
    """Read an event of any company. Raises NotFound."""
    async with database.read() as connection:
        found = (await stream.by_positions(connection, [event_id])).get(event_id)
    if found is None:
        raise NotFound("event", event_id)
    return found
