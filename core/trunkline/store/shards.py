"""Shards of the log: their owners and cursors, and the list of live workers.

A holder's *epoch* fences its writes: each write of the cursor names the epoch, and after another worker has taken over,
no row has that epoch. All times are the database's; a worker's own clock is not used. A divided shard has a row for
each part (``store.shard_parts``), which is leased like a whole shard.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from trunkline.model.deliveries import Status
from trunkline.model.parts import WHOLE, Slice
from trunkline.store import dialects, sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

WHOLES, PARTS = "shards", "shard_parts"
_PART_IN = {WHOLES: str(WHOLE), PARTS: "shard_parts.part"}
"""The SQL for the part number of a row, by table."""

LEASES: Mapping[str, str] = dict.fromkeys(
    ("shard", "part", "epoch", "cursor", "stretch_end", "live_cursor"), "bigint"
)
"""The columns of leases as rows, and their SQL types."""
REACHED = "cursor, stretch_end, live_cursor"
"""The columns of ``Reached``."""
DIVIDED_COUNT = "SELECT count(DISTINCT shard) FROM shard_parts"


class Reached(NamedTuple):
    """The progress of a shard: the ledger has all events up to *cursor*, and all after *stretch_end* up to *live_cursor*.

    If *stretch_end* is None, the second range is empty. The stretch between the two ranges has not been read yet.
    """

    cursor: int
    stretch_end: int | None = None
    live_cursor: int | None = None


class Lease(Struct, frozen=True):
    """A shard, or a part of one, that a worker owns. *reached* is its progress at the claim, or the progress to store."""

    shard: int
    epoch: int
    reached: Reached
    part: int = WHOLE

    @property
    def slice(self) -> Slice:
        """The number of the shard and of its part."""
        return Slice(self.shard, self.part)


class ClockStep(Struct, frozen=True):
    """A jump of the database's clock back by *step_ms*. Due times after *edge_ms* were written before the jump."""

    step_ms: int
    edge_ms: int


class Heartbeat(Struct, frozen=True):
    """The numbers of live workers and of divided shards, and the slices *renewed*, which the worker still owns.

    *step* is a backward jump of the clock that was just noticed. *missing* has the live workers whose lock is free, with
    their last heartbeats. *ended* has the suspects that turned out to be dead.
    """

    alive: int
    divided: int
    renewed: Collection[Slice] = ()
    step: ClockStep | None = None
    missing: Mapping[str, int] = {}
    ended: Sequence[str] = ()


async def beat(
    connection: Connection, worker: str, leases: Sequence[Lease], *, lease_ms: int, lock_no: int | None
) -> Heartbeat | None:
    """Write the heartbeat of *worker* and renew its *leases* in the usual case.

    In any other case, write nothing and return None. The other cases are: the clock was set back, a worker is dead or
    has no lock, this worker is not in the list, or this worker owns a shard that is not among *leases*. The caller then
    uses ``heartbeat``, ``renew`` and ``disown``. On a server this is one statement, which is its own transaction.
    """
    whose = {"worker": worker, "lease": lease_ms, "rows": rows_of(leases), "lock_no": lock_no}
    now, source = sql.now_ms(connection), sql.rows_source(connection, LEASES)
    unknown = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE holder = :worker AND {_is_none_of(table, source)})"
        for table in _PART_IN
    )
    note = (
        f"UPDATE workers SET heartbeat_ms = {now}, lock_no = :lock_no WHERE id = :worker AND NOT EXISTS "
        f"(SELECT 1 FROM workers WHERE heartbeat_ms > {now} + :lease OR id <> :worker "
        f"AND (heartbeat_ms < {now} - :lease OR {_has_no_lock(connection)})) AND NOT ({unknown}) "
        f"RETURNING (SELECT count(*) FROM workers WHERE NOT draining) AS alive, ({DIVIDED_COUNT}) AS divided"
    )
    if dialects.of_connection(connection).has_one_writer:
        noted = (await connection.execute(text(note), whose)).first()
        if noted is None:
            return None
        return Heartbeat(noted[0], noted[1], await renew(connection, worker, leases, lease_ms=lease_ms))
    tables = _tables_of(leases) or [WHOLES]
    until = f"lease_until_ms = {now} + :lease"
    steps = [
        f"of_{table} AS ({_changing(connection, table, until)} AND EXISTS (SELECT 1 FROM noted) {_returning(table)})"
        for table in tables
    ]
    renewed = " UNION ALL ".join(f"SELECT shard, part FROM of_{table}" for table in tables)
    statement = text(
        f"WITH noted AS ({note}), {', '.join(steps)} SELECT noted.alive, noted.divided, r.shard, r.part "
        f"FROM noted LEFT JOIN ({renewed}) AS r ON true"
    )
    rows = (await connection.execute(statement, whose)).all()
    slices = {Slice(row[2], row[3]) for row in rows if row[2] is not None}
    return Heartbeat(rows[0][0], rows[0][1], slices) if rows else None


