"""``log``: the log of events as a whole."""

import contextlib
from typing import Annotated

import typer

from trunkline.cli.connecting import ready
from trunkline.cli.loop import command
from trunkline.cli.parameters import option
from trunkline.errors import BadCursor
from trunkline.model import cursors
from trunkline.model.deliveries import Key
from trunkline.store import epochs
from trunkline.store.database import Database
from trunkline.store.epochs import MAX_POSITION, Advanced

app = typer.Typer(no_args_is_help=True)


def _read_position(given: str) -> int:
    """Read a position from an event's id, a cursor or a delivery's id. Raises BadParameter."""
    with contextlib.suppress(BadCursor):
        if given.isascii() and given.isdigit():
            position = int(given)
        else:
            key = Key.parse(given)
            position = cursors.decode(given) if key is None else key.position
        if 0 <= position <= MAX_POSITION:
            return position
    msg = f"'{given}' is no event id, cursor or delivery id, or lies beyond {MAX_POSITION}"
    raise typer.BadParameter(msg)


Past = Annotated[
    int | None,
    option(
        "--past",
        "ID",
        "An event id, cursor or delivery id that a client has seen; the log then continues after it.",
        parser=_read_position,
    ),
]


@command(app, "advance", ready)
async def advance(database: Database, past: Past = None) -> None:
    """Move the log past every id that may have been given out, after the database was reset to an earlier time.

    Run it after PostgreSQL was restored, or a standby that lagged was promoted, before the hub accepts events again.
    'trunkline restore' does this itself.

    Example: [bold]trunkline log advance[/bold]
    """
    async with database.write() as connection:
        advanced = await epochs.advance(connection, past=past or 0)
    typer.echo(told(advanced))


def told(advanced: Advanced) -> str:
    """Return a sentence with the lowest possible id of the next event, and the newest id that exists."""
    return f"The next event's id is {advanced.after + 1} or more; the newest one here is {advanced.before}."
