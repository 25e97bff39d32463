"""Options that several commands share, and the settings that come of them."""

from pathlib import Path
from typing import Annotated

import typer

from trunkline import settings
from trunkline.access.keys import MAX_COMPANY_ID
from trunkline.settings import Settings

_CONFIG_KEY = "trunkline.config"

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file; trunkline.toml in the current folder, if unset."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Company = Annotated[
    int, typer.Option("--company", min=1, max=MAX_COMPANY_ID, metavar="ID", help="The company.")
]
OptionalCompany = Annotated[
    int | None, typer.Option("--company", min=1, max=MAX_COMPANY_ID, metavar="ID", help="The company.")
]


def remember_config(context: typer.Context, config: Path | None) -> None:
    """Keep a ``--config`` that stands before the command."""
    if config is not None:
        context.meta[_CONFIG_KEY] = config


def load_settings(context: typer.Context, config: Path | None) -> Settings:
    """Read the settings from the file that was named before or after the command, and the environment.

    Raises:
        SettingsInvalid: the file is missing or no TOML, or a setting is unknown or malformed.
    """
    return settings.load(chosen_config(context, config))


def chosen_config(context: typer.Context, config: Path | None) -> Path | None:
    """Tell which settings file was named, before or after the command."""
    return config or context.meta.get(_CONFIG_KEY)
