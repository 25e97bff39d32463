"""The ledger: deliveries and their attempts as rows.

A delivery that succeeds at once is written once: ``record`` inserts the delivery and its attempt in the transaction that moves
the shard's cursor. Pending rows are claimed (``store.due``) and ended by ``settle``.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import BigInteger, TextClause

from trunkline.model.deliveries import Key, Status
from trunkline.store import dialects, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.dialects import Dialect
from trunkline.store.sql import text

_SETTLED_COLUMNS = {
    "position": "bigint",
    "subscription_no": "bigint",
    "status": "text",
    "attempts": "integer",
    "last_status_code": "integer",
    "wait_ms": "bigint",
    "claim": "integer",
}


_RECORDED = ("position", "subscription_no", "attempts", "last_status_code", "claimed_by", "claim")
OPEN = f"status IN ('{Status.PENDING}', '{Status.HELD}')"
"""The SQL condition that a delivery is open, not ended."""


class Attempt(NamedTuple):
    """An attempt as it is logged.

    *retry_after_ms* is the wait that the target asked for, if it exceeds the planned wait. *response_headers* is a JSON
    object.
    """

    position: int
    subscription_no: int
    number: int
    started_ms: int
    duration_ms: int
    outcome: str
    status_code: int | None
    response_body: str | None
    error: str | None
    sent_twice: bool | None = None
    retry_after_ms: int | None = None
    response_headers: str | None = None


class Settled(NamedTuple):
    """The new state of a delivery. *wait_ms* is the time until it is due again; None means never.

    If an attempt is in flight, *claimed_by* is the worker that makes it, and *claim* is the number of that worker's
    claim.
    """

    position: int
    subscription_no: int
    status: str
    attempts: int
    last_status_code: int | None
    wait_ms: int | None = None
    claimed_by: str | None = None
    claim: int = 0


class Claim(NamedTuple):
    """A due delivery that a worker has claimed.

    *attempts* is the number of its attempts, and *round_start* is how many of them were made before its last replay.
    *replay_no* is the replay that last requested the delivery, if any.
    """

    position: int
    subscription_no: int
    attempts: int
    round_start: int
    claim: int
    replay_no: int | None = None

    @property
    def key(self) -> Key:
        """The delivery's key in the ledger."""
        return Key(self.position, self.subscription_no)


async def record(
    connection: Connection,
    settled: Sequence[Settled],
    *,
    now_ms: int,
    places: Mapping[Key, tuple[int | None, int]] = {},
) -> None:
    """Insert new deliveries.

    *places* has the order key and the shard of each ordered delivery (``store.ordering``), which is queued if its
    status is held. For a paced delivery (``store.paced``), *places* has only the shard.
    """
    columns = sql.columns_of(settled, _RECORDED)
    columns["status"] = [str(row.status) for row in settled]
    columns["due_ms"] = [None if row.wait_ms is None else now_ms + row.wait_ms for row in settled]
    columns["updated_ms"] = [now_ms] * len(settled)
    if places:
        rows = [places.get(Key(row.position, row.subscription_no), (None, None)) for row in settled]
        columns["order_key"] = [key for key, _ in rows]
        columns["order_shard"] = [shard for _, shard in rows]
        columns["queued"] = [
            1 if key is not None and row.status == Status.HELD else None
            for row, (key, _) in zip(settled, rows, strict=True)
        ]
    await sql.insert_columns(connection, tables.deliveries, columns)


