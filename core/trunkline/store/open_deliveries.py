"""Changes, piece by piece, the open deliveries of a subscription that is paused, resumed, disabled or deleted.

There may be a million open deliveries, too many for one transaction. The transaction that changes the subscription does the
first piece. If more deliveries are left, it adds a row to the table ``unsettled``, and workers do the other pieces
(``dispatch.upkeep.status_changes``). If many subscriptions are disabled at once, workers do all pieces of most of them.
"""

from collections.abc import Sequence
from enum import StrEnum

from trunkline.model.deliveries import Status
from trunkline.store import releasing, sql
from trunkline.store.connection import Connection
from trunkline.store.deliveries import OPEN
from trunkline.store.sql import text

PIECE = 500
"""The number of deliveries that one transaction changes."""
AT_ONCE = 2
"""The number of subscriptions whose first piece is done in the transaction that changes the subscriptions.

A hundred subscriptions may be disabled at once, and other transactions wait for their locks.
"""
LOOKED_AT = 5_000
"""The number of open deliveries that one piece reads. Of half a million ordered deliveries, few may have to be changed."""


class Change(StrEnum):
    """A change of open deliveries: hold them until the subscription resumes, make them due, or end them as ``gone``."""

    PARK = "park"
    WAKE = "wake"
    END = "end"


_WHICH = {
    Change.PARK: f"status = '{Status.PENDING}' AND due_ms IS NOT NULL AND claimed_by IS NULL",
    Change.WAKE: f"{OPEN} AND due_ms IS NULL AND queued IS NULL AND claimed_by IS NULL",
    Change.END: OPEN,
}
"""The deliveries that each change applies to.

A delivery that waits behind another one of its order key stays queued when other deliveries become due.
"""
_HOW = {
    Change.PARK: "due_ms = NULL, claim = claim + 1, claimed_by = NULL",
    Change.WAKE: f"status = '{Status.PENDING}', due_ms = {{now}}",
    Change.END: f"status = '{Status.GONE}', due_ms = NULL, claim = claim + 1, claimed_by = NULL, updated_ms = {{now}}",
}


async def apply(connection: Connection, subscription_no: int, change: Change) -> None:
    """Do the first piece of *change* for the open deliveries of a subscription; the caller has locked its row.

    The remaining pieces of an earlier change are dropped. Deliveries that are written later follow the subscription's status at
    that time.
    """
    statement = text(
        f"SELECT max(position) FROM {_open_ones(connection)} WHERE subscription_no = :no AND {OPEN}"
    )
    last = (await connection.execute(statement, {"no": subscription_no})).scalar()
    reached = None
    if last is not None:
        reached = await _piece(connection, subscription_no, change, after=0, last=last)
    if reached is None:
        await _forget(connection, subscription_no)
        return
    statement = text(
        "INSERT INTO unsettled (subscription_no, change, position, last) VALUES (:no, :change, :position, :last) "
        "ON CONFLICT (subscription_no) DO UPDATE SET change = :change, position = :position, last = :last"
    )
    row = {"no": subscription_no, "change": change.value, "position": reached, "last": last}
    await connection.execute(statement, row)


async def apply_to_all(connection: Connection, subscription_nos: Sequence[int], change: Change) -> None:
    """Do the first piece of *change* for the first ``AT_ONCE`` subscriptions, and leave the others to the workers.

    Two statements suffice for the others, whatever their number.
    """
    for no in subscription_nos[:AT_ONCE]:
        await apply(connection, no, change)
    left = subscription_nos[AT_ONCE:]
    if not left:
        return
    source = sql.rows_source(connection, {"no": "bigint"})
    used = {"rows": sql.rows_json([[no] for no in left])}
    statement = text(f"DELETE FROM unsettled WHERE subscription_no IN (SELECT no FROM {source})")
    await connection.execute(statement, used)
    last = f"(SELECT max(position) FROM {_open_ones(connection)} WHERE subscription_no = u.no AND {OPEN})"
    statement = text(
        "INSERT INTO unsettled (subscription_no, change, position, last) "
        f"SELECT no, :change, 0, last FROM (SELECT u.no, {last} AS last FROM {source}) AS found WHERE last IS NOT NULL"
    )
    await connection.execute(statement, {**used, "change": change.value})


async def unsettled(connection: Connection, *, limit: int) -> Sequence[int]:
    """List up to *limit* subscriptions whose open deliveries must still be changed."""
    statement = text("SELECT subscription_no FROM unsettled ORDER BY subscription_no LIMIT :limit")
    return [row[0] for row in await connection.execute(statement, {"limit": limit})]


async def go_on(connection: Connection, subscription_no: int) -> None:
    """Do the next piece for a subscription, unless another transaction is changing the subscription.

    To avoid deadlocks, it locks the subscription's row first, as every change of a subscription does.
    """
    parameters = {"no": subscription_no}
    locking = sql.for_update_skipping(connection)
    statement = text(f"SELECT 1 FROM subscriptions WHERE no = :no {locking}")
    if (await connection.execute(statement, parameters)).first() is None:
        gone = "NOT EXISTS (SELECT 1 FROM subscriptions WHERE no = :no)"
        statement = text(f"DELETE FROM unsettled WHERE subscription_no = :no AND {gone}")
        await connection.execute(statement, parameters)
        return
    statement = text("SELECT change, position, last FROM unsettled WHERE subscription_no = :no")
    row = (await connection.execute(statement, parameters)).first()
    if row is None:
        return
    change = Change(row[0])
    reached = await _piece(connection, subscription_no, change, after=row[1], last=row[2])
    if reached is None:
        # A row written meanwhile may be queued behind a delivery that has now ended.
        if change is Change.END:
            await releasing.release(connection, subscription_no)
        await _forget(connection, subscription_no)
        return
    statement = text("UPDATE unsettled SET position = :position WHERE subscription_no = :no")
    await connection.execute(statement, {"no": subscription_no, "position": reached})


async def _piece(
    connection: Connection, subscription_no: int, change: Change, *, after: int, last: int
) -> int | None:
    """Change the next open deliveries after *after*, up to *last*. Returns the position reached; None if none are left."""
    within = f"FROM {_open_ones(connection)} WHERE subscription_no = :no AND {OPEN} AND position > :after AND position <= :last"
    used = {"no": subscription_no, "after": after, "last": last}
    statement = text(f"SELECT position {within} ORDER BY position LIMIT 1 OFFSET :skipped")
    edge = (await connection.execute(statement, {**used, "skipped": LOOKED_AT - 1})).scalar()
    used["last"] = last if edge is None else edge
    statement = text(f"SELECT position {within} AND {_WHICH[change]} ORDER BY position LIMIT :limit")
    positions = [row[0] for row in await connection.execute(statement, {**used, "limit": PIECE})]
    if positions:
        how = _HOW[change].format(now=sql.now_ms(connection))
        statement = text(
            f"UPDATE deliveries SET {how} WHERE subscription_no = :no AND {OPEN} "
            f"AND position BETWEEN :first AND :last AND {_WHICH[change]}"
        )
        parameters = {"no": subscription_no, "first": positions[0], "last": positions[-1]}
        await connection.execute(statement, parameters)
    return positions[-1] if len(positions) == PIECE else edge


def _open_ones(connection: Connection) -> str:
    """Return the deliveries' SQL with the index of open ones, because few of a million deliveries may be open."""
    return f"deliveries {sql.through_index(connection, 'ix_deliveries_open')}"


async def _forget(connection: Connection, subscription_no: int) -> None:
    statement = text("DELETE FROM unsettled WHERE subscription_no = :no")
    await connection.execute(statement, {"no": subscription_no})
