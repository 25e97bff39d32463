"""Shards of the log: which worker owns which, how far each is, and which workers are alive.

A holder's *epoch* is its fence: writing the cursor names the epoch, and a holder whose shard was taken over finds none.
All times are the database's, so a worker's own clock plays no part.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.model.deliveries import Status
from trunkline.store import dialects, sql
from trunkline.store.sql import text

_NOBODY: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard that a worker owns: everything up to *cursor* is in the ledger."""

    shard: int
    epoch: int
    cursor: int


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The database's clock was set back by *step_ms*; what is due after *edge_ms* was written by the clock before that."""

    step_ms: int
    edge_ms: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How many workers are alive, and by how much the clock was set back, if it was just noticed.

    *missing* are those of them, with their last heartbeats, whose lock nobody holds; *ended* were found dead by that.
    """

    alive: int
    step: ClockStep | None
    missing: Mapping[str, int] = field(default_factory=dict[str, int])
    ended: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Beat:
    """How many workers are alive, and the shards that are still owned."""

    alive: int
    renewed: set[int]


async def beat(
    connection: AsyncConnection, worker: str, leases: Sequence[Lease], *, lease_ms: int, lock_no: int | None
) -> Beat | None:
    """Write that *worker* is alive and renew its *leases*, where that is all there is to do; None where it is not.

    Then nothing was written, and ``heartbeat``, ``renew`` and ``disown`` do what is to be done: the clock was set back, a
    worker is dead or shows no lock, this one is not in the list, or it owns a shard that it does not know of. A server does all
    of this in one statement, which is its own transaction.
    """
    now, source = sql.now_ms(connection), sql.rows_source(connection, {"shard": "bigint", "epoch": "bigint"})
    note = (
        f"UPDATE workers SET heartbeat_ms = {now}, lock_no = :lock_no WHERE id = :worker AND NOT EXISTS "
        f"(SELECT 1 FROM workers WHERE heartbeat_ms > {now} + :lease OR id <> :worker "
        f"AND (heartbeat_ms < {now} - :lease OR {_has_no_lock(connection)})) AND NOT EXISTS "
        f"(SELECT 1 FROM shards WHERE holder = :worker AND shard NOT IN (SELECT shard FROM {source})) "
        "RETURNING (SELECT count(*) FROM workers WHERE NOT draining) AS alive"
    )
    renew = (
        f"UPDATE shards SET lease_until_ms = {now} + :lease FROM {source} "
        "WHERE shards.shard = u.shard AND shards.epoch = u.epoch AND holder = :worker"
    )
    whose = {"worker": worker, "lease": lease_ms, "rows": sql.rows_json([[x.shard, x.epoch] for x in leases])}
    if dialects.of_connection(connection).has_one_writer:
        alive = (await connection.execute(text(note), whose | {"lock_no": lock_no})).scalar()
        renewed = await connection.execute(text(f"{renew} RETURNING shards.shard"), whose) if alive else ()
        return Beat(alive, {row[0] for row in renewed}) if alive else None
    rows = (
        await connection.execute(
            text(
                f"WITH noted AS ({note}), renewed AS ({renew} AND EXISTS (SELECT 1 FROM noted) RETURNING shards.shard) "
                "SELECT noted.alive, renewed.shard FROM noted LEFT JOIN renewed ON true"
            ),
            whose | {"lock_no": lock_no},
        )
    ).all()
    return Beat(rows[0][0], {row[1] for row in rows if row[1] is not None}) if rows else None


async def heartbeat(
    connection: AsyncConnection,
    worker: str,
    *,
    lease_ms: int,
    lock_no: int | None = None,
    suspects: Mapping[str, int] = _NOBODY,
) -> Heartbeat:
    """Write that *worker* is alive, with the number of its lock, and remove workers that are not.

    Dead is who has sent no heartbeat for a lease, and who of the *suspects* has none since the one that is given, while
    nobody holds its lock. What a dead worker had claimed is due again at once, and its shards are free.
    """
    step = await _follow_clock_back(connection, lease_ms=lease_ms)
    now = sql.now_ms(connection)
    await connection.execute(
        text(
            f"INSERT INTO workers (id, heartbeat_ms, draining, lock_no) VALUES (:worker, {now}, FALSE, :lock_no) "
            f"ON CONFLICT (id) DO UPDATE SET heartbeat_ms = {now}, lock_no = :lock_no"
        ),
        {"worker": worker, "lock_no": lock_no},
    )
    lapsed = await _remove_lapsed(connection, worker, lease_ms=lease_ms)
    ended = await _remove_ended(connection, suspects, lock_no=lock_no) if suspects else []
    for each in (*lapsed, *ended):
        await _release_all(connection, each)
    rows = await connection.execute(
        text(
            f"SELECT id, heartbeat_ms, id <> :worker AND {_has_no_lock(connection)} FROM workers WHERE NOT draining"
        ),
        {"worker": worker},
    )
    alive = rows.all()
    return Heartbeat(len(alive), step, {row[0]: row[1] for row in alive if row[2]}, ended)


def _has_no_lock(connection: AsyncConnection) -> str:
    """Give the condition that nobody holds the lock of a worker that has one; who is alone pays nothing for it."""
    return f"lock_no IS NOT NULL AND lock_no NOT IN (SELECT no FROM ({sql.worker_locks(connection)}) AS held)"


async def _remove_lapsed(connection: AsyncConnection, worker: str, *, lease_ms: int) -> list[str]:
    """Remove who has sent no heartbeat for a lease, *worker* excepted."""
    lapsed = await connection.execute(
        text(
            f"DELETE FROM workers WHERE id IN (SELECT id FROM workers WHERE heartbeat_ms < {sql.now_ms(connection)} - :lease "
            f"AND id <> :worker {sql.for_update_skipping(connection)}) RETURNING id"
        ),
        {"lease": lease_ms, "worker": worker},
    )
    return [row[0] for row in lapsed]


async def _remove_ended(
    connection: AsyncConnection, suspects: Mapping[str, int], *, lock_no: int | None
) -> list[str]:
    """Remove the *suspects* that still have no lock, nor a later heartbeat; nobody where the caller's own lock is not seen."""
    source = sql.rows_source(connection, {"id": "text", "heartbeat": "bigint"})
    locking = sql.for_update_skipping(connection, of="w")
    ended = await connection.execute(
        text(
            "DELETE FROM workers WHERE id IN (SELECT w.id FROM workers AS w JOIN "
            f"{source} ON w.id = u.id AND w.heartbeat_ms = u.heartbeat WHERE {_has_no_lock(connection)} "
            f"AND :lock_no IN (SELECT no FROM ({sql.worker_locks(connection)}) AS held) {locking}) RETURNING id"
        ),
        {"lock_no": lock_no, "rows": sql.rows_json([*suspects.items()])},
    )
    return [row[0] for row in ended]


