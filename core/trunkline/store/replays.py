"""Replays as rows, and the step that advances a replay: it makes the deliveries of one page of the log due.

A step is one transaction that stores its deliveries, position and counts. So after a crash a replay continues exactly from its
last step.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct
from sqlalchemy import BigInteger, bindparam

from trunkline.model.deliveries import Status
from trunkline.store import audit_log, operational, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.deliveries import OPEN, Claim
from trunkline.store.operational import News
from trunkline.store.sql import text

_table = tables.replays
_columns = tables.deliveries.c
_BY_ID = _table.select().where(_table.c.id == bindparam("id"))
_BOUND = {
    "no": "subscription_no",
    "replay": "replay_no",
    "worker": "claimed_by",
    "claim": "claim",
    "lease": "due_ms",
}
"""The parameters whose type PostgreSQL cannot infer, and the columns that have this type."""
PIECE = 500
"""The number of deliveries that one transaction withdraws."""

_WAS_OPEN = f"attempts = round_start AND COALESCE(status_before, '') IN ('{Status.PENDING}', '{Status.HELD}')"
"""SQL condition: a delivery was open before its replay, and has had no attempt in its replay."""
STATUS_BEFORE = (
    f"status_before = CASE WHEN deliveries.{OPEN} AND deliveries.status_before IS NOT NULL "
    "AND deliveries.attempts = deliveries.round_start THEN deliveries.status_before ELSE deliveries.status END"
)
"""The SQL that stores a delivery's status before a replay opens the delivery."""


class Row(Struct, frozen=True):
    """One row of ``tables.replays``."""

    no: int
    id: str
    subscription_no: int
    company_id: int
    kind: str
    event_types: str | None
    position: int
    end_position: int
    matched: int
    delivered: int | None
    status: str
    created_ms: int
    updated_ms: int
    pins: str | None
    withdrawing: int | None = None


async def insert(connection: Connection, values: Mapping[str, Any]) -> Row:
    """Store a new, running replay."""
    now = text(sql.now_ms(connection))
    statement = (
        _table.insert()
        .values(**values, matched=0, status="running", created_ms=now, updated_ms=now)
        .returning(_table)
    )
    row = Row(*(await connection.execute(statement)).one())
    if row.kind != "missed":
        which: dict[str, object] = {"kind": row.kind, "event_types": row.event_types}
        which |= {"after": row.position, "up_to": row.end_position}
        audit_log.note("replay.started", row.id, company_id=row.company_id, after=which)
    return row


async def get(connection: Connection, replay_id: str) -> Row | None:
    """Read a replay by its public id."""
    row = (await connection.execute(_BY_ID, {"id": replay_id})).first()
    return Row(*row) if row else None


async def of_subscription(connection: Connection, subscription_no: int, *, limit: int) -> list[Row]:
    """Read a subscription's replays, newest first."""
    statement = _table.select().where(_table.c.subscription_no == subscription_no)
    rows = await connection.execute(statement.order_by(_table.c.no.desc()).limit(limit))
    return [Row(*row) for row in rows]


async def delivered(connection: Connection, no: int) -> int:
    """Count the deliveries of a replay that have succeeded so far."""
    statement = text("SELECT count(*) FROM deliveries WHERE replay_no = :no AND status = 'delivered'")
    return int((await connection.execute(statement, {"no": no})).scalar_one())


async def outstanding(connection: Connection, no: int, *, limit: int, with_held: bool = False) -> int:
    """Count the pending deliveries of a replay, and *with_held* the held ones too, up to *limit*."""
    which = OPEN if with_held else f"status = '{Status.PENDING}'"
    statement = text(
        f"SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE replay_no = :no AND {which} LIMIT :limit) AS p"
    )
    return int((await connection.execute(statement, {"no": no, "limit": limit})).scalar_one())


async def pins_of(connection: Connection, numbers: Collection[int]) -> dict[int, dict[str, int]]:
    """Read the pinned versions of the replays with *numbers*; replays without pinned versions are left out."""
    if not numbers:
        return {}
    is_one, bound = sql.one_of(connection, "no", "numbers", BigInteger)
    statement = text(f"SELECT no, pins FROM replays WHERE {is_one} AND pins IS NOT NULL").bindparams(bound)
    rows = await connection.execute(statement, {"numbers": list(numbers)})
    return {no: orjson.loads(pins) for no, pins in rows}


async def take_next(connection: Connection, *, but: Sequence[int] = ()) -> Row | None:
    """Lock and read the running replay that has not been advanced for longest, except replays with numbers in *but*.

    A replay that another worker has locked is skipped.
    """
    is_left_out, numbers = sql.one_of(connection, "r.no", "numbers", BigInteger)
    columns = ", ".join(f"r.{column.name}" for column in _table.columns)
    statement = text(
        f"SELECT {columns} FROM replays AS r JOIN subscriptions AS s ON s.no = r.subscription_no "
        f"WHERE r.status = 'running' AND s.status = 'active' AND NOT {is_left_out} ORDER BY r.updated_ms LIMIT 1 "
        + sql.for_update_skipping(connection, of="r")
    )
    row = (await connection.execute(statement.bindparams(numbers), {"numbers": list(but)})).first()
    return Row(*row) if row else None


