"""Paced deliveries: rows of the ledger that may be claimed only by the holder of their shard.

Such a row has an *order_shard* but no *order_key*, so the lane ``due.FREE`` skips it at no cost. The holder of the shard
searches for these rows by subscription, because each subscription has its own pace.
"""

from collections.abc import Collection, Sequence

from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.deliveries import Claim
from trunkline.store.sql import text


async def hand_over(connection: Connection, worker: str, claims: Sequence[tuple[Claim, int]]) -> None:
    """Pass *claims* of *worker*, each with its shard, to the holders of these shards. The deliveries become due at once."""
    source = sql.rows_source(
        connection, {"position": "bigint", "no": "bigint", "claim": "bigint", "shard": "bigint"}
    )
    statement = text(
        f"UPDATE deliveries SET claimed_by = NULL, due_ms = {sql.now_ms(connection)}, order_shard = u.shard "
        f"FROM {source} WHERE deliveries.position = u.position AND deliveries.subscription_no = u.no "
        "AND deliveries.claim = u.claim AND COALESCE(deliveries.claimed_by, '') = :worker "
        "AND deliveries.order_key IS NULL"
    )
    rows = sql.rows_json([[c.position, c.subscription_no, c.claim, shard] for c, shard in claims])
    await connection.execute(statement, {"worker": worker, "rows": rows})


async def in_flight_elsewhere(
    connection: Connection, worker: str, numbers: Collection[int]
) -> dict[int, int]:
    """Count the deliveries of the subscriptions with *numbers* that workers other than *worker* have claimed.

    The claim of a dead worker is not counted; it stays until it lapses if its row was locked when the worker was
    removed. A lapsed claim is not counted either: its worker may have no record of it, because the answer to the claim
    was lost. The statement reads the claimed deliveries, which are few. Otherwise, SQLite would read all deliveries of
    the subscriptions (1,330,000 deliveries: 2 s).
    """
    claimed = sql.through_index(connection, "ix_deliveries_claimed")
    source = sql.rows_source(connection, {"no": "bigint"})
    statement = text(
        f"SELECT subscription_no, count(*) FROM deliveries {claimed} WHERE claimed_by IS NOT NULL AND claimed_by <> :worker "
        f"AND claimed_by IN (SELECT id FROM workers) AND (due_ms IS NULL OR due_ms > {sql.now_ms(connection)}) "
        f"AND subscription_no IN (SELECT no FROM {source}) GROUP BY subscription_no"
    )
    parameters = {"worker": worker, "rows": sql.rows_json([[no] for no in numbers])}
    rows = await connection.execute(statement, parameters)
    return {row[0]: row[1] for row in rows}
