"""Reads the state of a hub for its operators, without delaying the workers.

Every statement is bounded: it uses an index, or stops counting at the caller's limit.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from trunkline.model.parts import WHOLE, Slice
from trunkline.store import due as lanes
from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.cursors import LOWEST
from trunkline.store.shard_parts import NOBODY
from trunkline.store.sql import text

_QUARANTINED = "SELECT count(*) FROM (SELECT 1 FROM quarantine WHERE position IS NULL LIMIT :limit) AS w"
_REPLAYING = (
    "SELECT count(*), COALESCE(sum(end_position - position), 0) FROM replays WHERE status = 'running'"
)


class Head(Struct, frozen=True):
    """The newest position of the log, and the database's time."""

    position: int
    accepted_ms: int
    now_ms: int


class Shard(Struct, frozen=True):
    """An undivided shard, or a part of a divided one (``tables.shards``, ``tables.shard_parts``)."""

    slice: Slice
    cursor: int
    live_cursor: int | None
    holder: str | None
    lease_until_ms: int


class Worker(Struct, frozen=True):
    """One row of ``tables.workers``."""

    id: str
    heartbeat_ms: int


class RunningReplay(Struct, frozen=True):
    """One running replay. *delivered* and *waiting* are counted up to a limit."""

    id: str
    subscription_id: str
    subscription_status: str
    company_id: int
    kind: str
    remaining: int
    matched: int
    delivered: int
    waiting: int
    created_ms: int


_FAILING = "SELECT count(*) FROM subscriptions WHERE failing_level IS NOT NULL AND failures > 0 AND status = 'active'"


class Figures(Struct, frozen=True):
    """Figures of the whole deployment, all from the same moment.

    *lowest* is the lowest cursor of all shards. *oldest* has, for each of several cursors, the first event after it. *due*
    counts the due deliveries without a claim, and *replay_positions* the positions that running replays have not read yet.
    """

    head: Head
    lowest: int
    oldest: Mapping[int, tuple[int, int]]
    due: int
    oldest_due_ms: int | None
    replays: int
    replay_positions: int
    workers: int
    quarantined: int
    failing: int


async def figures(connection: Connection, cursors: Iterable[int], *, limit: int) -> Figures:
    """Read all figures in one statement, because processes read them every few seconds. Counts stop at *limit*."""
    source = sql.rows_source(connection, {"shard_cursor": "bigint"})
    lowest = f"SELECT min(cursor) AS shard_cursor FROM {LOWEST} AS s"
    oldest = (
        f"SELECT u.shard_cursor, e.position, e.accepted_ms FROM (SELECT shard_cursor FROM {source} UNION {lowest}) AS u "
        "JOIN events AS e ON e.position = (SELECT min(position) FROM events WHERE position > u.shard_cursor)"
    )
    statement = text(
        f"SELECT h.position, h.accepted_ms, {sql.now_ms(connection)}, l.shard_cursor, due.*, r.*, "
        f"(SELECT count(*) FROM workers), ({_QUARANTINED}), ({_FAILING}), o.* FROM stream_head AS h CROSS JOIN ({lowest}) AS l "
        f"CROSS JOIN ({lanes.counting(connection)}) AS due CROSS JOIN ({_REPLAYING}) AS r "
        f"LEFT JOIN ({oldest}) AS o ON true WHERE h.id = 1"
    )
    parameters = {"limit": limit, "rows": sql.rows_json([[cursor] for cursor in sorted(set(cursors))])}
    rows = (await connection.execute(statement, parameters)).all()
    position, accepted_ms, now_ms, furthest, due, oldest_due_ms, replays, remaining, *counts = rows[0][:11]
    return Figures(
        Head(position, accepted_ms, now_ms),
        furthest,
        {row[11]: (row[12], row[13]) for row in rows if row[11] is not None},
        min(int(due), limit),
        oldest_due_ms,
        int(replays),
        int(remaining),
        *counts,
    )


async def shards(connection: Connection) -> list[Shard]:
    """Read every shard; for a divided shard, read each part instead."""
    statement = text(
        f"SELECT shard, {WHOLE}, cursor, live_cursor, holder, lease_until_ms FROM shards WHERE COALESCE(holder, '') <> '{NOBODY}' "
        "UNION ALL SELECT shard, part, cursor, live_cursor, holder, lease_until_ms FROM shard_parts ORDER BY 1, 2"
    )
    return [Shard(Slice(*row[:2]), *row[2:]) for row in await connection.execute(statement)]


async def workers(connection: Connection) -> list[Worker]:
    """Read every worker in the list."""
    statement = text("SELECT id, heartbeat_ms FROM workers ORDER BY id")
    return [Worker(*row) for row in await connection.execute(statement)]


async def running_replays(connection: Connection, *, limit: int, count_limit: int) -> list[RunningReplay]:
    """Read up to *limit* running replays, oldest first; their deliveries are counted up to *count_limit*."""
    delivered, waiting = (
        "(SELECT count(*) FROM (SELECT 1 FROM deliveries AS d WHERE d.replay_no = r.no "
        f"AND d.status = '{status}' LIMIT :count_limit) AS c)"
        for status in ("delivered", "pending")
    )
    statement = text(
        "SELECT r.id, s.id, s.status, r.company_id, r.kind, r.end_position - r.position, r.matched, "
        f"{delivered}, {waiting}, r.created_ms "
        "FROM replays AS r JOIN subscriptions AS s ON s.no = r.subscription_no "
        "WHERE r.status = 'running' ORDER BY r.no LIMIT :limit"
    )
    rows = await connection.execute(statement, {"limit": limit, "count_limit": count_limit})
    return [RunningReplay(*row) for row in rows]


async def deliveries_by_status(connection: Connection, *, limit: int) -> dict[str, int]:
    """Count the newest *limit* deliveries by their status."""
    statement = text(
        "SELECT status, count(*) FROM (SELECT status FROM deliveries "
        "ORDER BY position DESC, subscription_no DESC LIMIT :limit) AS newest GROUP BY status"
    )
    return {row[0]: row[1] for row in await connection.execute(statement, {"limit": limit})}


async def subscriptions_by_status(connection: Connection) -> dict[str, int]:
    """Count the subscriptions by their status, without deleted ones."""
    statement = text(
        "SELECT status, count(*) FROM subscriptions WHERE status <> 'deleted' GROUP BY status ORDER BY status"
    )
    return {row[0]: row[1] for row in await connection.execute(statement)}
