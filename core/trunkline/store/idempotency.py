"""Idempotency keys of event writes: the request that used a key, and the events that it made."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import bindparam

from trunkline.store import sql, tables
from trunkline.store.connection import Connection
from trunkline.store.sql import text


class Use(Struct, frozen=True):
    """The first use of a key: the SHA-256 of its request, and *count* positions of events from *first_position* on."""

    namespace: int
    key: str
    fingerprint: bytes
    first_position: int
    count: int


class Key(NamedTuple):
    """A request's key that is to be stored. It covers *drafts* drafts, starting at the index *first_draft*."""

    namespace: int
    key: str
    fingerprint: bytes
    first_draft: int
    drafts: int


async def find(
    connection: Connection, keys: Collection[tuple[int, str]], *, lifetime_ms: int
) -> dict[tuple[int, str], Use]:
    """Find which of *keys* (namespace, key) were used within *lifetime_ms*.

    The caller must hold the log's lock, so that no other request with the same key is being accepted.
    """
    if not keys:
        return {}
    statement = text(
        "SELECT namespace, key, fingerprint, first_position, count FROM idempotency_keys "
        "WHERE namespace IN :namespaces AND key IN :keys "
        f"AND +created_ms > {sql.now_ms(connection)} - {lifetime_ms}"  # plus keeps out the index by time, which has all keys of a day
    ).bindparams(bindparam("namespaces", expanding=True), bindparam("keys", expanding=True))
    rows = await connection.execute(statement, named(keys))
    uses = (Use(row[0], row[1], bytes(row[2]), row[3], row[4]) for row in rows)
    return {(use.namespace, use.key): use for use in uses if (use.namespace, use.key) in keys}


async def remember(connection: Connection, uses: Sequence[Use], *, now_ms: int, lifetime_ms: int) -> None:
    """Store *uses*. They replace keys that are older than *lifetime_ms*."""
    statement = text(
        "DELETE FROM idempotency_keys WHERE namespace IN :namespaces AND key IN :keys AND created_ms <= :edge"
    ).bindparams(bindparam("namespaces", expanding=True), bindparam("keys", expanding=True))
    edge = {"edge": now_ms - lifetime_ms}
    await connection.execute(statement, edge | named({(use.namespace, use.key) for use in uses}))
    columns = sql.columns_of(uses, Use.__struct_fields__) | {"created_ms": [now_ms] * len(uses)}
    await sql.insert_columns(connection, tables.idempotency_keys, columns)


async def forget(connection: Connection, keys: Collection[tuple[int, str]]) -> None:
    """Remove the uses of *keys*."""
    statement = text("DELETE FROM idempotency_keys WHERE namespace = :namespace AND key = :key")
    await connection.execute(statement, [{"namespace": namespace, "key": key} for namespace, key in keys])


def named(keys: Collection[tuple[int, str]]) -> dict[str, object]:
    """Return the parameters ``namespaces`` and ``keys`` of a statement that finds *keys*, and also mixes of both parts."""
    return {
        "namespaces": sorted({namespace for namespace, _ in keys}),
        "keys": sorted({key for _, key in keys}),
    }
