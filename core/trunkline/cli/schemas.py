"""``schemas``: are event types, actions, searches and lookups fit to serve, and would an older client break on them?"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli import opening
from trunkline.cli.options import AsJson, Config, load_settings
from trunkline.cli.output import REFUSED, show_json, warn
from trunkline.definitions import FOLDERS, KINDS
from trunkline.errors import SchemaInvalid
from trunkline.schema_changes import Break, find_breaks, find_operation_breaks
from trunkline.schema_files import load_definitions, load_event_types

app = typer.Typer(
    no_args_is_help=True, help="Check the schemas of event types, actions, searches and lookups."
)

_SINGULAR = {"event_types": "event type"} | {FOLDERS[kind]: kind for kind in KINDS}

Against = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with an older version: DIR/events/*.json, and actions, searches and lookups likewise.",
    ),
]


@app.callback()
def schemas() -> None:
    """Check the schemas of event types, actions, searches and lookups."""


@app.command("check")
def check_schemas(
    context: typer.Context, against: Against = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Check that every schema and example is valid, and name each thing that an older client would break on.

    Actions, searches and lookups are also held to what the routes and the connectors need of them: the events that they emit
    and the lookups that their fields are chosen from must be there. The first fault is told, with its file.

    Example: [bold]trunkline schemas check --against released/schemas[/bold]
    """
    settings = load_settings(context, config)
    try:
        hub = opening.inspected(settings)
        older = load_event_types(against) if against else []
        older_definitions = load_definitions(against) if against else []
    except SchemaInvalid as error:
        _report([str(error)], [], dict.fromkeys(_SINGULAR, 0), as_json=as_json)
        raise typer.Exit(REFUSED) from None
    if against and not (older or older_definitions):
        msg = f"{against} has no events/*.json, nor actions, searches or lookups"
        raise typer.BadParameter(msg, param_hint="--against")
    errors = [record.error or record.name for record in hub.registry.records if record.state == "failed"]
    types, definitions = hub.catalog.types(), hub.definitions.all()
    breaks = [*find_breaks(older, types), *find_operation_breaks(older_definitions, definitions)]
    kinds = Counter(one.kind for one in definitions)
    counts = {"event_types": len(types)} | {FOLDERS[kind]: kinds[kind] for kind in KINDS}
    _report(errors, breaks, counts, as_json=as_json)
    if errors or breaks:
        raise typer.Exit(REFUSED)


def _report(errors: list[str], breaks: list[Break], counts: Mapping[str, int], *, as_json: bool) -> None:
    if as_json:
        shown = [asdict(one) for one in breaks]
        show_json({"valid": not errors, **counts, "errors": errors, "breaks": shown})
        return
    for error in errors:
        warn(error)
    for one in breaks:
        name = one.name if one.subject == "event_type" else f"{one.subject} {one.name}"
        typer.echo(f"{name}{f' {one.path}' if one.path else ''}: {one.message}")
    if breaks:
        warn(f"An older client would break on {len(breaks)} thing{'s' if len(breaks) > 1 else ''}.")
    elif not errors:
        listed = (
            f"{count} {_SINGULAR[noun] if count == 1 else noun.replace('_', ' ')}"
            for noun, count in counts.items()
        )
        typer.echo(f"{', '.join(listed)}: every schema and example is valid.")
