"""How commands speak: tables for people, plain lines for pipes, one sentence for what went wrong."""

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from trunkline.errors import (
    PluginFailed,
    Refused,
    SchemaInvalid,
    SettingsInvalid,
    StoreUnavailable,
    TrunklineError,
)

REFUSED = 1
CANNOT_START = 2
_CANNOT_START = (SettingsInvalid, PluginFailed, SchemaInvalid, StoreUnavailable)


class Commands(TyperGroup):
    """The group of all commands: it turns every error of ours into a sentence and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command that *ctx* names."""
        try:
            return super().invoke(ctx)
        except Refused as error:
            warn(f"{error.title}:" if error.errors else error.detail)
            for fault in error.errors:
                warn(f"  {fault.path or 'the whole'} {fault.message}")
            raise typer.Exit(REFUSED) from None
        except TrunklineError as error:
            known = isinstance(error, _CANNOT_START)
            prefix = "The database does not answer: " if isinstance(error, StoreUnavailable) else ""
            warn(f"{prefix}{error}")
            raise typer.Exit(CANNOT_START if known else REFUSED) from None


def warn(text: str) -> None:
    """Write *text* to standard error."""
    typer.echo(text, err=True)


def show_json(value: Any) -> None:
    """Print *value* as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal; elsewhere a line per row, its cells between tabs, under a line of the columns."""
    console = Console()
    if not console.is_terminal:
        for cells in (columns, *rows):
            typer.echo("\t".join(cells))
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for row in rows:
        table.add_row(*row)
    console.print(table)
