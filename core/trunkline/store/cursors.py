"""How far the ledger has processed the log: the cursors of the shards, and of the parts of divided shards."""

from collections.abc import Mapping

from trunkline.model.parts import part_of
from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_CURSOR = (
    "COALESCE((SELECT p.cursor FROM shard_parts AS p WHERE p.shard = {shard} AND p.part = {part}), "
    "(SELECT s.cursor FROM shards AS s WHERE s.shard = {shard}))"
)
"""SQL for the cursor of a shard or, if the shard is divided, of one of its parts."""
LOWEST = (
    "(SELECT s.shard, COALESCE((SELECT min(p.cursor) FROM shard_parts AS p WHERE p.shard = s.shard), s.cursor) AS cursor "
    "FROM shards AS s)"
)
"""A row source in SQL with the cursor of each shard; for a divided shard, this is the lowest cursor of its parts."""


async def cursor_of(connection: Connection, shard: int, subscription_no: int) -> int:
    """Read the position up to which the ledger has all deliveries of a subscription, whose company is in *shard*."""
    statement = text(f"SELECT {_CURSOR.format(shard=':shard', part=':part')}")
    part = part_of(subscription_no)
    return int((await connection.execute(statement, {"shard": shard, "part": part})).scalar_one())


async def is_in_stretch(connection: Connection, shard: int, position: int) -> bool:
    """Return whether *position* is in a stretch (a skipped range) that the holder of *shard*, or of a part of it, has not read yet."""
    rows = " UNION ALL ".join(
        f"SELECT 1 FROM {table} WHERE shard = :shard AND cursor < :position AND stretch_end >= :position"
        for table in ("shards", "shard_parts")
    )
    found = await connection.execute(text(f"{rows} LIMIT 1"), {"shard": shard, "position": position})
    return found.first() is not None


async def cursors_of(connection: Connection, shards: Mapping[int, int]) -> dict[int, int]:
    """Read, by subscription number, the position up to which the ledger has all deliveries of the subscription.

    *shards* maps subscription numbers to shards.
    """
    if not shards:
        return {}
    source = sql.rows_source(connection, {"no": "bigint", "shard": "bigint", "part": "bigint"})
    statement = text(f"SELECT u.no, {_CURSOR.format(shard='u.shard', part='u.part')} FROM {source}")
    rows = sql.rows_json([[no, shard, part_of(no)] for no, shard in shards.items()])
    return {row[0]: row[1] for row in await connection.execute(statement, {"rows": rows})}
