"""``clock``: the database's clock, which determines the age of events."""

import typer

from trunkline.cli.connecting import ready
from trunkline.cli.loop import command
from trunkline.store import clock
from trunkline.store.database import Database

app = typer.Typer(no_args_is_help=True)


@command(app, "confirm", ready)
async def confirm(database: Database) -> None:
    """Confirm that the database's clock is right, after it has jumped forward.

    After a jump nothing is deleted or ended because of its age until you confirm, or the clock has been steady for a day.
    Check the clock first: events older than events.retention_days by that clock are deleted for good. A running hub notices within seconds.

    Example: [bold]trunkline clock confirm[/bold]
    """
    async with database.write() as connection:
        was_doubted = await clock.confirm(connection)
    typer.echo("The clock is trusted as it is now." if was_doubted else "The clock was trusted already.")