async def insert_attempts(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Log *attempts*."""
    columns = sql.columns_of(attempts, Attempt._fields)
    columns["outcome"] = list(map(str, columns["outcome"]))
    columns["sent_twice"] = [is_twice or None for is_twice in columns["sent_twice"]]
    for name in ("sent_twice", "retry_after_ms", "response_headers"):
        if not any(columns[name]):
            del columns[name]
    await sql.insert_columns(connection, tables.attempts, columns)


async def settle(connection: Connection, worker: str, settled: Sequence[Settled]) -> set[Key]:
    """End claims of *worker*, and set the new state of each delivery whose claim is still valid.

    Returns the keys of the changed deliveries. The number of a claim alone does not identify the claim: two successive
    holders of a shard can both have begun a delivery with claim 1. COALESCE makes SQLite use the primary key; through
    the index on ``claimed_by`` it would read all claims for each row (288 rows: 52 ms instead of 2).
    """
    if not settled:
        return set()
    now = sql.now_ms(connection)
    source = await dialects.of_connection(connection).keys_source(connection, _SETTLED_COLUMNS)
    statement = text(
        f"UPDATE deliveries SET status = u.status, attempts = u.attempts, claimed_by = NULL, updated_ms = {now}, "
        "last_status_code = COALESCE(u.last_status_code, deliveries.last_status_code), "
        f"due_ms = {now} + u.wait_ms FROM {source} "
        "WHERE deliveries.position = u.position AND deliveries.subscription_no = u.subscription_no "
        "AND deliveries.claim = u.claim AND COALESCE(deliveries.claimed_by, '') = :worker "
        "RETURNING deliveries.position, deliveries.subscription_no"
    )
    changed = sql.rows_json(list(map(attrgetter(*_SETTLED_COLUMNS), settled)))
    rows = await connection.execute(statement, {"worker": worker, "rows": changed})
    return {Key(row[0], row[1]) for row in rows}


async def next_due_ms(connection: Connection) -> int | None:
    """Return the milliseconds until the next delivery is due: 0 if one is due now, None if no delivery waits."""
    now = sql.now_ms(connection)
    statement = text(
        f"SELECT min(due_ms) - {now} FROM deliveries WHERE due_ms IS NOT NULL AND order_shard IS NULL"
    )
    wait = (await connection.execute(statement)).scalar()
    return None if wait is None else max(int(wait), 0)


async def newest_position(connection: Connection) -> int:
    """Return the newest position with a delivery in the ledger; 0 if the ledger is empty."""
    statement = text("SELECT COALESCE(max(position), 0) FROM deliveries")
    return int((await connection.execute(statement)).scalar_one())


async def keys_at(connection: Connection, positions: Sequence[int]) -> set[Key]:
    """List the deliveries of the events at *positions*."""
    statement = _keys_at(dialects.of_connection(connection))
    rows = await connection.execute(statement, {"positions": list(positions)})
    return {Key(row[0], row[1]) for row in rows}


@lru_cache
def _keys_at(dialect: Dialect) -> TextClause:
    is_among_them, positions = dialect.one_of("position", "positions", BigInteger)
    statement = f"SELECT position, subscription_no FROM deliveries WHERE {is_among_them}"
    return text(statement).bindparams(positions)


async def retry_now(connection: Connection, key: Key) -> bool:
    """Make a delivery due at once, whatever its state, unless an attempt is in progress.

    The delivery loses its order key. To keep it, use ``store.order_changes`` instead.
    """
    statement = text(
        f"UPDATE deliveries SET status = '{Status.PENDING}', due_ms = {sql.now_ms(connection)}, "
        "claim = claim + 1, claimed_by = NULL, order_key = NULL, order_shard = NULL, queued = NULL "
        "WHERE position = :position AND subscription_no = :no AND claimed_by IS NULL"
    )
    result = await connection.execute(statement, {"position": key.position, "no": key.subscription_no})
    return bool(result.rowcount)


async def release_held(connection: Connection, channels: Collection[str]) -> None:
    """Make the deliveries due that were held because their channel, now one of *channels*, was off.

    The statement reads only held deliveries, through an index. Reading all deliveries would take 9 s at each start
    (with 5,000,000 deliveries on SQLite).
    """
    source = sql.rows_source(connection, {"name": "text"})
    stuck = "status IN ('exhausted', 'rejected', 'held')"
    through = sql.through_index(connection, "ix_deliveries_stuck")
    statement = text(
        f"UPDATE deliveries {through} SET status = '{Status.PENDING}', due_ms = {sql.now_ms(connection)} "
        f"WHERE {stuck} AND status = '{Status.HELD}' AND queued IS NULL AND claimed_by IS NULL AND subscription_no IN "
        f"(SELECT no FROM subscriptions WHERE status = 'active' AND channel IN (SELECT name FROM {source}))"
    )
    await connection.execute(statement, {"rows": sql.rows_json([[name] for name in channels])})
