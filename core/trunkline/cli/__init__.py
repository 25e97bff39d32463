"""The command line. Each module here is a few commands; what they do is done by the hub's services.

Standard output has what was asked for, alone; everything else goes to standard error. Exit codes: 0 done, 1 refused or
not all right, 2 cannot start (a setting, a plugin, the database, the port) or misused.
"""

import io
import sys
from typing import Annotated

import typer

from trunkline.cli import documents, events, keys, plugins, quarantine, replay, schemas, serving, status
from trunkline.cli.demo import command as demo
from trunkline.cli.doctor import command as doctor
from trunkline.cli.options import Config, remember_config
from trunkline.cli.output import Commands
from trunkline.cli.scaffold import command as new
from trunkline.version import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="See it work: [bold]trunkline demo[/bold]. Run it: [bold]trunkline serve[/bold].",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trunkline {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: Config = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """One stream of business events, delivered as signed webhooks, by cursor polling, and to Zapier, n8n and Make."""
    remember_config(context, config)


for module in (serving, demo, status, replay, doctor):
    module.register(app)
app.add_typer(plugins.app, name="plugins")
app.add_typer(new.app, name="new")
app.add_typer(keys.app, name="keys")
app.add_typer(events.app, name="events")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(schemas.app, name="schemas")
app.add_typer(documents.app, name="export")


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # a terminal that lacks a character shows '?' instead of failing
    app(prog_name="trunkline")