async def _release_all(connection: AsyncConnection, worker: str) -> None:
    """Free what a dead *worker* had claimed, and its shards."""
    await release_claims(connection, worker)
    await connection.execute(
        text(
            "UPDATE shards SET holder = NULL, lease_until_ms = 0 WHERE shard IN "
            f"(SELECT shard FROM shards WHERE holder = :worker {sql.for_update_skipping(connection)})"
        ),
        {"worker": worker},
    )


async def follow_late(connection: AsyncConnection, step: ClockStep) -> None:
    """Move back what a transaction has committed since, or had locked, that began before the clock's *step*."""
    await _move_back(connection, step, after=str(step.edge_ms))


async def _move_back(connection: AsyncConnection, step: ClockStep, *, after: str) -> None:
    """Move back what is due *after* a time (SQL); a claim that is nearer than the step was made after it."""
    now = sql.now_ms(connection)
    await connection.execute(
        text(
            "UPDATE deliveries SET due_ms = due_ms - :step FROM (SELECT position, subscription_no FROM deliveries "
            f"WHERE due_ms > {after} AND (claimed_by IS NULL OR due_ms > {now} + :step) "
            f"{sql.for_update_skipping(connection)}) AS waiting "
            "WHERE deliveries.position = waiting.position AND deliveries.subscription_no = waiting.subscription_no"
        ),
        {"step": step.step_ms},
    )


