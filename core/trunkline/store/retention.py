"""Removes old events, with their deliveries and attempts, in small batches.

It never waits for another transaction and never blocks deliveries: locked rows are skipped until the next round, and the head
of the log is never locked.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trunkline.errors import CursorExpired, CursorUnknown
from trunkline.model.deliveries import Status
from trunkline.model.times import utc_text_of_ms
from trunkline.store import dialects, sql
from trunkline.store.connection import Connection
from trunkline.store.cursors import LOWEST
from trunkline.store.sql import text

_LOCK = 7_236_455_002
"""Key of the lock that a worker holds until the end of its transaction while it removes events."""
LOG_BOUNDS = "SELECT r.edge, h.position AS head FROM retention AS r CROSS JOIN stream_head AS h WHERE r.id = 1 AND h.id = 1"
_OPEN = f"('{Status.PENDING}', '{Status.HELD}')"
OF_EVENTS = ("attempts", "deliveries", "events")
"""The tables whose rows are removed with an event, in this order."""
_NEEDED = (
    "EXISTS (SELECT 1 FROM replays AS r WHERE r.status = 'running' AND r.company_id = e.company_id "
    "AND r.position < e.position AND r.end_position >= e.position)"
)
_STRAYS = (
    f"deliveries WHERE status NOT IN {_OPEN} AND position < "
    "COALESCE((SELECT min(position) FROM events), (SELECT edge + 1 FROM retention WHERE id = 1)) ORDER BY position"
)
"""Ended deliveries before the oldest event. One arises if a replay makes it due while its event is removed; it ends as ``gone``."""
_ENDED_REPLAYS = (
    "replays AS r WHERE r.status <> 'running' AND r.updated_ms < :before "
    "AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.replay_no = r.no) ORDER BY r.no"
)
_DELETED_SUBSCRIPTIONS = (
    "subscriptions AS s WHERE s.status = 'deleted' AND s.updated_ms < :before "
    "AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.subscription_no = s.no) "
    "AND NOT EXISTS (SELECT 1 FROM replays AS r WHERE r.subscription_no = s.no) ORDER BY s.no"
)
"""They are kept for a time, because dispatchers learn from them that a subscription was deleted."""
USED_KEYS = ("idempotency_keys", "operation_keys", "quarantine_answers")
"""The tables of used idempotency keys."""
PURGED: Mapping[str, tuple[str, str]] = {
    **{
        name: ("namespace, key", f"{name} WHERE created_ms <= :before ORDER BY created_ms")
        for name in USED_KEYS
    },
    "quarantine": ("no", "quarantine WHERE received_ms < :before ORDER BY received_ms"),
    "deliveries": ("position, subscription_no", _STRAYS),
    "replays": ("no", _ENDED_REPLAYS),
    "subscriptions": ("no", _DELETED_SUBSCRIPTIONS),
}
"""The primary key of each table that ``purge`` clears, and the SQL that selects the rows that may go."""


class LogBounds(Struct, frozen=True):
    """The bounds of the log: *head* is the newest position; events up to *edge* were removed unless still needed."""

    edge: int
    head: int


class Horizon(Struct, frozen=True):
    """The age limit: events accepted before *before_ms* may be removed; the last of these events is at *position*."""

    before_ms: int
    position: int


class Page(Struct, frozen=True):
    """A page of the log that ends at *reached*; *positions* are those of the events in it that may be removed."""

    positions: Sequence[int]
    reached: int


class Oldest(Struct, frozen=True):
    """The oldest event that is stored, and its age by the database's clock."""

    position: int
    age_ms: int


async def log_bounds(connection: Connection) -> LogBounds:
    """Read the bounds of the log."""
    row = (await connection.execute(text(LOG_BOUNDS))).one()
    return LogBounds(row[0], row[1])


async def oldest(connection: Connection) -> Oldest | None:
    """Read the oldest stored event; None if there is none."""
    now = sql.now_ms(connection)
    statement = text(f"SELECT position, {now} - accepted_ms FROM events ORDER BY position LIMIT 1")
    row = (await connection.execute(statement)).first()
    return Oldest(row[0], int(row[1])) if row else None


async def oldest_of_company(connection: Connection, company_id: int, *, after: int) -> int | None:
    """Read the time (Unix ms) at which a company's first event after position *after* was accepted; None if there is none."""
    statement = text(
        "SELECT accepted_ms FROM events WHERE company_id = :company AND position > :after ORDER BY position LIMIT 1"
    )
    return (await connection.execute(statement, {"company": company_id, "after": after})).scalar()


async def check_cursor(
    connection: Connection, company_id: int, *, after: int, bounds: LogBounds | None = None
) -> None:
    """Check that *after* is in the log and that no event after it was removed. *bounds* are the log's bounds, if known.

    Raises:
        CursorExpired: events after *after*, of this company or of others, were removed.
        CursorUnknown: *after* lies beyond the head.
    """
    bounds = bounds or await log_bounds(connection)
    if after < bounds.edge:
        oldest_ms = await oldest_of_company(connection, company_id, after=bounds.edge)
        raise CursorExpired(utc_text_of_ms(oldest_ms) if oldest_ms is not None else None)
    if after > bounds.head:
        raise CursorUnknown


