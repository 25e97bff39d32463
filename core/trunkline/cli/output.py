"""The output of commands: tables and durations for people, plain lines for pipes, one sentence for an error."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from trunkline.runtime.terminals import escape_json, printable

REFUSED = 1
CANNOT_START = 2
CANNOT_GO_ON = 3

_FORCING = {"FORCE_COLOR", "TTY_COMPATIBLE"}
"""Variables that make rich treat any output as a terminal."""


def warn(text: str) -> None:
    """Write *text* to standard error; errors in doing so are ignored, as they could not be reported."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=True)


def show_json(value: Any) -> None:
    """Print *value* as JSON that cannot control a terminal."""
    typer.echo(escape_json(json.dumps(value, indent=2, ensure_ascii=False)))


def show_document(document: bytes, *, indent: int = 2) -> None:
    """Print a stored JSON *document*: as ``show_json`` does on a terminal, byte for byte elsewhere."""
    import msgspec  # noqa: PLC0415 - 40 ms, and --help has no document

    is_terminal = sys.stdout.isatty()
    typer.echo(
        escape_json(msgspec.json.format(document, indent=indent).decode()) if is_terminal else document
    )


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal; elsewhere print a line per row, with tabs between cells. *columns* head it, unless empty.

    Text from companies is never read as markup, and cannot control the terminal.
    """
    if sys.stdout.isatty() or _FORCING & os.environ.keys():
        from rich.console import Console  # noqa: PLC0415 - here, as only terminals need it, and it costs 50 ms
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console()
        if console.is_terminal:
            table = Table(
                *columns,
                show_header=bool(columns),
                box=None,
                header_style="bold",
                pad_edge=False,
                padding=(0, 3, 0, 0),
            )
            for row in rows:
                table.add_row(*(Text(printable(cell)) for cell in row))
            console.print(table)
            return
    for cells in (columns, *rows) if columns else rows:
        typer.echo("\t".join(map(printable, cells)))


def show_list(
    name: str, views: Sequence[Any], columns: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool
) -> None:
    """Print *views* as JSON under *name* with their number, or their *rows* as a table."""
    if as_json:
        show_json({name: views, "count": len(views)})
    else:
        show_table(columns, rows)


def show_members(view: Mapping[str, Any], members: Mapping[str, str], *, as_json: bool) -> None:
    """Print *view* as JSON, or its *members* as a table with a line for each."""
    if as_json:
        show_json(view)
    else:
        show_table([], list(members.items()))


def shown_company(view: Mapping[str, Any]) -> str:
    """Write the company of *view* for a cell of a table: ``92``, or ``92 test`` for its test environment."""
    return " ".join(filter(None, (str(view["company_id"]), view.get("environment"))))


def span(seconds: float) -> str:
    """Write a duration for people: ``1.5 s``, ``3 min 5 s``, ``2 d 4 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