async def heartbeat(
    connection: Connection,
    worker: str,
    *,
    lease_ms: int,
    lock_no: int | None = None,
    suspects: Mapping[str, int] = {},
) -> Heartbeat:
    """Write the heartbeat of *worker* with the number of its lock, and remove dead workers.

    A worker is dead if it has sent no heartbeat for the duration of a lease. A worker in *suspects* is also dead if its
    lock is free and its last heartbeat is still the one in *suspects*. The claims of a dead worker become due at once,
    and its shards become free.
    """
    step = await _follow_clock_back(connection, lease_ms=lease_ms)
    now = sql.now_ms(connection)
    statement = text(
        f"INSERT INTO workers (id, heartbeat_ms, draining, lock_no) VALUES (:worker, {now}, FALSE, :lock_no) "
        f"ON CONFLICT (id) DO UPDATE SET heartbeat_ms = {now}, lock_no = :lock_no"
    )
    await connection.execute(statement, {"worker": worker, "lock_no": lock_no})
    statement = text(
        f"DELETE FROM workers WHERE id IN (SELECT id FROM workers WHERE heartbeat_ms < {sql.now_ms(connection)} - :lease "
        f"AND id <> :worker {sql.for_update_skipping(connection)}) RETURNING id"
    )
    rows = await connection.execute(statement, {"lease": lease_ms, "worker": worker})
    lapsed = [row[0] for row in rows]
    ended = await _remove_ended(connection, suspects, lock_no=lock_no) if suspects else []
    for each in (*lapsed, *ended):  # free the claims and the shards of the dead
        await release_claims(connection, each)
        for table, part in _PART_IN.items():
            statement = text(
                f"UPDATE {table} SET holder = NULL, lease_until_ms = 0 WHERE (shard, {part}) IN "
                f"(SELECT shard, {part} FROM {table} WHERE holder = :worker {sql.for_update_skipping(connection)})"
            )
            await connection.execute(statement, {"worker": each})
    statement = text(
        f"SELECT id, heartbeat_ms, id <> :worker AND {_has_no_lock(connection)} FROM workers WHERE NOT draining"
    )
    alive = (await connection.execute(statement, {"worker": worker})).all()
    divided = (await connection.execute(text(DIVIDED_COUNT))).scalar_one()
    missing = {row[0]: row[1] for row in alive if row[2]}
    return Heartbeat(len(alive), divided, step=step, missing=missing, ended=ended)


def _has_no_lock(connection: Connection) -> str:
    """Return the SQL condition that no session holds a worker's lock; it is not evaluated for a single worker."""
    return f"lock_no IS NOT NULL AND lock_no NOT IN (SELECT no FROM ({dialects.of_connection(connection).worker_locks}) AS held)"


async def _remove_ended(
    connection: Connection, suspects: Mapping[str, int], *, lock_no: int | None
) -> list[str]:
    """Remove the *suspects* that still have no lock and no later heartbeat; none if the caller's own lock is not visible."""
    source = sql.rows_source(connection, {"id": "text", "heartbeat": "bigint"})
    locking = sql.for_update_skipping(connection, of="w")
    statement = text(
        "DELETE FROM workers WHERE id IN (SELECT w.id FROM workers AS w JOIN "
        f"{source} ON w.id = u.id AND w.heartbeat_ms = u.heartbeat WHERE {_has_no_lock(connection)} "
        f"AND :lock_no IN (SELECT no FROM ({dialects.of_connection(connection).worker_locks}) AS held) {locking}) RETURNING id"
    )
    parameters = {"lock_no": lock_no, "rows": sql.rows_json([*suspects.items()])}
    ended = await connection.execute(statement, parameters)
    return [row[0] for row in ended]


