"""Options that several commands share, and the settings that come of them."""

from pathlib import Path
from typing import Annotated

import typer

from trunkline import settings
from trunkline.access.keys import MAX_COMPANY_ID
from trunkline.cli.config import chosen_config
from trunkline.cli.output import warn
from trunkline.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Company = Annotated[
    int, typer.Option("--company", min=1, max=MAX_COMPANY_ID, metavar="ID", help="The company.")
]
OptionalCompany = Annotated[
    int | None, typer.Option("--company", min=1, max=MAX_COMPANY_ID, metavar="ID", help="The company.")
]


def load_settings(context: typer.Context, config: Path | None) -> Settings:
    """Read the settings from the file that was named before or after the command, and the environment.

    Raises:
        SettingsInvalid: the file is missing or no TOML, or a setting is unknown or malformed.
    """
    chosen = settings.load(chosen_config(context, config))
    if not context.params.get("seat"):  # a process that another one started has told of it
        for name in chosen.deprecated():
            warn(
                f"Setting '{name}' is deprecated: write 'product.schemas', which also leaves out what other products bring."
            )
    return chosen
