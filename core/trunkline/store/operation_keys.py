"""Idempotency keys of actions: the request that used a key, and its answer.

A key is taken before the action runs, and the answer is stored together with the action's result. If both are done in
the same transaction, the database makes other requests with this key wait. If the action runs outside a transaction, a
lease shows that the action is running.
"""

from msgspec import Struct

from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text


class Key(Struct, frozen=True):
    """An idempotency key and the SHA-256 of its request. *namespace* is the company's id."""

    namespace: int
    text: str
    fingerprint: bytes

    @property
    def name(self) -> dict[str, object]:
        """The values of the primary key's columns."""
        return {"namespace": self.namespace, "key": self.text}


class Use(Struct, frozen=True):
    """The earlier use of a key. While *status* is None, there is no answer; *lapsed* says whether the lease has ended."""

    fingerprint: bytes
    status: int | None
    body: bytes
    lapsed: bool


async def take(
    connection: Connection, key: Key, *, holder: str, lease_ms: int, lifetime_ms: int
) -> Use | None:
    """Take *key* for *holder*, and return None. If *key* was used within *lifetime_ms*, only return that use.

    On PostgreSQL, the function waits for the end of any transaction that has just taken the same key.
    """
    now = sql.now_ms(connection)
    expire = text(
        "DELETE FROM operation_keys WHERE namespace = :namespace AND key = :key "
        f"AND created_ms <= {now} - {lifetime_ms}"
    )
    insert = text(
        "INSERT INTO operation_keys (namespace, key, fingerprint, holder, lease_until_ms, created_ms) "
        f"VALUES (:namespace, :key, :fingerprint, :holder, {now} + :lease_ms, {now}) ON CONFLICT DO NOTHING"
    )
    values = key.name | {"fingerprint": key.fingerprint, "holder": holder, "lease_ms": lease_ms}
    await connection.execute(expire, key.name)
    while True:  # the key may be released before it is read
        if (await connection.execute(insert, values)).rowcount:
            return None
        statement = text(
            f"SELECT fingerprint, status, body, lease_until_ms <= {sql.now_ms(connection)} FROM operation_keys "
            "WHERE namespace = :namespace AND key = :key"
        )
        row = (await connection.execute(statement, key.name)).one_or_none()
        if row is not None:
            return Use(bytes(row[0]), row[1], bytes(row[2] or b""), bool(row[3]))


async def take_over(connection: Connection, key: Key, *, holder: str, lease_ms: int) -> bool:
    """Take *key* from a holder whose lease has ended. Returns False if another request has taken the key or finished."""
    now = sql.now_ms(connection)
    statement = text(
        f"UPDATE operation_keys SET holder = :holder, lease_until_ms = {now} + :lease_ms "
        f"WHERE namespace = :namespace AND key = :key AND status IS NULL AND lease_until_ms <= {now}"
    )
    taken = await connection.execute(statement, key.name | {"holder": holder, "lease_ms": lease_ms})
    return bool(taken.rowcount)


async def finish(connection: Connection, key: Key, *, status: int, body: bytes, holder: str) -> bool:
    """Store the answer of *key*; False if *holder* no longer has the key."""
    statement = text(
        "UPDATE operation_keys SET status = :status, body = :body, holder = NULL, lease_until_ms = NULL "
        "WHERE namespace = :namespace AND key = :key AND holder = :holder"
    )
    finished = await connection.execute(
        statement, key.name | {"status": status, "body": body, "holder": holder}
    )
    return bool(finished.rowcount)


async def give_back(connection: Connection, key: Key, *, holder: str) -> None:
    """Release *key*, which *holder* has taken, so that the request can be repeated."""
    statement = text(
        "DELETE FROM operation_keys WHERE namespace = :namespace AND key = :key AND holder = :holder"
    )
    await connection.execute(statement, key.name | {"holder": holder})