async def _follow_clock_back(connection: AsyncConnection, *, lease_ms: int) -> ClockStep | None:
    """Move due times back by as much as the database's clock was set back; leases end with their workers.

    Replays that were moved lately count as moved now: they take turns by that time, and may wait for each other in an order.
    A heartbeat more than a lease ahead of the clock proves it. Its row stays locked, so that one worker alone does this.
    """
    now = sql.now_ms(connection)
    is_ahead = f"heartbeat_ms > {now} + :lease"
    locking = sql.for_update(connection)
    rows = (
        await connection.execute(
            text(f"SELECT heartbeat_ms - {now}, {now} FROM workers WHERE {is_ahead} ORDER BY id {locking}"),
            {"lease": lease_ms},
        )
    ).all()
    if not rows:
        return None
    step_ms = max(row[0] for row in rows)
    step = ClockStep(step_ms, rows[0][1] + step_ms - lease_ms)
    await connection.execute(
        text(f"UPDATE workers SET heartbeat_ms = {now} WHERE {is_ahead}"), {"lease": lease_ms}
    )
    await _move_back(connection, step, after=now)
    await connection.execute(
        text(
            f"UPDATE replays SET updated_ms = {now} FROM (SELECT no FROM replays WHERE status = 'running' "
            f"AND updated_ms > {now} {sql.for_update_skipping(connection)}) AS ahead WHERE replays.no = ahead.no"
        )
    )
    return step


async def leave(connection: AsyncConnection, worker: str) -> None:
    """Remove *worker* from the list, and release everything that it owned."""
    await disown(connection, worker, ())
    await release_claims(connection, worker)
    await connection.execute(text("DELETE FROM workers WHERE id = :worker"), {"worker": worker})


async def release_claims(connection: AsyncConnection, worker: str) -> None:
    """Make due what *worker* had claimed. A row that somebody is changing is passed over; its claim lapses by itself.

    What it had claimed behind another one of its key is queued again.
    """
    is_queued = f"deliveries.status = '{Status.HELD}'"
    await connection.execute(
        text(
            f"UPDATE deliveries SET due_ms = CASE WHEN {is_queued} THEN NULL ELSE {sql.now_ms(connection)} END, "
            f"queued = CASE WHEN {is_queued} THEN 1 ELSE queued END, claimed_by = NULL FROM "
            "(SELECT position, subscription_no FROM deliveries WHERE claimed_by = :worker "
            f"{sql.for_update_skipping(connection)}) AS held WHERE deliveries.position = held.position "
            "AND deliveries.subscription_no = held.subscription_no"
        ),
        {"worker": worker},
    )


async def count(connection: AsyncConnection) -> int:
    """Count the shards that the database was set up with."""
    return int((await connection.execute(text("SELECT count(*) FROM shards"))).scalar_one())


async def check_writable(connection: AsyncConnection) -> None:
    """Write nothing, as a database that takes no writes refuses."""
    await connection.execute(text("UPDATE shards SET epoch = epoch WHERE shard < 0"))


async def claim(connection: AsyncConnection, worker: str, *, limit: int, lease_ms: int) -> list[Lease]:
    """Claim up to *limit* shards without an owner, under a new epoch each."""
    now = sql.now_ms(connection)
    rows = await connection.execute(
        text(
            f"UPDATE shards SET holder = :worker, epoch = epoch + 1, lease_until_ms = {now} + :lease "
            f"WHERE shard IN (SELECT shard FROM shards WHERE holder IS NULL OR lease_until_ms < {now} "
            f"ORDER BY shard LIMIT :limit {sql.for_update_skipping(connection)}) RETURNING shard, epoch, cursor"
        ),
        {"worker": worker, "limit": limit, "lease": lease_ms},
    )
    return [Lease(*row) for row in rows]