async def count_running(connection: Connection, company_id: int) -> int:
    """Count the running replays of a company, except those that catch up after a pause."""
    statement = text(
        "SELECT count(*) FROM replays WHERE company_id = :company AND status = 'running' AND kind <> 'missed'"
    )
    return int((await connection.execute(statement, {"company": company_id})).scalar_one())


async def running(connection: Connection, *, limit: int) -> int:
    """Count the running replays, up to *limit*."""
    statement = text(
        "SELECT count(*) FROM (SELECT 1 FROM replays WHERE status = 'running' LIMIT :limit) AS r"
    )
    return int((await connection.execute(statement, {"limit": limit})).scalar_one())


async def move(connection: Connection, no: int, *, position: int, matched: int) -> None:
    """Note that a replay has read up to *position* and made *matched* more deliveries due."""
    statement = text(
        f"UPDATE replays SET position = :position, matched = matched + :matched, updated_ms = {sql.now_ms(connection)} "
        "WHERE no = :no"
    )
    await connection.execute(statement, {"no": no, "position": position, "matched": matched})


async def end(connection: Connection, no: int, status: str) -> bool:
    """End a running replay with *status*; False if it was not running."""
    statement = text(
        f"UPDATE replays SET status = :status, updated_ms = {sql.now_ms(connection)}, delivered = "
        "(SELECT count(*) FROM deliveries WHERE replay_no = :no AND status = 'delivered') "
        "WHERE no = :no AND status = 'running' "
        "RETURNING id, company_id, subscription_no, matched, delivered"
    )
    result = await connection.execute(statement, {"no": no, "status": status})
    ended = result.first()
    if ended is None:
        return False
    replay_id, company_id, subscription_no, matched, delivered = ended
    of = text("SELECT id, channel, target_url FROM subscriptions WHERE no = :no")
    named = (await connection.execute(of, {"no": subscription_no})).first() or ("", "", "")
    facts = {
        "replay_id": replay_id,
        "subscription": operational.subscription(*named),
        "status": status,
        "matched": matched,
        "delivered": delivered,
    }
    await operational.tell(connection, [News("replay.ended", company_id, facts)])
    if status == "cancelled":
        running = {"status": "running"}
        audit_log.note(
            "replay.cancelled", replay_id, company_id=company_id, before=running, after={"status": status}
        )
    return True


async def withdraw(connection: Connection, no: int) -> set[int]:
    """Withdraw up to ``PIECE`` open deliveries of a cancelled replay.

    Returns the order keys of the deliveries that ended. Each delivery returns to its status before the replay. If it
    was open then, it continues without the replay. If the replay attempted it without success, it is exhausted instead.
    If the replay created it, it is skipped. While open deliveries are left, including deliveries claimed by a worker,
    the replay's ``withdrawing`` stays set.
    """
    statement = text(
        f"SELECT subscription_no, position FROM deliveries WHERE replay_no = :no AND {OPEN} "
        f"AND (claimed_by IS NULL OR ({_WAS_OPEN})) ORDER BY status DESC LIMIT :limit"  # due ones first
    )
    picked = (await connection.execute(statement, {"no": no, "limit": PIECE})).all()
    keys: set[int] = set()
    if picked:
        # By primary key: without good statistics, either database would scan all deliveries of the replay to find them by
        # the replay's number or by a join.
        is_picked, positions = sql.one_of(connection, "position", "positions", BigInteger)
        which = f"subscription_no = :of AND {is_picked} AND COALESCE(replay_no, 0) = :no AND {OPEN}"
        used = {"no": no, "of": picked[0][0], "positions": [row[1] for row in picked]}
        ended = text(
            f"UPDATE deliveries SET status = CASE WHEN attempts > round_start THEN '{Status.EXHAUSTED}' "
            f"ELSE COALESCE(status_before, '{Status.SKIPPED}') END, due_ms = NULL, queued = NULL, claim = claim + 1, "
            f"updated_ms = {sql.now_ms(connection)} WHERE {which} "
            f"AND claimed_by IS NULL AND NOT ({_WAS_OPEN}) RETURNING order_key"
        ).bindparams(positions)
        rows = await connection.execute(ended, used)
        keys = {row[0] for row in rows if row[0] is not None}
        again = text(f"UPDATE deliveries SET replay_no = NULL WHERE {which} AND {_WAS_OPEN}")
        await connection.execute(again.bindparams(positions), used)
    statement = text(
        "UPDATE replays SET withdrawing = CASE WHEN EXISTS (SELECT 1 FROM deliveries WHERE replay_no = :no "
        f"AND {OPEN}) THEN 1 END WHERE no = :no"
    )
    await connection.execute(
        statement.bindparams(bindparam("no", type_=tables.deliveries.c.position.type)), {"no": no}
    )
    return keys


