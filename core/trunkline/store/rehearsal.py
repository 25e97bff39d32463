"""Tests whether the log accepts an append, without leaving rows."""

import os

from trunkline.model.events import Event
from trunkline.store import dialects, stream
from trunkline.store.connection import Connection
from trunkline.store.sql import text

ROWS = 8
ROW_BYTES = 1_900
"""The size of a row that PostgreSQL, as for most events, still stores in the table itself.

Eight such rows fill two pages or more.
"""


async def rehearse_append(connection: Connection) -> None:
    """Insert rows into the log and delete them again, in the transaction of *connection*.

    Like events, the rows need new disk space; an update in place would succeed even on a full disk. No reader sees
    them, and they use no positions.
    """
    events = [Event(position, 0, "rehearsal", 0, os.urandom(ROW_BYTES)) for position in range(-ROWS, 0)]
    await stream.insert(connection, events, shards=1)
    await connection.execute(text("DELETE FROM events WHERE position < 0"))


async def take_room(connection: Connection) -> None:
    """Use space on the log's disk, as cheaply as the database allows. Success does not prove that an append would succeed."""
    if not await dialects.of_connection(connection).take_room(connection):
        await rehearse_append(connection)