async def horizon(connection: Connection, *, before_ms: int) -> Horizon:
    """Find the last position that was accepted before *before_ms*."""
    statement = text(
        "SELECT position FROM events WHERE accepted_ms < :before ORDER BY accepted_ms DESC, position DESC LIMIT 1"
    )
    return Horizon(before_ms, (await connection.execute(statement, {"before": before_ms})).scalar() or 0)


async def removable(connection: Connection, old: Horizon, *, after: int, limit: int, rows: int) -> Page:
    """Read up to *limit* old events after *after*, and choose those that may be removed.

    An event stays while it is beyond its shard's cursor or has a pending or held delivery. It also stays until all
    running replays that need it have read it. The page ends early if its events have more than *rows* deliveries and
    attempts.
    """
    statement = text(
        "WITH page AS (SELECT position, company_id, shard FROM events WHERE position > :after AND position <= :up_to "
        "AND accepted_ms < :before ORDER BY position LIMIT :limit) SELECT e.position, "
        f"e.position <= s.cursor AND NOT {_NEEDED} AND count(CASE WHEN d.status IN {_OPEN} THEN 1 END) = 0, "
        "count(d.position) + COALESCE(sum(d.attempts), 0) "
        f"FROM page AS e JOIN {LOWEST} AS s ON s.shard = e.shard LEFT JOIN deliveries AS d ON d.position = e.position "
        "GROUP BY e.position, e.company_id, s.cursor ORDER BY e.position"
    )
    parameters = {"after": after, "up_to": old.position, "before": old.before_ms, "limit": limit}
    rows_of_page = await connection.execute(statement, parameters)
    positions: list[int] = []
    weight, reached = 0, old.position
    page = rows_of_page.all()
    for position, may_go, own in page:
        weight += int(own) if may_go else 0
        if positions and weight > rows:
            return Page(positions, reached)
        reached = position
        if may_go:
            positions.append(position)
    return Page(positions, reached if len(page) == limit else old.position)


async def take_turn(connection: Connection) -> bool:
    """Take the lock for removing until this transaction ends; False if another worker is removing events now."""
    return await dialects.of_connection(connection).try_turn(connection, _LOCK)


async def remove(connection: Connection, positions: Sequence[int]) -> Mapping[str, int]:
    """Remove the events at *positions* with their deliveries and attempts, and raise ``edge`` (``LogBounds``).

    *positions* come from ``removable``. Events that a retry or a replay has needed since are left out.
    Returns the number of removed rows by table.
    """
    if not positions:
        return dict.fromkeys(OF_EVENTS, 0)
    within, parameters = within_positions(connection), position_parameters(positions)
    locking = sql.for_update_skipping(connection)
    ended = text(
        f"SELECT position, subscription_no FROM deliveries WHERE {within} AND status NOT IN {_OPEN} {locking}"
    )
    locked = {(row[0], row[1]) for row in await connection.execute(ended, parameters)}
    every = text(f"SELECT position, subscription_no FROM deliveries WHERE {within}")
    rows = await connection.execute(every, parameters)
    needed = {row[0] for row in rows if (row[0], row[1]) not in locked}
    replayed = text(f"SELECT position FROM events AS e WHERE {within} AND {_NEEDED}")
    needed.update(row[0] for row in await connection.execute(replayed, parameters))
    free = [position for position in positions if position not in needed]
    if free:
        statement = text("UPDATE retention SET edge = :edge WHERE id = 1 AND edge < :edge")
        await connection.execute(statement, {"edge": free[-1]})
    return await delete_at(connection, free, OF_EVENTS)


async def delete_at(
    connection: Connection, positions: Sequence[int], tables: Sequence[str], *, no: int | None = None
) -> dict[str, int]:
    """Delete the rows of *tables* at the sorted *positions*; if *no* is given, only the rows of that subscription.

    Returns how many, by table.
    """
    if not positions:
        return dict.fromkeys(tables, 0)
    of_one = "" if no is None else "AND subscription_no = :no"
    within, parameters = within_positions(connection), position_parameters(positions) | {"no": no}
    counts: dict[str, int] = {}
    for table in tables:
        statement = text(f"DELETE FROM {table} WHERE {within} {of_one}")
        counts[table] = (await connection.execute(statement, parameters)).rowcount
    return counts


def within_positions(connection: Connection) -> str:
    """Return the SQL condition that a position is in a given list, with its range, so that every plan uses the primary key."""
    source = sql.rows_source(connection, {"event_position": "bigint"})
    return f"position BETWEEN :first AND :last AND position IN (SELECT event_position FROM {source})"


def position_parameters(positions: Sequence[int]) -> dict[str, object]:
    """Return the parameters of ``within_positions``; *positions* are sorted."""
    rows = sql.rows_json([[position] for position in positions])
    return {"first": positions[0], "last": positions[-1], "rows": rows}


async def purge(connection: Connection, table: str, *, before_ms: int, limit: int) -> int:
    """Remove up to *limit* rows of *table* (``PURGED``) that are older than *before_ms*, except locked ones. Returns how many.

    The rows are selected once, because PostgreSQL may run a subquery again for each row and select other unlocked rows.
    """
    key, picking = PURGED[table]
    statement = text(
        f"WITH picked AS MATERIALIZED (SELECT {key} FROM {picking} LIMIT :limit {sql.for_update_skipping(connection)}) "
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM picked) RETURNING 1"
    )
    rows = await connection.execute(statement, {"limit": limit, "before": before_ms})
    return len(rows.all())  # SQLite's driver has no row count for a statement with WITH