async def follow_late(connection: Connection, step: ClockStep) -> None:
    """Move back due times that were committed after *step* by transactions from before, or that were locked by them."""
    await _move_back(connection, step, after=str(step.edge_ms))


async def _move_back(connection: Connection, step: ClockStep, *, after: str) -> None:
    """Move back due times after *after* (SQL), except of claims that end within the jump, so were made after it."""
    now = sql.now_ms(connection)
    statement = text(
        "UPDATE deliveries SET due_ms = due_ms - :step FROM (SELECT position, subscription_no FROM deliveries "
        f"WHERE due_ms > {after} AND (claimed_by IS NULL OR due_ms > {now} + :step) "
        f"{sql.for_update_skipping(connection)}) AS waiting "
        "WHERE deliveries.position = waiting.position AND deliveries.subscription_no = waiting.subscription_no"
    )
    await connection.execute(statement, {"step": step.step_ms})


async def _follow_clock_back(connection: Connection, *, lease_ms: int) -> ClockStep | None:
    """Move due times back by as much as the database's clock was set back.

    Leases are not changed; they end with their workers. A heartbeat that is ahead of the clock by more than the
    duration of a lease proves the jump. The row of this heartbeat stays locked, so that only one worker corrects the
    times. A replay whose last advance lies in the future gets the current time, because the replay with the oldest time
    is advanced next, and with an ordering, replays may have to wait for each other.
    """
    now = sql.now_ms(connection)
    is_ahead = f"heartbeat_ms > {now} + :lease"
    locking = sql.for_update(connection)
    statement = text(
        f"SELECT heartbeat_ms - {now}, {now} FROM workers WHERE {is_ahead} ORDER BY id {locking}"
    )
    rows = (await connection.execute(statement, {"lease": lease_ms})).all()
    if not rows:
        return None
    step_ms = max(row[0] for row in rows)
    step = ClockStep(step_ms, rows[0][1] + step_ms - lease_ms)
    statement = text(f"UPDATE workers SET heartbeat_ms = {now} WHERE {is_ahead}")
    await connection.execute(statement, {"lease": lease_ms})
    await _move_back(connection, step, after=now)
    statement = text(
        f"UPDATE replays SET updated_ms = {now} FROM (SELECT no FROM replays WHERE status = 'running' "
        f"AND updated_ms > {now} {sql.for_update_skipping(connection)}) AS ahead WHERE replays.no = ahead.no"
    )
    await connection.execute(statement)
    return step


async def leave(connection: Connection, worker: str) -> None:
    """Remove *worker* from the list, and release all its shards and claims."""
    await disown(connection, worker, ())
    await release_claims(connection, worker)
    await connection.execute(text("DELETE FROM workers WHERE id = :worker"), {"worker": worker})


async def release_claims(connection: Connection, worker: str) -> None:
    """Make the claimed deliveries of *worker* due. Locked rows are skipped; their claims lapse.

    A delivery that was claimed behind another one of its key is queued again.
    """
    is_queued = f"deliveries.status = '{Status.HELD}'"
    statement = text(
        f"UPDATE deliveries SET due_ms = CASE WHEN {is_queued} THEN NULL ELSE {sql.now_ms(connection)} END, "
        f"queued = CASE WHEN {is_queued} THEN 1 ELSE queued END, claimed_by = NULL FROM "
        "(SELECT position, subscription_no FROM deliveries WHERE claimed_by = :worker "
        f"{sql.for_update_skipping(connection)}) AS held WHERE deliveries.position = held.position "
        "AND deliveries.subscription_no = held.subscription_no"
    )
    await connection.execute(statement, {"worker": worker})


async def count(connection: Connection) -> int:
    """Count the shards that the database was set up with."""
    return int((await connection.execute(text("SELECT count(*) FROM shards"))).scalar_one())


async def check_writable(connection: Connection) -> None:
    """Run an UPDATE that changes no rows; a read-only database refuses it."""
    await connection.execute(text("UPDATE shards SET epoch = epoch WHERE shard < 0"))


