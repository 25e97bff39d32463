"""Opens and ends ordered deliveries for users and replays.

Each delivery keeps its position in the queue of its order key (``ordering``).
"""

from collections.abc import Mapping

from sqlalchemy import bindparam

from trunkline.model.deliveries import Key, Status
from trunkline.store import ordering, replays, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.deliveries import OPEN
from trunkline.store.ordering import Place
from trunkline.store.replays import STATUS_BEFORE
from trunkline.store.replays import Row as Replay
from trunkline.store.sql import text


async def make_due(
    connection: Connection, replay: Replay, keys: Mapping[int, int], *, shard: int, again: bool
) -> int:
    """Open and queue the deliveries of a replay's page. *keys* maps positions to order keys. Returns their number.

    The caller then arranges the keys (``ordering.arrange``). With *again*, ordered deliveries that are open keep their
    state, but now belong to the replay. Attempts in flight are not changed.
    """
    if not keys:
        return 0
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"position": "bigint", "order_key": "bigint"})
    conflict = f"DO UPDATE SET {_again()} WHERE deliveries.claimed_by IS NULL" if again else "DO NOTHING"
    number = tables.deliveries.c.position.type
    statement = text(
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, replay_no, updated_ms, "
        "order_key, order_shard, queued) "
        f"SELECT position, :no, '{Status.HELD}', 0, 0, :replay, {now}, order_key, :shard, 1 FROM {source} "
        f"WHERE TRUE ON CONFLICT (position, subscription_no) {conflict} RETURNING position"
    ).bindparams(
        bindparam("no", type_=number),
        bindparam("replay", type_=number),
        bindparam("shard", type_=tables.deliveries.c.order_shard.type),
    )
    rows = sql.rows_json(list(keys.items()))
    used = {"no": replay.subscription_no, "replay": replay.no, "shard": shard, "rows": rows}
    return len((await connection.execute(statement, used)).all())


def _again() -> str:
    """Return the SQL that reopens an existing delivery. An ordered delivery that is open keeps its state."""
    is_kept = f"deliveries.order_key IS NOT NULL AND deliveries.{OPEN}"
    fresh = {
        "status": f"'{Status.HELD}'",
        "due_ms": "NULL",
        "queued": "1",
        "claim": "deliveries.claim + 1",
        "order_key": "excluded.order_key",
        "order_shard": "excluded.order_shard",
    }
    kept = (
        f"{column} = CASE WHEN {is_kept} THEN deliveries.{column} ELSE {value} END"
        for column, value in fresh.items()
    )
    return ", ".join(("replay_no = :replay", STATUS_BEFORE, "round_start = deliveries.attempts", *kept))


async def take_back(connection: Connection, replay_no: int, no: int) -> bool:
    """Withdraw some deliveries of a cancelled replay, and release the deliveries queued behind them.

    Returns whether any of the deliveries that ended had an order key.
    """
    keys = await replays.withdraw(connection, replay_no)
    await ordering.arrange(connection, [Place(no, key) for key in sorted(keys)])
    return bool(keys)


async def reopen(connection: Connection, key: Key, order_key: int, *, shard: int) -> None:
    """Queue an ended delivery under *order_key*, before later deliveries of the same key."""
    statement = text(
        f"UPDATE deliveries SET status = '{Status.HELD}', due_ms = NULL, queued = 1, order_key = :key, "
        "order_shard = :shard, claim = claim + 1 WHERE position = :position AND subscription_no = :no "
        f"AND claimed_by IS NULL AND NOT {OPEN}"
    )
    parameters = {"key": order_key, "shard": shard, "position": key.position, "no": key.subscription_no}
    await connection.execute(statement, parameters)
    await ordering.arrange(connection, [Place(key.subscription_no, order_key)])


async def retry_front(connection: Connection, key: Key) -> None:
    """Make the first open delivery of a key due at once, unless an attempt is in progress or the delivery is queued."""
    statement = text(
        f"UPDATE deliveries SET status = '{Status.PENDING}', due_ms = {sql.now_ms(connection)} "
        f"WHERE position = :position AND subscription_no = :no AND {OPEN} AND queued IS NULL "
        "AND claimed_by IS NULL"
    )
    await connection.execute(statement, {"position": key.position, "no": key.subscription_no})


async def skip(connection: Connection, key: Key) -> None:
    """End an open delivery as ``skipped``, whatever the result of a running attempt. The deliveries behind it continue."""
    statement = text(
        f"UPDATE deliveries SET status = '{Status.SKIPPED}', due_ms = NULL, claim = claim + 1, "
        f"claimed_by = NULL, queued = NULL, updated_ms = {sql.now_ms(connection)} "
        f"WHERE position = :position AND subscription_no = :no AND {OPEN} "
        "RETURNING order_key"
    )
    row = (await connection.execute(statement, {"position": key.position, "no": key.subscription_no})).first()
    if row is not None and row[0] is not None:
        await ordering.arrange(connection, [Place(key.subscription_no, row[0])])
