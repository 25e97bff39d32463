"""``--config``: the settings file, named before or after the command."""

from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.parameters import option

_KEY = "trunkline.config"


def chosen_config(context: typer.Context, config: str | None = None) -> Path | None:
    """Return the settings file that is named after the command (*config*), or else the one named before it."""
    file = context.meta.get(_KEY) if config is None else config
    context.meta[_KEY] = file
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
