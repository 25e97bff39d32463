"""``plugins``: all installed plugins with their states, and details of one. The kit brings ``plugins search``."""

from typing import Annotated, Any

import typer
from msgspec import to_builtins
from typer.core import TyperGroup

from trunkline.cli import opening
from trunkline.cli.commands import ListedCommand, Source
from trunkline.cli.options import AsJson
from trunkline.cli.output import REFUSED, show_json, show_table, warn
from trunkline.cli.parameters import Config, argument
from trunkline.errors.spelling import correction
from trunkline.plugins import collect_routes
from trunkline.settings import load

SEARCH = Source(
    "trunkline_kit.plugin_search:search_plugins",
    "Search the catalogue of plugins: the built-in one, or that of plugins.catalogue. No data are sent anywhere.",
)


class PluginCommands(TyperGroup):
    """The commands of ``plugins``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_command(ListedCommand("search", SEARCH))


app = typer.Typer(cls=PluginCommands, invoke_without_command=True)

Name = Annotated[str, argument("NAME", "The plugin's name, as 'trunkline plugins' lists it.")]

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


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
