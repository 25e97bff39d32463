"""``plugins``: every installed plugin with its state, and everything about one of them."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from trunkline.cli import opening
from trunkline.cli.config import Config, remember_config
from trunkline.cli.options import AsJson, load_settings
from trunkline.cli.output import REFUSED, show_json, show_table, warn
from trunkline.plugins.descriptions import describe_plugins

app = typer.Typer(invoke_without_command=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The plugin's name, as 'trunkline plugins' lists it.")
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
    remember_config(context, config)
    if context.invoked_subcommand is not None:
        return
    records = opening.inspected(load_settings(context, config)).registry.records
    if as_json:
        show_json({"plugins": [asdict(record) for record in records], "count": len(records)})
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
def show_plugin(context: typer.Context, name: Name, as_json: AsJson = False, config: Config = None) -> None:
    """Show everything about one plugin: where it comes from, why it does not run, its hooks, settings and what it gives.

    Example: [bold]trunkline plugins show webhooks[/bold]
    """
    hub = opening.inspected(load_settings(context, config))
    descriptions = describe_plugins(hub.registry, name)
    if not descriptions:
        warn(_no_such_plugin(name, [record.name for record in hub.registry.records]))
        raise typer.Exit(REFUSED)
    for plugin in descriptions:
        if as_json:
            show_json(plugin)
        else:
            _show(plugin)


def _no_such_plugin(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known)
    names = " or ".join(f"'{match}'" for match in close)
    hint = f"did you mean {names}?" if close else f"found are: {', '.join(sorted(set(known))) or 'none'}"
    return f"There is no plugin '{name}'; {hint}"


def _show(plugin: Mapping[str, Any]) -> None:
    typer.echo(plugin["name"])
    for fact in FACTS:
        if plugin[fact] is not None:
            typer.echo(f"  {fact}: {plugin[fact]}")
    for sentence in plugin["deprecations"]:
        typer.echo(f"  deprecated: {sentence}")
    for kind in LISTS:
        rows: list[Mapping[str, Any]] = plugin[kind]
        if rows:
            typer.echo(f"\n{kind.replace('_', ' ')}")
            show_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
