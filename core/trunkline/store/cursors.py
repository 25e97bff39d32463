"""How far the ledger has the log: the cursors of the shards, and of their parts where they are divided."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.model.parts import part_of
from trunkline.store import sql
from trunkline.store.sql import text

_CURSOR = (
    "COALESCE((SELECT p.cursor FROM shard_parts AS p WHERE p.shard = {shard} AND p.part = {part}), "
    "(SELECT s.cursor FROM shards AS s WHERE s.shard = {shard}))"
)
"""How far a shard is in the ledger, or where it is divided, a part of it."""
LOWEST = (
    "(SELECT s.shard, COALESCE((SELECT min(p.cursor) FROM shard_parts AS p WHERE p.shard = s.shard), s.cursor) AS cursor "
    "FROM shards AS s)"
)
"""A row source: how far each shard is in the ledger, all of its parts."""


async def cursor_of(connection: AsyncConnection, shard: int, subscription_no: int) -> int:
    """Read how far the ledger has the deliveries of a subscription of *shard*."""
    statement = text(f"SELECT {_CURSOR.format(shard=':shard', part=':part')}")
    part = part_of(subscription_no)
    return int((await connection.execute(statement, {"shard": shard, "part": part})).scalar_one())


async def is_in_stretch(connection: AsyncConnection, shard: int, position: int) -> bool:
    """Tell whether *position* is in a stretch that the holder of *shard*, or of a part of it, has still to catch up with."""
    rows = " UNION ALL ".join(
        f"SELECT 1 FROM {table} WHERE shard = :shard AND cursor < :position AND stretch_end >= :position"
        for table in ("shards", "shard_parts")
    )
    found = await connection.execute(text(f"{rows} LIMIT 1"), {"shard": shard, "position": position})
    return found.first() is not None


async def cursors_of(connection: AsyncConnection, shards: Mapping[int, int]) -> dict[int, int]:
    """Read how far the ledger has the deliveries of each subscription, whose number *shards* maps to its shard."""
    if not shards:
        return {}
    source = sql.rows_source(connection, {"no": "bigint", "shard": "bigint", "part": "bigint"})
    statement = text(f"SELECT u.no, {_CURSOR.format(shard='u.shard', part='u.part')} FROM {source}")
    rows = sql.rows_json([[no, shard, part_of(no)] for no, shard in shards.items()])
    return {row[0]: row[1] for row in await connection.execute(statement, {"rows": rows})}
