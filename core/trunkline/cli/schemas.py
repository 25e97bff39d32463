"""``schemas``: are the event types fit to serve, and would an older client break on them?"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli import opening
from trunkline.cli.options import AsJson, Config, load_settings
from trunkline.cli.output import REFUSED, show_json, warn
from trunkline.errors import SchemaInvalid
from trunkline.schema_changes import Break, find_breaks
from trunkline.schema_files import load_event_types
from trunkline.schemas import EventType

app = typer.Typer(no_args_is_help=True, help="Check the JSON Schemas of the event types.")

Against = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", exists=True, file_okay=False, help="Folder with an older version: DIR/events/*.json."
    ),
]


@app.callback()
def schemas() -> None:
    """Check the JSON Schemas of the event types."""


@app.command("check")
def check_schemas(
    context: typer.Context, against: Against = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Check that every schema and example is valid, and name each thing that an older client would break on.

    Example: [bold]trunkline schemas check --against released/schemas[/bold]
    """
    settings = load_settings(context, config)
    try:
        hub = opening.inspected(settings)
        older = load_event_types(against) if against else []
    except SchemaInvalid as error:
        _report([str(error)], [], 0, as_json=as_json)
        raise typer.Exit(REFUSED) from None
    if against and not older:
        msg = f"{against} has no events/*.json"
        raise typer.BadParameter(msg, param_hint="--against")
    errors = [record.error or record.name for record in hub.registry.records if record.state == "failed"]
    types: tuple[EventType, ...] = hub.catalog.types()
    breaks = find_breaks(older, types)
    _report(errors, breaks, len(types), as_json=as_json)
    if errors or breaks:
        raise typer.Exit(REFUSED)


def _report(errors: list[str], breaks: list[Break], count: int, *, as_json: bool) -> None:
    if as_json:
        shown = [asdict(one) for one in breaks]
        show_json({"valid": not errors, "event_types": count, "errors": errors, "breaks": shown})
        return
    for error in errors:
        warn(error)
    for one in breaks:
        typer.echo(f"{one.event_type}{f' {one.path}' if one.path else ''}: {one.message}")
    if breaks:
        warn(f"An older client would break on {len(breaks)} thing{'s' if len(breaks) > 1 else ''}.")
    elif not errors:
        typer.echo(f"{count} event types: every schema and example is valid.")
