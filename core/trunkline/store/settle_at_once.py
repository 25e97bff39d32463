"""Settles first attempts on a server, if all of them succeeded, with one statement that is its own transaction.

This takes one round trip instead of the usual six, and needs no row lock of a subscription.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy
from sqlalchemy import ARRAY, BigInteger, Boolean, Integer, String, Text, TextClause, bindparam
from sqlalchemy.types import TypeEngine

from trunkline.model.deliveries import Status
from trunkline.store import shards, sql
from trunkline.store.connection import Connection
from trunkline.store.deliveries import Attempt
from trunkline.store.shards import Lease, Reached

_LOGGED: Mapping[str, TypeEngine[Any]] = {
    "position": BigInteger(),
    "subscription_no": BigInteger(),
    "number": Integer(),
    "started_ms": BigInteger(),
    "duration_ms": Integer(),
    "outcome": String(),
    "status_code": Integer(),
    "response_body": Text(),
    "error": Text(),
    "sent_twice": Boolean(),
}
_DELIVERED = f"unnest({', '.join(f':{name}' for name in _LOGGED)}) AS delivered ({', '.join(_LOGGED)})"
_INSERT = f"""recorded AS (
    INSERT INTO deliveries (position, subscription_no, status, attempts, last_status_code, claim, updated_ms)
    SELECT position, subscription_no, '{Status.DELIVERED}', number, status_code, 0, now_ms FROM fit, {_DELIVERED} WHERE fits
    ON CONFLICT DO NOTHING
), logged AS (
    INSERT INTO attempts ({", ".join(_LOGGED)}) SELECT {", ".join(_LOGGED)} FROM fit, {_DELIVERED} WHERE fits
    ON CONFLICT DO NOTHING
)"""


async def settle(
    connection: Connection,
    worker: str,
    leases: Sequence[Lease],
    attempts: Sequence[Attempt],
    *,
    subscriptions: Collection[int],
) -> bool:
    """Store the progress of *leases*, and the deliveries whose first attempts are *attempts*, outside a transaction.

    All of *attempts* have succeeded, and *leases* are of whole shards. If *worker* has lost one of *leases*, or if one
    of *subscriptions* has failures since its last success, nothing is stored and the result is False.
    """
    values: dict[str, object] = {
        **sql.columns_of(attempts, _LOGGED),
        "sent_twice": [attempt.sent_twice or None for attempt in attempts],
        "worker": worker,
        "lease_count": len(leases),
        "rows": shards.rows_of(leases),
        "subscriptions": list(subscriptions),
    }
    statement = _typed(_statement(connection))
    return bool((await connection.execute(statement, values)).scalar_one())


def _statement(connection: Connection) -> str:
    leases = sql.rows_source(connection, shards.LEASES)
    is_held = "shards.shard = u.shard AND shards.epoch = u.epoch AND holder = :worker"
    moved = ", ".join(f"{name} = u.{name}" for name in Reached._fields)
    return f"""WITH held AS (
    SELECT shards.shard FROM shards JOIN {leases} ON {is_held} FOR UPDATE OF shards
), fit AS (
    SELECT {sql.now_ms(connection)} AS now_ms, (SELECT count(*) FROM held) = :lease_count AND NOT EXISTS (
        SELECT 1 FROM subscriptions WHERE no = ANY(:subscriptions) AND (failures > 0 OR failing_level IS NOT NULL)) AS fits
), moved AS (
    UPDATE shards SET {moved} FROM {leases} WHERE {is_held} AND (SELECT fits FROM fit) RETURNING 1
), {_INSERT}
SELECT fits FROM fit"""


@lru_cache(maxsize=8)
def _typed(statement: str) -> TextClause:
    kinds = {**_LOGGED, "subscriptions": BigInteger()}
    return sqlalchemy.text(statement).bindparams(
        *(bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items())
    )
