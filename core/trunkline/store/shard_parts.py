"""Divided shards: each part is a row that a worker leases like a whole shard (``model.parts``).

A divided shard stays divided. Each part costs as much as an undivided shard. The row of a divided shard in ``shards``
is leased forever to ``NOBODY``, so that a worker of an earlier version, which does not support parts, never claims it.
"""

from collections.abc import Mapping, Sequence

from trunkline.model.parts import PARTS
from trunkline.store import sql, tables
from trunkline.store.connection import Connection
from trunkline.store.shards import REACHED, Lease, Reached
from trunkline.store.sql import text

NOBODY = "divided"
"""The holder of a divided shard's row; no worker has this name."""
FOR_GOOD_MS = 2**62


async def divide(connection: Connection, worker: str, leases: Sequence[Lease]) -> None:
    """Divide the shards of *leases*, if *worker* still holds them. The worker must have no unfinished work in them.

    The parts start at the shard's cursor, without an owner.
    """
    for lease in leases:
        statement = text(
            "UPDATE shards SET holder = :nobody, lease_until_ms = :for_good, epoch = epoch + 1 "
            "WHERE shard = :shard AND epoch = :epoch AND holder = :worker "
            f"RETURNING shard, {REACHED}"
        )
        nobody = {"nobody": NOBODY, "for_good": FOR_GOOD_MS}
        held = {"worker": worker, "shard": lease.shard, "epoch": lease.epoch}
        row = (await connection.execute(statement, {**nobody, **held})).first()
        if row is not None:
            values = {"shard": row[0], **Reached(*row[1:])._asdict(), "epoch": 0, "lease_until_ms": 0}
            columns = {name: [value] * PARTS for name, value in values.items()}
            await sql.insert_columns(connection, tables.shard_parts, {**columns, "part": list(range(PARTS))})


async def lacking(connection: Connection, worker: str, *, share: int) -> dict[int, int]:
    """Return the number of parts to claim of each divided shard with free parts of which *worker* owns fewer than *share*."""
    now = sql.now_ms(connection)
    statement = text(
        "SELECT shard, sum(CASE WHEN holder = :worker THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN holder IS NULL OR lease_until_ms < {now} THEN 1 ELSE 0 END) "
        "FROM shard_parts GROUP BY shard"
    )
    rows = await connection.execute(statement, {"worker": worker})
    return {shard: min(share - own, free) for shard, own, free in rows if own < share and free}


async def claim(
    connection: Connection, worker: str, limits: Mapping[int, int], *, lease_ms: int
) -> list[Lease]:
    """Claim parts without an owner, each under a new epoch. *limits* has the number of parts for each shard."""
    now = sql.now_ms(connection)
    leases: list[Lease] = []
    for shard, limit in limits.items():
        statement = text(
            f"UPDATE shard_parts SET holder = :worker, epoch = epoch + 1, lease_until_ms = {now} + :lease "
            "WHERE (shard, part) IN (SELECT shard, part FROM shard_parts WHERE shard = :shard "
            f"AND (holder IS NULL OR lease_until_ms < {now}) "
            f"ORDER BY part LIMIT :limit {sql.for_update_skipping(connection)}) "
            f"RETURNING part, epoch, {REACHED}"
        )
        parameters = {"worker": worker, "shard": shard, "limit": limit, "lease": lease_ms}
        rows = await connection.execute(statement, parameters)
        leases += [Lease(shard, row[1], Reached(*row[2:]), row[0]) for row in rows]
    return leases
