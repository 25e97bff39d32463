"""``plugins``: what was found, and what became of it."""

from dataclasses import asdict

import typer

from trunkline.cli import opening
from trunkline.cli.options import AsJson, Config, load_settings
from trunkline.cli.output import show_json, show_table


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("plugins")(list_plugins)


def list_plugins(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """List every plugin that was found: active, disabled, or failed and why.

    Example: [bold]trunkline plugins --json[/bold]
    """
    records = opening.inspected(load_settings(context, config)).registry.records
    if as_json:
        show_json({"plugins": [asdict(record) for record in records], "count": len(records)})
        return
    rows = [[r.name, r.version, r.distribution, r.state, r.error or ""] for r in records]
    show_table(["name", "version", "distribution", "state", "error"], rows)
