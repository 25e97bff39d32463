"""``quarantine``: the inbox of events that break their schema, looked at and emptied where the database is.

What it takes to do that is imported by the functions, so that ``--help`` need not load it.
"""

# ruff: noqa: PLC0415
import os
import sys
from typing import Annotated

import msgspec
import typer

from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, Config, OptionalCompany, load_settings
from trunkline.cli.output import show_json, show_table, warn

app = typer.Typer(
    no_args_is_help=True, help="Look through events that break their schema, and release or delete them."
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The event's id, as 'quarantine list' shows it.")]
OptionalId = Annotated[
    str | None, typer.Argument(metavar="ID", help="The event's id, as 'quarantine list' shows it.")
]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only events of this type.")]
AllOfType = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help="In place of an id: all of this type that are valid by now."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show at most so many, the newest.")]
Payload = Annotated[
    str | None,
    typer.Option(metavar="JSON|-", help="Release it with this payload; - reads it from standard input."),
]


@app.command("list")
def list_events(
    context: typer.Context,
    company: OptionalCompany = None,
    type: Type = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the events that wait, newest first, with where they break their schema.

    Example: [bold]trunkline quarantine list --type client.created[/bold]
    """
    from trunkline.cli import inbox
    from trunkline.ingest.quarantine import view

    found = run(inbox.find(load_settings(context, config), company, type, limit=limit))
    views = [view(one) for one in found]
    if as_json:
        show_json({"quarantined": views, "count": len(views)})
        return
    rows = [
        [
            one["id"],
            str(one["company_id"]),
            one["type"],
            one["received_utc"],
            " ".join(fault["path"] for fault in one["errors"]) or "nothing any more",
        ]
        for one in views
    ]
    show_table(["id", "company", "type", "received", "at fault"], rows)


@app.command("show")
def show_event(context: typer.Context, id: Id, config: Config = None) -> None:
    """Print one that waits as JSON, with its payload as it came in and what its schema finds wrong.

    Example: [bold]trunkline quarantine show qtn_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    from trunkline.cli import inbox

    _show(run(inbox.show(load_settings(context, config), id)))


@app.command("release")
def release_event(
    context: typer.Context,
    id: OptionalId = None,
    type: AllOfType = None,
    payload: Payload = None,
    company: OptionalCompany = None,
    config: Config = None,
) -> None:
    """Put an event into the stream if it is valid, and print its envelope; or all of a type that are valid by now.

    Example: [bold]trunkline quarantine release --type client.created[/bold]
    """
    from trunkline.cli import inbox

    if (id is None) == (type is None):
        msg = "name one event by its id, or all of a type with --type"
        raise typer.BadParameter(msg)
    settings = load_settings(context, config)
    if type is not None:
        if payload is not None:
            msg = "a payload is for one event; leave --payload or --type out"
            raise typer.BadParameter(msg)
        released, invalid = run(inbox.release_all(settings, company, type))
        warn(f"{released:,} released, {invalid:,} left that still break their schema.")
        return
    given = sys.stdin.buffer.read() if payload == "-" else None if payload is None else os.fsencode(payload)
    done = run(inbox.release(settings, company, id or "", payload=given))
    _show(done.body)
    if done.repeated:
        warn(f"It was released before, as event {done.position}.")


@app.command("delete")
def delete_event(context: typer.Context, id: Id, config: Config = None) -> None:
    """Remove one that waits for good; it is never delivered.

    Example: [bold]trunkline quarantine delete qtn_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    from trunkline.cli import inbox

    run(inbox.delete(load_settings(context, config), id))
    warn(f"{id} is deleted.")


def _show(document: bytes) -> None:
    typer.echo(msgspec.json.format(document, indent=2) if sys.stdout.isatty() else document)
