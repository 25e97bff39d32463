"""Work for a worker beside reading the log, found by one statement for all of its parts."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.store import sql
from trunkline.store.due import FREE
from trunkline.store.operational import HAS_NEWS
from trunkline.store.sql import text


@dataclass(frozen=True, slots=True)
class Agenda:
    """What there was at one moment.

    *due_in_ms* is when the next delivery of the lane ``due.FREE`` is due, None where none waits. *has_replays*: one runs, or was
    cancelled and has deliveries to take back. *has_unsettled*: subscriptions were changed and have open deliveries that were not
    (``store.open_deliveries``), or keys that wait for nothing any more (``store.releasing``). *has_news*: there are operational events
    that the log has not yet.
    """

    head: int
    routing_version: int
    due_in_ms: int | None
    has_replays: bool
    has_unsettled: bool
    has_erasures: bool
    has_news: bool


async def read(connection: AsyncConnection) -> Agenda:
    """Look at everything in one statement; each part of it is one step into an index."""
    row = (
        await connection.execute(
            text(
                f"SELECT h.position, r.version, (SELECT min(due_ms) - {sql.now_ms(connection)} FROM deliveries WHERE {FREE.condition}), "
                "EXISTS (SELECT 1 FROM replays WHERE status = 'running') "
                "OR EXISTS (SELECT 1 FROM replays WHERE withdrawing IS NOT NULL), "
                "EXISTS (SELECT 1 FROM unsettled) OR EXISTS (SELECT 1 FROM unreleased), "
                f"EXISTS (SELECT 1 FROM erasures WHERE completed_ms IS NULL), {HAS_NEWS} "
                "FROM stream_head AS h CROSS JOIN routing AS r WHERE h.id = 1 AND r.id = 1"
            )
        )
    ).one()
    head, version, due_in_ms, *has = row
    return Agenda(head, version, due_in_ms, *map(bool, has))
