"""Appending by one statement that is its own transaction: one round trip to a server where ``stream.append`` takes four.

The server writes the ids and the times of acceptance into the envelopes, since they are known only when the events are inserted.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import sqlalchemy
from sqlalchemy import ARRAY, Boolean, LargeBinary, TextClause, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.model.environments import company_number
from trunkline.model.events import Draft, shard_of
from trunkline.store import epochs, sql, tables
from trunkline.store.stream import ROUTING_VERSION, Appended, Reserved, made

_STORED = ("company_id", "type", "shard", "version", "traceparent")
_KINDS = {name: tables.events.c[name].type for name in _STORED} | {
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


async def append(
    connection: AsyncConnection,
    drafts: Sequence[Draft],
    *,
    shards: int,
    references: Mapping[int, str | None],
    companies_version: int,
) -> Appended | None:
    """Store *drafts* as ``stream.append`` does, outside a transaction.

    *references* has the references of their companies, as of *companies_version*. If companies have changed since then, nothing
    is stored, and the result is None.
    """
    around = [draft.around_time(references.get(company_number(draft.company_id))) for draft in drafts]
    values = {
        "company_id": [draft.company_id for draft in drafts],
        "type": [draft.type for draft in drafts],
        "shard": [shard_of(draft.company_id, shards) for draft in drafts],
        "version": [draft.version for draft in drafts],
        "traceparent": [draft.traceparent for draft in drafts],
        "start": [start for start, _ in around],
        "has_time": [bool(draft.created_utc) for draft in drafts],
        "rest": [rest for _, rest in around],
        "count": len(drafts),
        "companies": companies_version,
    }
    row = (await connection.execute(_typed(_statement(connection)), values)).one_or_none()
    if row is None:
        return None
    before, accepted_ms, now_ms, routing_version, is_undisturbed = row
    if not is_undisturbed:  # a subscription may have been made while the statement waited for the log's lock
        routing_version = (await connection.execute(sql.text(ROUTING_VERSION))).scalar_one()
    reserved = Reserved(before + 1, accepted_ms, companies_version, now_ms, routing_version)
    return Appended(made(drafts, reserved, references), routing_version)


def _statement(connection: AsyncConnection) -> str:
    """Give the statement. The snapshot's row of ``stream_head`` is another than the locked one if somebody held the log's lock."""
    now = sql.now_ms(connection)
    step, timeline = epochs.timeline_step(connection)
    return f"""WITH locked AS (
    SELECT xmin AS changed_by FROM stream_head WHERE id = 1 AND {sql.limit_waiting(connection)} FOR UPDATE
), reserved AS (
    UPDATE stream_head SET position = position + :count + {step}, timeline = {timeline}, accepted_ms = greatest(accepted_ms, {now})
    FROM locked WHERE id = 1 AND companies_version = :companies
    RETURNING position - :count AS before, accepted_ms, least(accepted_ms, {now}) AS now_ms,
        changed_by = (SELECT xmin FROM stream_head WHERE id = 1) AS is_undisturbed
), inserted AS ({_INSERT})
SELECT before, accepted_ms, now_ms, ({ROUTING_VERSION}), is_undisturbed FROM reserved"""


@lru_cache(maxsize=8)
def _typed(statement: str) -> TextClause:
    return sqlalchemy.text(statement).bindparams(
        *(bindparam(name, type_=ARRAY(kind)) for name, kind in _KINDS.items())
    )
