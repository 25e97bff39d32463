"""Deliveries of subscriptions with a pace: rows of the ledger that the holder of their shard alone claims.

Such a row has an *order_shard* and no *order_key*. So the lane that claims what is due for any worker passes it over, and it
costs that lane nothing; whoever holds the shard looks for it subscription by subscription, as each has its own pace.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.store import sql
from trunkline.store.deliveries import Claim
from trunkline.store.sql import text


async def hand_over(connection: AsyncConnection, worker: str, claims: Sequence[tuple[Claim, int]]) -> None:
    """Leave *claims* of *worker* to the holders of their shards, due at once; each comes with its shard."""
    source = sql.rows_source(
        connection, {"position": "bigint", "no": "bigint", "claim": "bigint", "shard": "bigint"}
    )
    await connection.execute(
        text(
            f"UPDATE deliveries SET claimed_by = NULL, due_ms = {sql.now_ms(connection)}, order_shard = u.shard "
            f"FROM {source} WHERE deliveries.position = u.position AND deliveries.subscription_no = u.no "
            "AND deliveries.claim = u.claim AND COALESCE(deliveries.claimed_by, '') = :worker "
            "AND deliveries.order_key IS NULL"
        ),
        {
            "worker": worker,
            "rows": sql.rows_json([[c.position, c.subscription_no, c.claim, shard] for c, shard in claims]),
        },
    )


async def in_flight_elsewhere(
    connection: AsyncConnection, worker: str, numbers: Collection[int]
) -> dict[int, int]:
    """Count the deliveries of the subscriptions with *numbers* that workers beside *worker* have claimed.

    A claim of one that is known to be dead does not count: where somebody held its row up just then, it stays until it lapses.
    Nor does one that has lapsed: its worker does not know of it where the answer to its claim was lost.
    Few are claimed, and the statement goes through those: SQLite would read all deliveries of those subscriptions (of 1,330,000: 2 s).
    """
    claimed = sql.through_index(connection, "ix_deliveries_claimed")
    source = sql.rows_source(connection, {"no": "bigint"})
    rows = await connection.execute(
        text(
            f"SELECT subscription_no, count(*) FROM deliveries {claimed} WHERE claimed_by IS NOT NULL AND claimed_by <> :worker "
            f"AND claimed_by IN (SELECT id FROM workers) AND (due_ms IS NULL OR due_ms > {sql.now_ms(connection)}) "
            f"AND subscription_no IN (SELECT no FROM {source}) GROUP BY subscription_no"
        ),
        {"worker": worker, "rows": sql.rows_json([[no] for no in numbers])},
    )
    return {row[0]: row[1] for row in rows}
