"""Releases the order keys of a subscription, piece by piece, after a replay has ended or the ordering was removed.

Releasing a key means making its first open delivery the front (``store.ordering``).

There may be as many keys as events, too many for one transaction. The releasing transaction does the first piece. If
keys are left, it adds a row to the table ``unreleased``, and workers do the other pieces
(``dispatch.upkeep.status_changes``). Until then new deliveries of the subscription wait, so that they do not overtake
earlier ones.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam

from trunkline.model.deliveries import Status
from trunkline.store import ordering, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.deliveries import OPEN
from trunkline.store.ordering import Place
from trunkline.store.sql import text

KEYS = 250
"""The number of keys that one transaction releases."""
_FIRST_KEY = -(2**63)


async def release(connection: Connection, no: int) -> None:
    """Make the first open delivery of each key of a subscription its front.

    The caller has locked the subscription's row. Call this function when a replay has read all its events or was
    cancelled, or when the subscription lost its ordering.
    """
    await _go_on_from(connection, no, _FIRST_KEY)


async def unreleased(connection: Connection, *, limit: int) -> Sequence[int]:
    """List up to *limit* subscriptions whose keys must still be released."""
    statement = text("SELECT subscription_no FROM unreleased ORDER BY subscription_no LIMIT :limit")
    return [row[0] for row in await connection.execute(statement, {"limit": limit})]


async def go_on(connection: Connection, no: int) -> None:
    """Do the next piece for a subscription, unless another transaction is changing the subscription."""
    if not await ordering.lock(connection, [no], skip=True):
        gone = "NOT EXISTS (SELECT 1 FROM subscriptions WHERE no = :no)"
        statement = text(f"DELETE FROM unreleased WHERE subscription_no = :no AND {gone}")
        await connection.execute(statement, {"no": no})
        return
    statement = text("SELECT order_key FROM unreleased WHERE subscription_no = :no")
    row = (await connection.execute(statement, {"no": no})).first()
    if row is not None:
        await _go_on_from(connection, no, row[0])


async def _go_on_from(connection: Connection, no: int, first: int) -> None:
    """Do the piece that begins with the key *first*, and note the key at which the next piece begins.

    A first open delivery becomes the front if it waits and every running replay has read past it.
    """
    # one more key than a piece has, at one index lookup each
    rows_of = f"FROM deliveries AS d WHERE d.subscription_no = :no AND d.order_key IS NOT NULL AND d.{OPEN}"
    statement = text(
        f"WITH RECURSIVE k(order_key) AS (SELECT (SELECT min(d.order_key) {rows_of} AND d.order_key >= :first) "
        f"UNION ALL SELECT (SELECT min(d.order_key) {rows_of} AND d.order_key > k.order_key) "
        "FROM k WHERE k.order_key IS NOT NULL) SELECT order_key FROM k WHERE order_key IS NOT NULL LIMIT :limit"
    )
    rows = await connection.execute(statement, {"no": no, "first": first, "limit": KEYS + 1})
    keys = [row[0] for row in rows]
    if keys:
        # If the first open delivery was claimed behind another one that has ended since, its new due time is the end of a
        # claim's lease, in case the worker that claimed it is dead.
        now = sql.now_ms(connection)
        statement = text(
            f"UPDATE deliveries SET queued = NULL, status = '{Status.PENDING}', "
            f"due_ms = CASE WHEN claimed_by IS NULL THEN {now} ELSE {now} + :lease END "
            f"FROM {ordering.firsts(connection)} WHERE deliveries.position = f.position "
            "AND deliveries.subscription_no = f.no AND (queued = 1 OR (due_ms IS NULL AND claimed_by IS NOT NULL)) "
            f"AND f.position <= (SELECT {ordering.barrier(':no')})"
        ).bindparams(bindparam("no", type_=tables.deliveries.c.position.type))
        places = ordering.places_json([Place(no, key) for key in keys[:KEYS]])
        await connection.execute(statement, {"no": no, "lease": ordering.CLAIM_MS, "rows": places})
    if len(keys) <= KEYS:
        await connection.execute(text("DELETE FROM unreleased WHERE subscription_no = :no"), {"no": no})
        return
    statement = text(
        "INSERT INTO unreleased (subscription_no, order_key) VALUES (:no, :key) "
        "ON CONFLICT (subscription_no) DO UPDATE SET order_key = :key"
    )
    await connection.execute(statement, {"no": no, "key": keys[KEYS]})
