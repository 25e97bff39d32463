"""The output of commands: tables for people, plain lines for pipes, one sentence for what went wrong."""

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

REFUSED = 1
CANNOT_START = 2
CANNOT_GO_ON = 3


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