async def renew(
    connection: AsyncConnection, worker: str, leases: Sequence[Lease], *, lease_ms: int
) -> set[int]:
    """Renew *leases*; returns the shards that are still owned."""
    rows = await connection.execute(
        text(
            f"UPDATE shards SET lease_until_ms = {sql.now_ms(connection)} + :lease "
            f"FROM {sql.rows_source(connection, {'shard': 'bigint', 'epoch': 'bigint'})} "
            "WHERE shards.shard = u.shard AND shards.epoch = u.epoch AND holder = :worker "
            f"RETURNING shards.shard, {sql.limit_idling(connection)}"
        ),
        {"worker": worker, "lease": lease_ms, "rows": sql.rows_json([[x.shard, x.epoch] for x in leases])},
    )
    return {row[0] for row in rows}


async def release(connection: AsyncConnection, worker: str, leases: Sequence[Lease]) -> None:
    """Give *leases* back, so that another worker may take them at once."""
    await connection.execute(
        text(
            "UPDATE shards SET holder = NULL, lease_until_ms = 0 "
            f"FROM {sql.rows_source(connection, {'shard': 'bigint', 'epoch': 'bigint'})} "
            "WHERE shards.shard = u.shard AND shards.epoch = u.epoch AND holder = :worker"
        ),
        {"worker": worker, "rows": sql.rows_json([[x.shard, x.epoch] for x in leases])},
    )


async def disown(connection: AsyncConnection, worker: str, known: Sequence[Lease]) -> None:
    """Release what *worker* owns besides *known*: shards whose claim was committed while its answer was lost.

    Nobody reads such a shard, and its lease would keep the others off; for an hour, where the clock is then set back by one.
    """
    await connection.execute(
        text(
            "UPDATE shards SET holder = NULL, lease_until_ms = 0 WHERE holder = :worker "
            f"AND shard NOT IN (SELECT shard FROM {sql.rows_source(connection, {'shard': 'bigint'})})"
        ),
        {"worker": worker, "rows": sql.rows_json([[lease.shard] for lease in known])},
    )


async def advance(connection: AsyncConnection, worker: str, leases: Sequence[Lease]) -> tuple[set[int], int]:
    """Move each shard's cursor to the lease's; returns the shards still owned and the database's time in ms.

    A shard that is missing from the answer was taken over: the transaction must not be committed with its results.
    The row locks make a take-over wait until the caller's transaction has ended.
    """
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"shard": "bigint", "epoch": "bigint", "cursor": "bigint"})
    rows = (
        await connection.execute(
            text(
                f"UPDATE shards SET cursor = u.cursor FROM {source} "
                "WHERE shards.shard = u.shard AND shards.epoch = u.epoch AND holder = :worker "
                f"RETURNING shards.shard, {now}, {sql.limit_idling(connection)}"
            ),
            {"worker": worker, "rows": sql.rows_json([[x.shard, x.epoch, x.cursor] for x in leases])},
        )
    ).all()
    return {row[0] for row in rows}, (rows[0][1] if rows else 0)


async def cursor_of(connection: AsyncConnection, shard: int) -> int:
    """Read how far *shard* is in the ledger."""
    statement = text("SELECT cursor FROM shards WHERE shard = :shard")
    return int((await connection.execute(statement, {"shard": shard})).scalar_one())


async def cursors_of(connection: AsyncConnection, shards: Collection[int]) -> dict[int, int]:
    """Read how far each of *shards* is in the ledger."""
    if not shards:
        return {}
    source = sql.rows_source(connection, {"shard": "bigint"})
    statement = text(f"SELECT shard, cursor FROM shards WHERE shard IN (SELECT shard FROM {source})")
    rows = await connection.execute(statement, {"rows": sql.rows_json([[shard] for shard in shards])})
    return {row[0]: row[1] for row in rows}
