"""``quarantine``: reading and emptying the inbox of events that break their schema, directly in the database.

It covers all companies, unless one is named.
"""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from trunkline.cli import opening, reading
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson, Environment, Newest, OptionalCompany, id_or_none
from trunkline.cli.output import show_document, show_list, shown_company, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.cli.reading import Readings
from trunkline.contract import QuarantinedEvent, ReleasedEvent
from trunkline.errors import EventRejected, FieldError, unknown_name
from trunkline.ingest import quarantine, requests
from trunkline.model.environments import LIVE
from trunkline.runtime.strict_json import read_json
from trunkline.settings import load

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

_PAGE = 100

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, argument("ID", "The event's id, as 'quarantine list' shows it.")]
OptionalId = Annotated[str | None, argument("ID", "The event's id, as 'quarantine list' shows it.")]
Type = Annotated[str | None, option("--type", "TYPE", "Only events of this type.")]
AllOfType = Annotated[
    str | None, option("--type", "TYPE", "Instead of an id: all events of this type that are valid now.")
]
Payload = Annotated[
    str | None,
    typer.Option(metavar="JSON|-", help="Release it with this payload; - reads it from standard input."),
]


@command(app, "list", reading.opened)
async def list_events(
    hub: Readings,
    company: OptionalCompany = None,
    environment: Environment = LIVE,
    type: Type = None,
    limit: Newest = 50,
    as_json: AsJson = False,
) -> None:
    """List quarantined events, newest first, with the fields that break their schema.

    Example: [bold]trunkline quarantine list --type client.created[/bold]
    """
    company_id = await id_or_none(hub.directory, company, environment)
    events: list[QuarantinedEvent] = []
    cursor: str | None = None
    while len(events) < limit:
        size = min(_PAGE, limit - len(events))
        page = await hub.quarantine.list(company_id, type=type, cursor=cursor, limit=size)
        events.extend(page.events)
        cursor = page.next_cursor
        if cursor is None:
            break
    views = [quarantine.view(event) for event in events]
    rows = [
        [
            view["id"],
            shown_company(view),
            view["type"],
            view["received_utc"],
            " ".join(fault["path"] for fault in view["errors"]) or "nothing any more",
        ]
        for view in views
    ]
    columns = ["id", "company", "type", "received", "at fault"]
    show_list("quarantined", views, columns, rows, as_json=as_json)


@command(app, "show", reading.opened)
async def show_event(hub: Readings, id: Id) -> None:
    """Print a quarantined event as JSON, with its payload as it was sent, and its faults in the current schema.

    Example: [bold]trunkline quarantine show qtn_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    event = await hub.quarantine.get(id, company_id=None)
    metadata = {"metadata": msgspec.Raw(event.metadata)} if event.metadata else {}
    whole = {**quarantine.view(event), "payload": msgspec.Raw(event.payload), **metadata}
    show_document(msgspec.json.encode(whole))


@app.command("release")
def release_event(
    id: OptionalId = None,
    type: AllOfType = None,
    payload: Payload = None,
    company: OptionalCompany = None,
    environment: Environment = LIVE,
    config: Config = None,
) -> None:
    """Release an event if it is valid, and print its envelope; or release all events of a type that are valid now.

    Example: [bold]trunkline quarantine release --type client.created[/bold]
    """
    if (id is None) == (type is None):
        msg = "name one event by its id, or all of a type with --type"
        raise typer.BadParameter(msg)
    settings = load(config)
    if type is not None:
        if payload is not None:
            msg = "a payload is for one event; leave --payload or --type out"
            raise typer.BadParameter(msg)
        released, invalid = run_with(
            opening.opened(settings), lambda hub: _release_all(hub, company, environment, type)
        )
        warn(f"{released:,} released, {invalid:,} left that still break their schema.")
        return
    content = sys.stdin.buffer.read() if payload == "-" else None if payload is None else os.fsencode(payload)
    compact = None if content is None else requests.read_payload(*read_json(b'{"payload":%b}' % content))

    async def release(hub: "Hub") -> ReleasedEvent:
        company_id = await id_or_none(hub.directory, company, environment)
        return await hub.quarantine.release(id or "", company_id=company_id, payload=compact)

    event = run_with(opening.opened(settings), release)
    show_document(event.body)
    if event.repeated:
        warn(f"It was released before, as event {event.position}.")


@command(app, "delete", reading.opened)
async def delete_event(hub: Readings, id: Id) -> None:
    """Delete a quarantined event permanently; it is never delivered.

    Example: [bold]trunkline quarantine delete qtn_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    await hub.quarantine.delete(id, company_id=None)
    warn(f"{id} is deleted.")


async def _release_all(hub: "Hub", company: str | None, environment: str, type: str) -> tuple[int, int]:
    """Release all events of *type* that are valid now; returns the numbers of released and of still invalid events."""
    if hub.catalog.get(type) is None:
        raise EventRejected([FieldError("/type", unknown_name("event type", type, hub.catalog.names()))])
    company_id = await id_or_none(hub.directory, company, environment)
    batch = await hub.quarantine.release_all(company_id, type=type, cursor=None)
    released, invalid = batch.released, batch.invalid
    while batch.next_cursor is not None:
        batch = await hub.quarantine.release_all(company_id, type=type, cursor=batch.next_cursor)
        released, invalid = released + batch.released, invalid + batch.invalid
    return released, invalid
