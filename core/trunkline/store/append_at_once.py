"""Appends events in one round trip to the database. ``stream.append`` takes four, and the lookup of an API key takes another.

On a server, a single statement is the whole transaction. The server writes the ids and the times of acceptance into the
envelopes, because these are known only when the events are inserted. On SQLite, one call in the connection's thread
does all the work.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast

import sqlalchemy
from sqlalchemy import ARRAY, BigInteger, Boolean, Integer, LargeBinary, String, TextClause, bindparam
from sqlalchemy.types import TypeEngine

from trunkline.model.environments import company_number
from trunkline.model.events import Draft, shard_of
from trunkline.store import dialects, epochs, failures, sql, sqlite, tables
from trunkline.store.connection import Connection
from trunkline.store.idempotency import Key
from trunkline.store.keys import is_fresh
from trunkline.store.stream import ROUTING_VERSION, STORED, Appended, Reserved, made

_STORED = ("company_id", "type", "shard", "version", "traceparent")
_KINDS: Mapping[str, TypeEngine[Any]] = {
    **{name: tables.events.c[name].type for name in _STORED},
    "start": LargeBinary(),
    "has_time": Boolean(),
    "rest": LargeBinary(),
}
_TIME = """to_char(to_timestamp(now_ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.MS"Z"')"""
_INSERT = f"""INSERT INTO events (position, accepted_ms, body, {", ".join(_STORED)})
    SELECT before + n, accepted_ms,
        convert_to('{{"id"\\:' || before + n, 'UTF8') || start || convert_to(CASE WHEN has_time THEN '' ELSE {_TIME} END, 'UTF8') || rest,
        {", ".join(_STORED)}
    FROM reserved, unnest({", ".join(f":{name}" for name in _KINDS)}) WITH ORDINALITY AS drafts ({", ".join(_KINDS)}, n)"""
_KEY_KINDS: Mapping[str, TypeEngine[Any]] = {
    "namespace": BigInteger(),
    "key": String(),
    "fingerprint": LargeBinary(),
    "first_draft": Integer(),
    "drafts": Integer(),
}
_KEYS = f"unnest({', '.join(f':{name}' for name in _KEY_KINDS)}) AS given ({', '.join(_KEY_KINDS)})"
_NO_KEY_EXISTS = f"""AND NOT EXISTS (
        SELECT 1 FROM {_KEYS} JOIN idempotency_keys AS known ON known.namespace = given.namespace AND known.key = given.key)"""
_INSERT_KEYS = f""", remembered AS (
    INSERT INTO idempotency_keys (namespace, key, fingerprint, first_position, count, created_ms)
    SELECT namespace, key, fingerprint, before + first_draft + 1, drafts, accepted_ms FROM reserved, {_KEYS})"""


async def append(
    connection: Connection,
    drafts: Sequence[Draft],
    *,
    shards: int,
    references: Mapping[int, str | None],
    companies_version: int,
    keys: Sequence[Key] = (),
    api_keys: Collection[bytes] = (),
) -> Appended | None:
    """Store *drafts* as ``stream.append`` does, and the idempotency *keys*, outside a transaction.

    *references* has the references of the drafts' companies, as of *companies_version*. *api_keys* are the digests of
    API keys that must be valid. If one of them is not valid, if companies have changed since *companies_version*, or if
    one of *keys* exists, the function stores nothing and returns None.
    """
    if dialects.of_connection(connection).has_one_writer:
        return await _append_in_thread(
            connection, drafts, shards, references, companies_version, keys=keys, api_keys=api_keys
        )
    around = [draft.around_time(references.get(company_number(draft.company_id))) for draft in drafts]
    values: dict[str, object] = {
        "company_id": [draft.company_id for draft in drafts],
        "type": [draft.type for draft in drafts],
        "shard": [shard_of(draft.company_id, shards) for draft in drafts],
        "version": [draft.version for draft in drafts],
        "traceparent": [draft.traceparent for draft in drafts],
        "start": [start for start, _ in around],
        "has_time": [bool(draft.created_utc) for draft in drafts],
        "rest": [rest for _, rest in around],
        "total": len(drafts),
        "companies": companies_version,
        "api_keys": list(api_keys),
    }
    if keys:
        values.update(zip(Key._fields, map(list, zip(*keys, strict=True)), strict=True))
    statement = _typed(_statement(connection, has_keys=bool(keys)), has_keys=bool(keys))
    try:
        row = (await connection.execute(statement, values)).one_or_none()
    except Exception as error:
        if keys and failures.is_duplicate(error):  # another request with the same key was faster
            return None
        raise
    if row is None:
        return None
    before, accepted_ms, now_ms, routing_version, is_undisturbed = row
    if not is_undisturbed:  # a subscription may have been made while the statement waited for the log's lock
        routing_version = (await connection.execute(sql.text(ROUTING_VERSION))).scalar_one()
    reserved = Reserved(before + 1, accepted_ms, companies_version, now_ms, routing_version)
    return Appended(made(drafts, reserved, references), routing_version)


def _statement(connection: Connection, *, has_keys: bool) -> str:
    """Return the SQL statement.

    If the statement had to wait for the log's lock, it locks a newer row of ``stream_head`` than its snapshot has.
    """
    now = sql.now_ms(connection)
    step, timeline = epochs.timeline_step(connection)
    return f"""WITH locked AS (
    SELECT xmin AS changed_by FROM stream_head WHERE id = 1 AND {dialects.of_connection(connection).limit_waiting} FOR UPDATE
), reserved AS (
    UPDATE stream_head
    SET position = position + :total + {step}, timeline = {timeline}, accepted_ms = greatest(accepted_ms, {now})
    FROM locked WHERE id = 1 AND companies_version = :companies {_NO_KEY_EXISTS if has_keys else ""}
        AND (SELECT count(*) FROM api_keys WHERE digest = ANY(:api_keys) AND {is_fresh(now)}) = cardinality(:api_keys)
    RETURNING position - :total AS before, accepted_ms, least(accepted_ms, {now}) AS now_ms,
        changed_by = (SELECT xmin FROM stream_head WHERE id = 1) AS is_undisturbed
), inserted AS ({_INSERT}){_INSERT_KEYS if has_keys else ""}
SELECT before, accepted_ms, now_ms, ({ROUTING_VERSION}), is_undisturbed FROM reserved"""


@lru_cache(maxsize=8)
def _typed(statement: str, *, has_keys: bool) -> TextClause:
    kinds = {**_KINDS, "api_keys": LargeBinary(), **(_KEY_KINDS if has_keys else {})}
    return sqlalchemy.text(statement).bindparams(
        *(bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items())
    )


_NOW = dialects.DIALECTS["sqlite"].now_ms
_IS_FRESH = f"SELECT 1 FROM api_keys WHERE digest = ? AND {is_fresh(_NOW)}"
_IS_USED = "SELECT 1 FROM idempotency_keys WHERE namespace = ? AND key = ?"
_RESERVE = (
    f"UPDATE stream_head SET position = position + ?, accepted_ms = max(accepted_ms, {_NOW}) "
    "WHERE id = 1 AND companies_version = ? "
    f"RETURNING position, accepted_ms, min(accepted_ms, {_NOW}), ({ROUTING_VERSION})"
)
_INSERT_ROW = f"INSERT INTO events ({', '.join(STORED)}, shard) VALUES ({'?, ' * len(STORED)}?)"
_values_of = attrgetter(*STORED)
_INSERT_KEY = (
    "INSERT INTO idempotency_keys (namespace, key, fingerprint, first_position, count, created_ms) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)


async def _append_in_thread(
    connection: Connection,
    drafts: Sequence[Draft],
    shards: int,
    references: Mapping[int, str | None],
    companies_version: int,
    *,
    keys: Sequence[Key],
    api_keys: Collection[bytes],
) -> Appended | None:
    """Append as ``append`` does, and commit, in one call in the thread of SQLite's connection.

    *connection* is in a transaction without statements so far.
    """
    raw = cast("sqlite.OneWayConnection", (await connection.get_raw_connection()).driver_connection)

    def work(opened: sqlite3.Connection, *_: object) -> sqlite.Outcome:
        is_refused = any(opened.execute(_IS_FRESH, (digest,)).fetchone() is None for digest in api_keys)
        if is_refused or any(opened.execute(_IS_USED, key[:2]).fetchone() for key in keys):
            return [], None, -1, None
        row = opened.execute(_RESERVE, (len(drafts), companies_version)).fetchone()
        if row is None:
            return [], None, -1, None
        last, accepted_ms, now_ms, routing_version = row
        first = last - len(drafts) + 1
        reserved = Reserved(first, accepted_ms, companies_version, now_ms, routing_version)
        events = made(drafts, reserved, references)
        opened.executemany(
            _INSERT_ROW, [(*_values_of(event), shard_of(event.company_id, shards)) for event in events]
        )
        opened.executemany(
            _INSERT_KEY, [(*key[:3], first + key.first_draft, key.drafts, accepted_ms) for key in keys]
        )
        raw.commit_now(opened)
        return [(Appended(events, routing_version),)], None, -1, None

    rows, *_ = await raw.run(work, "", ())
    return rows[0][0] if rows else None
