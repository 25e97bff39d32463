"""Finds due deliveries in the ledger by subscription, so that the backlog of one subscription does not delay others.

Waiting deliveries are of one of three kinds. Any worker claims from ``FREE``. Only the holder of the shard claims from
``PACED`` (``store.paced``) and ``ORDERED``. In ``ORDERED`` only the first delivery of each order key may begin
(``store.ordering``). Each kind has an index by subscription and time. So each of the next due subscriptions, and each
of a few rows of one subscription, is found with one index lookup, whatever the number of rows of the kind.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from trunkline.model.deliveries import Key
from trunkline.store import dialects, sql
from trunkline.store.connection import Connection
from trunkline.store.deliveries import Claim
from trunkline.store.sql import text


class Kind(Struct, frozen=True):
    """A kind of waiting deliveries: its name, the SQL condition of its rows, and its index by subscription and time."""

    name: str
    condition: str
    index: str


FREE = Kind("retry", "order_shard IS NULL AND due_ms IS NOT NULL", "ix_deliveries_free")
PACED = Kind(
    "pace", "order_shard IS NOT NULL AND order_key IS NULL AND due_ms IS NOT NULL", "ix_deliveries_paced"
)
ORDERED = Kind(
    "order",
    "order_shard IS NOT NULL AND order_key IS NOT NULL AND due_ms IS NOT NULL",
    "ix_deliveries_ordered",
)
KINDS = (FREE, PACED, ORDERED)


class Waiting(Struct, frozen=True):
    """A subscription with rows of a kind, and the shard of the first of these rows.

    *wait_ms* is the number of milliseconds until that row is due; 0 or less means now.
    """

    subscription_no: int
    shard: int | None
    wait_ms: int


async def oldest(connection: Connection, *, limit: int) -> list[Key]:
    """List up to *limit* due deliveries of the kind ``FREE``, ordered by due time, oldest first."""
    # PostgreSQL uses an index up to the value of a subquery, but not up to that of a volatile clock.
    statement = text(
        f"SELECT position, subscription_no FROM deliveries WHERE {FREE.condition} "
        f"AND due_ms <= (SELECT {sql.now_ms(connection)}) ORDER BY due_ms LIMIT :limit"
    )
    return [Key(row[0], row[1]) for row in await connection.execute(statement, {"limit": limit})]


async def waiting(connection: Connection, kind: Kind, *, after: int, limit: int) -> list[Waiting]:
    """List up to *limit* subscriptions that have rows of *kind* and a number above *after*, ordered by number."""
    rows_of = f"FROM deliveries AS d {sql.through_index(connection, kind.index)} WHERE {kind.condition}"
    first = f"{rows_of} AND d.subscription_no = s.no ORDER BY d.due_ms LIMIT 1"
    statement = text(
        f"WITH RECURSIVE s(no) AS (SELECT (SELECT min(d.subscription_no) {rows_of} "
        f"AND d.subscription_no > :after) UNION ALL SELECT (SELECT min(d.subscription_no) {rows_of} "
        "AND d.subscription_no > s.no) FROM s WHERE s.no IS NOT NULL) "
        f"SELECT s.no, (SELECT d.order_shard {first}), (SELECT d.due_ms {first}) - {sql.now_ms(connection)} "
        "FROM s WHERE s.no IS NOT NULL LIMIT :limit"
    )
    rows = await connection.execute(statement, {"after": after, "limit": limit})
    return [Waiting(*row) for row in rows]


async def pick(connection: Connection, kind: Kind, wanted: Mapping[int, int]) -> list[Key]:
    """List due rows of *kind*: for each subscription, the number of rows that *wanted* names.

    Half of the rows are the oldest and half the newest, so that new deliveries need not wait for a backlog, nor a
    backlog for new deliveries.
    """
    if not wanted:
        return []
    source = sql.rows_source(connection, {"no": "bigint"})
    array, through = dialects.of_connection(connection).json_array, sql.through_index(connection, kind.index)
    ends = (
        f"(SELECT {array}(o.position) FROM (SELECT d.position AS position FROM deliveries AS d {through} "
        f"WHERE d.subscription_no = u.no AND {kind.condition} AND d.due_ms <= (SELECT {sql.now_ms(connection)}) "
        f"ORDER BY d.due_ms {order} LIMIT :most) AS o)"
        for order in ("ASC", "DESC")
    )
    statement = text(f"SELECT u.no, {', '.join(ends)} FROM {source}")
    parameters = {"most": max(wanted.values()), "rows": sql.rows_json([[no] for no in wanted])}
    rows = await connection.execute(statement, parameters)
    keys: list[Key] = []
    for no, first, last in rows:
        half = positions_in(first)[: -(-wanted[no] // 2)]
        picked = dict.fromkeys([*half, *positions_in(last)])
        keys += [Key(position, no) for position in list(picked)[: wanted[no]]]
    return keys


def positions_in(column: Any) -> list[int]:
    """Read a JSON array of positions (``Dialect.json_array``), which one of the drivers returns as text."""
    positions: list[int] | None = orjson.loads(column) if isinstance(column, str) else column
    return positions or []


async def put_off(connection: Connection, kind: Kind, *, until_ms: int, step_ms: int, limit: int) -> int:
    """Postpone, by *step_ms*, up to *limit* deliveries of *kind* due in the *step_ms* before *until_ms*. Returns how many."""
    statement = text(
        "UPDATE deliveries SET due_ms = due_ms + :step WHERE (position, subscription_no) IN (SELECT position, subscription_no "
        f"FROM deliveries WHERE {kind.condition} AND due_ms > :after AND due_ms <= :until LIMIT :limit)"
    )
    parameters = {"step": step_ms, "after": until_ms - step_ms, "until": until_ms, "limit": limit}
    changed = await connection.execute(statement, parameters)
    return int(changed.rowcount)


async def claim(
    connection: Connection, kind: Kind, worker: str, keys: Sequence[Key], *, lease_ms: int
) -> list[Claim]:
    """Claim the deliveries among *keys* that are still due of *kind*, for *lease_ms*.

    A delivery whose claim is not settled in time becomes due again. Two workers never hold the same delivery. Each
    delivery is looked up by its primary key. Otherwise, if the table was analyzed while the kind had no rows, SQLite
    would scan all its rows for each delivery (100,000 rows and 50 keys: 8 s).
    """
    if not keys:
        return []
    now = sql.now_ms(connection)
    source = await dialects.of_connection(connection).keys_source(
        connection, {"position": "bigint", "no": "bigint"}
    )
    statement = text(
        f"WITH picked AS (SELECT d.position, d.subscription_no FROM {source} JOIN deliveries AS d "
        "ON d.position = u.position AND d.subscription_no = u.no "
        f"WHERE d.due_ms <= {now} AND CASE WHEN {kind.condition} THEN 1 END = 1 "  # CASE prevents use of the kind's index
        f"{sql.for_update_skipping(connection, of='d')}) "
        f"UPDATE deliveries SET claimed_by = :worker, claim = claim + 1, due_ms = {now} + :lease "
        "WHERE (position, subscription_no) IN (SELECT position, subscription_no FROM picked) "  # with FROM, SQLite would scan
        "RETURNING deliveries.position, deliveries.subscription_no, deliveries.attempts, deliveries.round_start, "
        "deliveries.claim, deliveries.replay_no"
    )
    wanted = sql.rows_json([[key.position, key.subscription_no] for key in keys])
    rows = await connection.execute(statement, {"worker": worker, "lease": lease_ms, "rows": wanted})
    return sorted((Claim(*row) for row in rows), key=lambda claim: (claim.subscription_no, claim.position))


def counting(connection: Connection) -> str:
    """Return a SELECT that counts the due deliveries of all kinds, and finds the earliest of their due times.

    It counts up to ``:limit`` in each group of deliveries. ``FREE`` is one group. ``ORDERED`` has a group for each shard and
    ``PACED`` one for each subscription, because their indexes begin with these columns.
    """
    now = f"(SELECT {sql.now_ms(connection)})"
    free = f"SELECT due_ms FROM deliveries WHERE {FREE.condition} AND due_ms <= {now} ORDER BY due_ms LIMIT :limit"
    paced = f"FROM deliveries AS d {sql.through_index(connection, PACED.index)} WHERE {PACED.condition}"
    turns = (
        f"FROM deliveries AS d {sql.through_index(connection, 'ix_deliveries_turn')} WHERE {ORDERED.condition} "
        f"AND d.order_shard = s.shard AND d.due_ms <= {now}"
    )
    subscriptions = (
        f"WITH RECURSIVE n(no) AS (SELECT min(d.subscription_no) {paced} UNION ALL SELECT (SELECT min(d.subscription_no) "
        f"{paced} AND d.subscription_no > n.no) FROM n WHERE n.no IS NOT NULL) "
        "SELECT no FROM n WHERE no IS NOT NULL LIMIT :limit"
    )
    parts = (
        f"SELECT count(*) AS count, min(due_ms) AS oldest FROM ({free}) AS free",
        f"SELECT {_count_and_oldest(turns)} FROM shards AS s",
        f"SELECT {_count_and_oldest(f'{paced} AND d.subscription_no = s.no AND d.due_ms <= {now}')} FROM ({subscriptions}) AS s",
    )
    return f"SELECT sum(count), min(oldest) FROM ({' UNION ALL '.join(parts)}) AS parts"


def _count_and_oldest(rows: str) -> str:
    return f"(SELECT count(*) FROM (SELECT 1 {rows} LIMIT :limit) AS c), (SELECT min(d.due_ms) {rows})"
