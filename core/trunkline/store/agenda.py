"""The open tasks of a worker, apart from reading the log. One statement finds them all."""

from msgspec import Struct

from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.due import FREE
from trunkline.store.operational import HAS_NEWS
from trunkline.store.sql import text


class Agenda(Struct, frozen=True):
    """The tasks that were open at one moment.

    *due_in_ms* is the time until the next delivery of the lane ``due.FREE`` is due; None if no delivery waits there.
    *has_replays* says that a replay runs, or that a cancelled replay has deliveries to withdraw. *has_unsettled* says
    that open deliveries of a changed subscription have to be changed (``store.open_deliveries``), or that order keys
    have to be released (``store.releasing``). *has_news* says that there are operational events that are not in the log
    yet.
    """

    head: int
    routing_version: int
    due_in_ms: int | None
    has_replays: bool
    has_unsettled: bool
    has_erasures: bool
    has_news: bool


async def read(connection: Connection) -> Agenda:
    """Read all tasks with one statement, which needs one index lookup per task."""
    statement = text(
        f"SELECT h.position, r.version, (SELECT min(due_ms) - {sql.now_ms(connection)} FROM deliveries WHERE {FREE.condition}), "
        "EXISTS (SELECT 1 FROM replays WHERE status = 'running') "
        "OR EXISTS (SELECT 1 FROM replays WHERE withdrawing IS NOT NULL), "
        "EXISTS (SELECT 1 FROM unsettled) OR EXISTS (SELECT 1 FROM unreleased), "
        f"EXISTS (SELECT 1 FROM erasures WHERE completed_ms IS NULL), {HAS_NEWS} "
        "FROM stream_head AS h CROSS JOIN routing AS r WHERE h.id = 1 AND r.id = 1"
    )
    row = (await connection.execute(statement)).one()
    head, version, due_in_ms, *has = row
    return Agenda(head, version, due_in_ms, *map(bool, has))
