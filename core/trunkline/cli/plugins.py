"""``plugins``: what was found, what became of it, and everything about one of them."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from trunkline.cli import opening
from trunkline.cli.options import AsJson, Config, load_settings, remember_config
from trunkline.cli.output import REFUSED, show_json, show_table, warn

app = typer.Typer(invoke_without_command=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The plugin's name, as 'trunkline plugins' lists it.")
]

FACTS = ("state", "error", "distribution", "version", "requires", "module", "file")
LISTS = (
    "hooks", "settings", "channels", "event_types", "casters", "actions", "searches", "lookups", "routes", "pages",
    "connectors", "migrations",
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
        [one.name, one.version, one.distribution, one.state, one.error or "; ".join(one.deprecations)]
        for one in records
    ]
    show_table(["name", "version", "distribution", "state", "error"], rows)


@app.command("show")
def show_plugin(context: typer.Context, name: Name, as_json: AsJson = False, config: Config = None) -> None:
    """Show everything about one plugin: where it comes from, why it does not run, its hooks, settings and what it gives.

    Example: [bold]trunkline plugins show webhooks[/bold]
    """
    hub = opening.inspected(load_settings(context, config))
    described = opening.described(hub, name)
    if not described:
        warn(_no_such_plugin(name, [record.name for record in hub.registry.records]))
        raise typer.Exit(REFUSED)
    for one in described:
        if as_json:
            show_json(one)
        else:
            _show(one)


def _no_such_plugin(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known)
    wanted = " or ".join(f"'{one}'" for one in close)
    hint = f"did you mean {wanted}?" if close else f"found are: {', '.join(sorted(set(known))) or 'none'}"
    return f"There is no plugin '{name}'; {hint}"


def _show(described: Mapping[str, Any]) -> None:
    typer.echo(described["name"])
    for fact in FACTS:
        if described[fact] is not None:
            typer.echo(f"  {fact}: {described[fact]}")
    for sentence in described["deprecations"]:
        typer.echo(f"  deprecated: {sentence}")
    for kind in LISTS:
        rows: list[Mapping[str, Any]] = described[kind]
        if rows:
            typer.echo(f"\n{kind.replace('_', ' ')}")
            show_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
