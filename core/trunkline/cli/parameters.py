"""Declares the options and arguments of commands, and the option ``--config``, which every command takes."""

from pathlib import Path
from typing import Annotated, Any

import typer

_CONFIG = "trunkline.config"


def option(name: str, metavar: str, help: str, **more: Any) -> Any:
    """Declare an option with a value; *more* are further arguments of ``typer.Option``."""
    return typer.Option(name, metavar=metavar, help=help, **more)


def argument(metavar: str, help: str, **more: Any) -> Any:
    """Declare an argument; *more* are further arguments of ``typer.Argument``."""
    return typer.Argument(metavar=metavar, help=help, **more)


def chosen_config(context: typer.Context, config: str | None = None) -> Path | None:
    """Return the settings file that is named after the command (*config*), or else the one named before it."""
    file = context.meta.get(_CONFIG) if config is None else config
    context.meta[_CONFIG] = file
    return None if file is None else Path(file)


Config = Annotated[
    Path | None,
    option(
        "--config",
        "FILE",
        "Settings file; trunkline.toml in the current folder, if unset.",
        callback=chosen_config,
    ),
]