async def withdrawing(connection: Connection) -> dict[int, int]:
    """List the cancelled replays that have deliveries to withdraw, each with its subscription's number."""
    statement = text("SELECT no, subscription_no FROM replays WHERE withdrawing IS NOT NULL ORDER BY no")
    rows = await connection.execute(statement)
    return {row[0]: row[1] for row in rows}


async def end_of_subscription(connection: Connection, subscription_no: int, status: str) -> None:
    """End every running replay of a subscription."""
    statement = text("SELECT no FROM replays WHERE subscription_no = :no AND status = 'running'")
    for row in (await connection.execute(statement, {"no": subscription_no})).all():
        await end(connection, row[0], status)


async def first_claimed(
    connection: Connection, replay: Row, positions: Sequence[int], *, within_ms: int
) -> int | None:
    """Find the first of *positions* with a claimed delivery; None if there is none, or *replay* is older than *within_ms*."""
    statement = text(
        "SELECT min(position) FROM deliveries WHERE subscription_no = :no AND position BETWEEN :first AND :last "
        f"AND claimed_by IS NOT NULL AND :created > {sql.now_ms(connection)} - :within"
    ).bindparams(
        *(bindparam(name, type_=_table.c.created_ms.type) for name in ("created", "within", "first", "last"))
    )
    which = {"no": replay.subscription_no, "first": positions[0], "last": positions[-1]}
    age = {"created": replay.created_ms, "within": within_ms}
    return (await connection.execute(statement, {**which, **age})).scalar()


async def make_due(
    connection: Connection,
    replay: Row,
    positions: Sequence[int],
    *,
    again: bool,
    worker: str | None = None,
    lease_ms: int = 0,
) -> list[Claim]:
    """Make deliveries of the events at *positions* due, and claim them for *worker*, if it is given.

    Returns the deliveries in the order of their positions. Existing deliveries are changed only with *again*. Claimed
    deliveries are never changed, nor are open deliveries that have an order key from an earlier ordering.
    """
    if not positions:
        return []
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"position": "bigint"})
    conflict = (
        f"DO UPDATE SET status = '{Status.PENDING}', due_ms = {now} + :lease, replay_no = :replay, "
        "claim = deliveries.claim + 1, claimed_by = :worker, "
        f"{STATUS_BEFORE}, round_start = deliveries.attempts, order_key = NULL, order_shard = NULL, queued = NULL "
        "WHERE deliveries.claimed_by IS NULL AND (deliveries.order_key IS NULL "
        f"OR NOT deliveries.{OPEN})"
        if again
        else "DO NOTHING"
    )
    statement = text(
        "INSERT INTO deliveries (position, subscription_no, status, attempts, due_ms, claim, claimed_by, replay_no, "
        f"updated_ms) SELECT position, :no, '{Status.PENDING}', 0, {now} + :lease, :claim, :worker, :replay, {now} "
        f"FROM {source} WHERE TRUE ON CONFLICT (position, subscription_no) {conflict} "
        "RETURNING position, subscription_no, attempts, round_start, claim, replay_no"
    ).bindparams(*(bindparam(name, type_=_columns[column].type) for name, column in _BOUND.items()))
    rows = await connection.execute(
        statement,
        {
            "no": replay.subscription_no,
            "replay": replay.no,
            "worker": worker,
            "claim": 0 if worker is None else 1,
            "lease": lease_ms,
            "rows": sql.rows_json([[position] for position in positions]),
        },
    )
    return sorted((Claim(*row) for row in rows), key=lambda claim: claim.position)


async def nth_position(
    connection: Connection, no: int, *, after: int, up_to: int, limit: int, is_open: bool = False
) -> int:
    """Find the position of the *limit*-th delivery of a subscription after *after*; *up_to* if there are fewer.

    If *is_open*, only open deliveries count.
    """
    which = f"{sql.through_index(connection, 'ix_deliveries_open')} WHERE {OPEN} AND" if is_open else "WHERE"
    statement = text(
        f"SELECT position FROM deliveries {which} subscription_no = :no AND position > :after AND position <= :up_to "
        "ORDER BY position LIMIT 1 OFFSET :skipped"
    )
    parameters = {"no": no, "after": after, "up_to": up_to, "skipped": limit - 1}
    row = (await connection.execute(statement, parameters)).first()
    return row[0] if row else up_to


async def failed_positions(
    connection: Connection, subscription_no: int, *, after: int, up_to: int, limit: int
) -> list[int]:
    """List the positions of events whose delivery to a subscription has failed permanently, in log order."""
    statement = text(
        "SELECT position FROM deliveries WHERE subscription_no = :no AND position > :after AND position <= :up_to "
        f"AND status IN ('{Status.EXHAUSTED}', '{Status.REJECTED}', '{Status.GONE}') ORDER BY position LIMIT :limit"
    )
    parameters = {"no": subscription_no, "after": after, "up_to": up_to, "limit": limit}
    rows = await connection.execute(statement, parameters)
    return [row[0] for row in rows]