async def claim(connection: Connection, worker: str, *, limit: int, lease_ms: int) -> list[Lease]:
    """Claim up to *limit* shards without an owner, each under a new epoch."""
    now = sql.now_ms(connection)
    statement = text(
        f"UPDATE shards SET holder = :worker, epoch = epoch + 1, lease_until_ms = {now} + :lease "
        f"WHERE shard IN (SELECT shard FROM shards WHERE holder IS NULL OR lease_until_ms < {now} "
        f"ORDER BY shard LIMIT :limit {sql.for_update_skipping(connection)}) RETURNING shard, epoch, {REACHED}"
    )
    rows = await connection.execute(statement, {"worker": worker, "limit": limit, "lease": lease_ms})
    return [Lease(row[0], row[1], Reached(*row[2:])) for row in rows]


async def renew(connection: Connection, worker: str, leases: Sequence[Lease], *, lease_ms: int) -> set[Slice]:
    """Renew *leases*. Returns the slices that are still owned."""
    until = f"lease_until_ms = {sql.now_ms(connection)} + :lease"
    return {Slice(row[0], row[1]) for row in await _change(connection, worker, leases, until, lease=lease_ms)}


async def release(connection: Connection, worker: str, leases: Sequence[Lease]) -> None:
    """Release *leases*, so that another worker can claim them at once."""
    await _change(connection, worker, leases, "holder = NULL, lease_until_ms = 0")


async def disown(connection: Connection, worker: str, known: Sequence[Lease]) -> None:
    """Release the shards that *worker* owns except *known*: they were claimed, but the database's answer was lost.

    No worker reads such a shard, but its lease blocks other workers: for an hour, if the clock is then set back by an
    hour.
    """
    source = sql.rows_source(connection, LEASES)
    for table in _PART_IN:
        statement = text(
            f"UPDATE {table} SET holder = NULL, lease_until_ms = 0 WHERE holder = :worker "
            f"AND {_is_none_of(table, source)}"
        )
        await connection.execute(statement, {"worker": worker, "rows": rows_of(known)})


async def advance(connection: Connection, worker: str, leases: Sequence[Lease]) -> tuple[set[Slice], int]:
    """Store the progress of each lease. Returns the slices that are still owned, and the database's time in ms.

    A slice that is missing from the result was taken over by another worker, so its deliveries must not be committed.
    The row locks prevent a take-over until the caller's transaction has ended.
    """
    moved = ", ".join(f"{name} = u.{name}" for name in Reached._fields)
    rows = await _change(connection, worker, leases, moved)
    return {Slice(row[0], row[1]) for row in rows}, (rows[0][2] if rows else 0)


def rows_of(leases: Sequence[Lease]) -> str:
    """Encode *leases* for a ``sql.rows_source`` of ``LEASES``."""
    return sql.rows_json([[x.shard, x.part, x.epoch, *x.reached] for x in leases])


def _is_none_of(table: str, source: str) -> str:
    """Return the SQL condition that a row of *table* is not among the leases in *source*."""
    return f"NOT EXISTS (SELECT 1 FROM {source} WHERE u.shard = {table}.shard AND u.part = {_PART_IN[table]})"


def _returning(table: str) -> str:
    return f"RETURNING {table}.shard AS shard, {_PART_IN[table]} AS part"


def _tables_of(leases: Sequence[Lease]) -> list[str]:
    return sorted({WHOLES if lease.part == WHOLE else PARTS for lease in leases})


def _changing(connection: Connection, table: str, change: str) -> str:
    """Return the SQL that applies *change* to the rows of *table* that the worker still leases."""
    return (
        f"UPDATE {table} SET {change} FROM {sql.rows_source(connection, LEASES)} WHERE {table}.shard = u.shard "
        f"AND u.part = {_PART_IN[table]} AND {table}.epoch = u.epoch AND holder = :worker"
    )


async def _change(
    connection: Connection, worker: str, leases: Sequence[Lease], change: str, **parameters: int
) -> list[Any]:
    """Apply *change* to the rows of *leases* that are still owned. Returns (shard, part, time) of each."""
    rows: list[Any] = []
    more = f"{sql.now_ms(connection)}, {dialects.of_connection(connection).limit_idling}"
    for table in _tables_of(leases):
        statement = text(f"{_changing(connection, table, change)} {_returning(table)}, {more}")
        found = await connection.execute(statement, {"worker": worker, "rows": rows_of(leases), **parameters})
        rows += found.all()
    return rows
