"""``new``: begin something of your own, from a folder that works as it is."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.scaffold import FEATURES, Plan, check_name, write_plugin

app = typer.Typer(no_args_is_help=True, help="Begin a plugin of your own.")

_DEFAULT = next(iter(FEATURES))

With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="WHAT",
        help=f"What it has, one or several of {', '.join(FEATURES)}; asked for one by one, if unset.",
    ),
]
Into = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where to write it; trunkline-NAME in the current folder, if unset."),
]
Yes = Annotated[bool, typer.Option("--yes", help=f"Ask nothing: {_DEFAULT} alone, if --with is unset.")]


@app.callback()
def new() -> None:
    """Begin a plugin of your own."""


@app.command("plugin")
def new_plugin(name: str, chosen: With = None, into: Into = None, yes: Yes = False) -> None:
    """Write a connector plugin into a new folder: code, tests from the conformance kit, README, CI. It works as it is.

    Example: [bold]trunkline new plugin acme --with push --with portal-page[/bold]
    """
    plan = Plan(check_name(name), tuple(_check(chosen) if chosen else _ask(name, yes=yes)))
    folder = into or Path(plan.distribution)
    for path in write_plugin(plan, folder):
        typer.echo(path)
    if sys.stdout.isatty():
        typer.echo(f"\nNext:  pip install 'trunkline[testing]' ./{folder}  &&  pytest {folder}")


def _check(chosen: list[str]) -> list[str]:
    for feature in chosen:
        if feature not in FEATURES:
            msg = f"'{feature}' is none of {', '.join(FEATURES)}"
            raise typer.BadParameter(msg, param_hint="--with")
    return chosen


def _ask(name: str, *, yes: bool) -> list[str]:
    """Ask what the plugin should have, where somebody can answer."""
    if yes or not sys.stdin.isatty():
        return [_DEFAULT]
    typer.echo(f"What should '{name}' have?", err=True)
    features = [
        feature
        for feature, meaning in FEATURES.items()
        if typer.confirm(f"  {meaning}", default=feature == _DEFAULT, err=True)
    ]
    if not features:
        typer.echo("A plugin needs at least one of them; nothing was written.", err=True)
        raise typer.Exit(1)
    return features
