"""Deliveries of subscriptions with a pace: rows of the ledger that the holder of their shard alone claims.

Such a row has an *order_shard* and no *order_key*. So the lane that claims what is due for any worker passes it over, and it
costs that lane nothing; whoever holds the shard looks for it subscription by subscription, as each has its own pace.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.store import sql
from trunkline.store.deliveries import Claim
from trunkline.store.sql import text

_IS_PACED = "order_shard IS NOT NULL AND order_key IS NULL AND due_ms IS NOT NULL"
"""As the index ``ix_deliveries_paced`` has it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subscription that has such rows: its shard, and in how many ms the first is due, at most 0 if it is."""

    subscription_no: int
    shard: int
    wait_ms: int


async def waiting(connection: AsyncConnection, *, after: int, limit: int) -> list[Waiting]:
    """List up to *limit* subscriptions that have such rows, by number, from behind the number *after*.

    However many rows there are, each subscription costs a step in the index.
    """
    first = f"FROM deliveries AS d WHERE d.subscription_no = s.no AND {_IS_PACED} ORDER BY d.due_ms LIMIT 1"
    rows = await connection.execute(
        text(
            f"WITH RECURSIVE s(no) AS (SELECT (SELECT min(subscription_no) FROM deliveries WHERE {_IS_PACED} "
            "AND subscription_no > :after) UNION ALL SELECT (SELECT min(d.subscription_no) FROM deliveries AS d "
            f"WHERE {_IS_PACED} AND d.subscription_no > s.no) FROM s WHERE s.no IS NOT NULL) "
            f"SELECT s.no, (SELECT d.order_shard {first}), (SELECT d.due_ms {first}) - {sql.now_ms(connection)} "
            "FROM s WHERE s.no IS NOT NULL LIMIT :limit"
        ),
        {"after": after, "limit": limit},
    )
    return [Waiting(*row) for row in rows]


async def claim(
    connection: AsyncConnection, worker: str, wanted: Mapping[int, int], *, lease_ms: int
) -> list[Claim]:
    """Claim due rows for *lease_ms*: of each subscription in *wanted* as many as that says, at most (``_picked``)."""
    keys = await _picked(connection, wanted)
    if not keys:
        return []
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"position": "bigint", "no": "bigint"})
    rows = await connection.execute(
        text(
            f"WITH picked AS (SELECT d.position, d.subscription_no FROM {source} JOIN deliveries AS d "
            "ON d.position = u.position AND d.subscription_no = u.no "
            f"WHERE d.due_ms <= {now} AND d.order_key IS NULL {sql.for_update_skipping(connection, of='d')}) "
            f"UPDATE deliveries SET claimed_by = :worker, claim = claim + 1, due_ms = {now} + :lease "
            "WHERE (position, subscription_no) IN (SELECT position, subscription_no FROM picked) "
            "RETURNING deliveries.position, deliveries.subscription_no, deliveries.attempts, deliveries.round_start, "
            "deliveries.claim, deliveries.replay_no"
        ),
        {"worker": worker, "lease": lease_ms, "rows": sql.rows_json(keys)},
    )
    return sorted((Claim(*row) for row in rows), key=lambda claim: (claim.subscription_no, claim.position))


async def _picked(connection: AsyncConnection, wanted: Mapping[int, int]) -> list[list[int]]:
    """List due rows of each subscription in *wanted*, position and number, as many as that says: the oldest, and the newest.

    What came last takes a half, so that it does not wait for a backlog, nor a backlog for it.
    """
    source = sql.rows_source(connection, {"no": "bigint"})
    array = sql.json_array(connection)
    ends = (
        f"(SELECT {array}(o.position) FROM (SELECT d.position AS position FROM deliveries AS d "
        f"WHERE d.subscription_no = u.no AND {_IS_PACED} AND d.due_ms <= (SELECT {sql.now_ms(connection)}) "
        f"ORDER BY d.due_ms {order} LIMIT :most) AS o)"
        for order in ("ASC", "DESC")
    )
    rows = await connection.execute(
        text(f"SELECT u.no, {', '.join(ends)} FROM {source}"),
        {"most": max(wanted.values()), "rows": sql.rows_json([[no] for no in wanted])},
    )
    return [
        [position, no]
        for no, oldest, newest in rows
        for position in _ends(_positions(oldest), _positions(newest), wanted[no])
    ]


def _positions(column: Any) -> list[int]:
    positions: list[int] | None = orjson.loads(column) if isinstance(column, str) else column
    return positions or []


def _ends(oldest: Sequence[int], newest: Sequence[int], count: int) -> list[int]:
    half = oldest[: -(-count // 2)]
    known = set(half)
    return [*half, *(position for position in newest if position not in known)][:count]


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
    """Count the deliveries of the subscriptions with *numbers* that workers beside *worker* have claimed."""
    source = sql.rows_source(connection, {"no": "bigint"})
    rows = await connection.execute(
        text(
            "SELECT subscription_no, count(*) FROM deliveries WHERE claimed_by IS NOT NULL AND claimed_by <> :worker "
            f"AND subscription_no IN (SELECT no FROM {source}) GROUP BY subscription_no"
        ),
        {"worker": worker, "rows": sql.rows_json([[no] for no in numbers])},
    )
    return {row[0]: row[1] for row in rows}
