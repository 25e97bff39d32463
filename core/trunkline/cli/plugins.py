"""``plugins``: all installed plugins with their states, details of one, and plugins to install."""

from typing import Annotated

import typer
from msgspec import to_builtins

from trunkline.cli import opening
from trunkline.cli.options import AsJson
from trunkline.cli.output import REFUSED, show_json, show_table, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.errors.spelling import correction
from trunkline.plugins import collect_routes
from trunkline.settings import load

app = typer.Typer(invoke_without_command=True)

Name = Annotated[str, argument("NAME", "The plugin's name, as 'trunkline plugins' lists it.")]

Words = Annotated[
    list[str] | None, argument("WORD", "Words to search for; an entry must contain all of them.")
]
CataloguePlace = Annotated[
    str | None, option("--catalogue", "PLACE", "A file or URL, instead of plugins.catalogue.")
]

FACTS = ("state", "error", "distribution", "version", "requires", "module", "file")
LISTS = (
    "hooks", "settings", "channels", "event_types", "casters", "actions", "searches", "lookups", "routes", "pages",
    "connectors", "commands", "migrations",
)  # fmt: skip


@app.callback(invoke_without_command=True)
def list_plugins(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """List every plugin that was found: active, disabled, or failed and why.

    Example: [bold]trunkline plugins --json[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    registry = opening.inspected(load(config)).registry
    if not registry.has_only_own:  # the routes of trunkline's own plugins are valid
        collect_routes(registry)
    records = registry.records
    if as_json:
        show_json({"plugins": to_builtins(records), "count": len(records)})
        return
    rows = [
        [
            record.name,
            record.version,
            record.distribution,
            record.state,
            record.error or "; ".join(record.deprecations),
        ]
        for record in records
    ]
    show_table(["name", "version", "distribution", "state", "error"], rows)


@app.command("show")
def show_plugin(name: Name, as_json: AsJson = False, config: Config = None) -> None:
    """Show one plugin: its origin, why it does not run, its hooks and settings, and what it provides.

    Example: [bold]trunkline plugins show webhooks[/bold]
    """
    from trunkline.plugins.descriptions import describe_plugins  # noqa: PLC0415 - routes take the web framework

    hub = opening.inspected(load(config), with_routes=True)
    descriptions = describe_plugins(hub.registry, name)
    if not descriptions:
        known = [record.name for record in hub.registry.records]
        found = f"; found are: {', '.join(sorted(set(known))) or 'none'}"
        warn(f"There is no plugin '{name}'{correction(name, known) or found}")
        raise typer.Exit(REFUSED)
    for plugin in descriptions:
        if as_json:
            show_json(plugin)
            continue
        typer.echo(plugin["name"])
        for fact in FACTS:
            if plugin[fact] is not None:
                typer.echo(f"  {fact}: {plugin[fact]}")
        for sentence in plugin["deprecations"]:
            typer.echo(f"  deprecated: {sentence}")
        for kind in filter(plugin.get, LISTS):
            typer.echo(f"\n{kind.replace('_', ' ')}")
            show_table(list(plugin[kind][0]), [list(map(_cell, row.values())) for row in plugin[kind]])


@app.command("search")
def search_plugins(
    words: Words = None, catalogue: CataloguePlace = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Search the catalogue of plugins: the built-in one, or that of plugins.catalogue. No data are sent anywhere.

    Example: [bold]trunkline plugins search queue[/bold]
    """
    from trunkline.plugins.catalogue import read_catalogue  # noqa: PLC0415 - it imports an HTTP client

    place = catalogue or load(config).plugins.catalogue
    found = read_catalogue(place).search(words or ())
    if as_json:
        show_json({"plugins": [entry.model_dump() for entry in found], "count": len(found)})
    elif not found:
        warn(f"The catalogue has nothing with {' and '.join(words or ())}.")
    else:
        rows = [
            [entry.name, entry.package, entry.level or "", entry.requires or "", entry.summary]
            for entry in found
        ]
        show_table(["name", "package", "level", "for trunkline", "what it is"], rows)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
