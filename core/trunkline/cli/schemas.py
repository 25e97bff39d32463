"""``schemas``: checks that event types, actions, searches and lookups are valid, and that older clients can read them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from trunkline.cli import opening, reading
from trunkline.cli.connecting import ready
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson
from trunkline.cli.output import REFUSED, show_json, show_list, warn
from trunkline.cli.parameters import Config, argument
from trunkline.cli.schema_impact import Impact, impact_of, read_readers
from trunkline.errors import SchemaInvalid
from trunkline.ingest import event_types
from trunkline.model.environments import company_title, in_environment
from trunkline.schemas.breaks import Break, find_breaks, find_operation_breaks
from trunkline.schemas.catalog import EventType
from trunkline.schemas.compiling import MAX_BACKTRACKS, backtracking_patterns
from trunkline.schemas.definitions import FOLDERS, KINDS, Definition
from trunkline.schemas.files import load_definitions, load_event_types
from trunkline.schemas.sentences import short_text
from trunkline.settings import load

app = typer.Typer(no_args_is_help=True)

NAMED = 20
"""The number of subscriptions that are named; further subscriptions are only counted."""
_SINGULAR = {"event_types": "event type"} | {FOLDERS[kind]: kind for kind in KINDS}

Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="With --against: also list the subscriptions and filters in the database that a change would break.",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with an older version: DIR/events/*.json, and actions, searches and lookups likewise.",
    ),
]
Name = Annotated[str, argument("TYPE", "Its name, such as order.shipped.")]
File = Annotated[
    Path,
    argument(
        "FILE",
        "JSON Schema of the payload, with title, description and examples.",
        exists=True,
        dir_okay=False,
    ),
]


@command(app, "list", reading.opened)
async def list_event_types(hub: reading.Readings, as_json: AsJson = False) -> None:
    """List the event types in files, and the registered ones with their revisions.

    Example: [bold]trunkline schemas list[/bold]
    """
    revision_of = hub.registered_types.revision_of
    views = [event_types.view(each, revision_of(each.name)) for each in hub.catalog.types()]
    rows = [[view["type"], str(view.get("revision") or "in files"), view["title"]] for view in views]
    show_list("event_types", views, ("type", "revision", "title"), rows, as_json=as_json)


@command(app, "register", reading.opened)
async def register_event_type(hub: reading.Readings, name: Name, schema: File) -> None:
    """Add an event type, or change the schema of a registered one. A change that would break older clients is refused.

    Running processes use the new schema within two seconds.

    Example: [bold]trunkline schemas register order.shipped order.shipped.json[/bold]
    """
    registered = hub.registered_types
    is_known = registered.revision_of(name) is not None
    made = await (registered.revise if is_known else registered.register)(name, schema.read_bytes())
    view = event_types.view(made, registered.revision_of(name))
    typer.echo(f"{view['type']} is registered, revision {view['revision']}: {view['title']}")


@app.command("check")
def check_schemas(
    against: Against = None, live: Live = False, as_json: AsJson = False, config: Config = None
) -> None:
    """Check that every schema and example is valid. List the changes that would break older clients, and the clients that they affect.

    Actions, searches and lookups are also checked for the needs of routes and connectors: the events that they emit and the
    lookups of their fields must exist. The first fault is shown, with its file.

    Example: [bold]trunkline schemas check --against released/schemas[/bold]
    """
    if live and against is None:
        msg = "it says whom a change would hurt, so it needs --against DIR, the older version"
        raise typer.BadParameter(msg, param_hint="--live")
    settings = load(config)
    try:
        hub = opening.inspected(settings)
        older = load_event_types(against) if against else []
        older_definitions = load_definitions(against) if against else []
    except SchemaInvalid as error:
        _report([str(error)], [], dict.fromkeys(_SINGULAR, 0), warnings=[], as_json=as_json)
        raise typer.Exit(REFUSED) from None
    if against and not (older or older_definitions):
        msg = f"{against} has no events/*.json, nor actions, searches or lookups"
        raise typer.BadParameter(msg, param_hint="--against")
    errors = [record.error or record.name for record in hub.registry.records if record.state == "failed"]
    types, definitions = hub.catalog.all_types(), hub.definitions.all()
    readers = run_with(ready(settings), read_readers) if live else None
    connectors = [connector for _, connector in hub.registry.collected.connectors.values()]
    breaks: list[tuple[Break, Impact]] = []
    for change in (*find_breaks(older, types), *find_operation_breaks(older_definitions, definitions)):
        versions = sorted(kind.version for kind in older if kind.name == change.name)
        impact = impact_of(change, connectors=connectors, readers=readers, versions=versions)
        breaks.append((change, impact))
    kinds = Counter(definition.kind for definition in definitions)
    counts = {"event_types": len(hub.catalog.types())} | {FOLDERS[kind]: kinds[kind] for kind in KINDS}
    warnings = [*_slow_patterns(types, definitions)]
    _report(errors, breaks, counts, warnings=warnings, as_json=as_json)
    if errors or breaks:
        raise typer.Exit(REFUSED)


def _report(
    errors: list[str],
    breaks: list[tuple[Break, Impact]],
    counts: Mapping[str, int],
    *,
    warnings: list[str],
    as_json: bool,
) -> None:
    if as_json:
        views = [to_builtins(change) | {"hurts": to_builtins(impact)} for change, impact in breaks]
        show_json({"valid": not errors, **counts, "errors": errors, "warnings": warnings, "breaks": views})
        return
    for line in (*errors, *warnings):
        warn(line)
    for change, impact in breaks:
        name = change.name if change.subject == "event_type" else f"{change.subject} {change.name}"
        version = f"@{change.version}" if (change.version or 1) > 1 else ""
        typer.echo(f"{name}{version}{f' {change.path}' if change.path else ''}: {change.message}")
        for sentence in _sentences(change, impact):
            typer.echo(f"    {sentence}")
    if breaks:
        warn(f"An older client would break on {len(breaks)} thing{'s' if len(breaks) > 1 else ''}.")
    elif not errors:
        listed = (
            f"{count} {_SINGULAR[noun] if count == 1 else noun.replace('_', ' ')}"
            for noun, count in counts.items()
        )
        typer.echo(f"{', '.join(listed)}: every schema and example is valid.")


def _slow_patterns(types: Iterable[EventType], definitions: Iterable[Definition]) -> Iterator[str]:
    """Yield a warning for each regular expression that needs a backtracking engine."""
    schemas = [(f"{kind.name}@{kind.version}", "", kind.schema) for kind in types]
    for definition in definitions:
        name = f"{definition.kind} {definition.name}"
        schemas += [
            (name, f"/{part}", getattr(definition, part)) for part in ("parameters", "input", "output")
        ]
    for name, at, schema in schemas:
        for place, pattern in backtracking_patterns(schema, at):
            yield (
                f"{name} {place}: the pattern {short_text(pattern)} has a look-around or a back-reference, so its time "
                f"may grow with the square of a text, or worse. It ends after {MAX_BACKTRACKS:,} steps, and a text that "
                "takes more is refused as not valid; write it without them if you can."
            )


def _sentences(change: Break, impact: Impact) -> Iterator[str]:
    """Yield a line for each kind of object that a breaking change would affect: connectors, subscriptions, filters."""
    if impact.platforms and not change.path:
        yield f"offered in {', '.join(field.connector for field in impact.platforms)}"
    elif impact.platforms:
        yield "mapped as " + ", ".join(f"{field.field} in {field.connector}" for field in impact.platforms)
    if impact.subscriptions is None:
        return
    if not impact.subscriptions:
        yield "no subscription in the database reads it"
        return
    names = [
        f"{hurt.id} ({company_title(in_environment(hurt.company_id, hurt.environment))}, {hurt.channel})"
        for hurt in impact.subscriptions[:NAMED]
    ]
    more = len(impact.subscriptions) - len(names)
    count = len(impact.subscriptions)
    yield f"{count} subscription{'s' if count > 1 else ''}: {', '.join(names)}{f' and {more} more' if more else ''}"
    for hurt in [hurt for hurt in impact.subscriptions if hurt.filter_paths][:NAMED]:
        yield f"the filter of {hurt.id} reads {', '.join(hurt.filter_paths)}"
