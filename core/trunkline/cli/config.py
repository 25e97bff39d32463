"""``--config``: the settings file, named before or after the command."""

from pathlib import Path
from typing import Annotated

import typer

_CONFIG_KEY = "trunkline.config"

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file; trunkline.toml in the current folder, if unset."
    ),
]


def remember_config(context: typer.Context, config: Path | None) -> None:
    """Store a ``--config`` that is before the command."""
    if config is not None:
        context.meta[_CONFIG_KEY] = config


def chosen_config(context: typer.Context, config: Path | None) -> Path | None:
    """Return the settings file that was named before or after the command."""
    return config or context.meta.get(_CONFIG_KEY)
