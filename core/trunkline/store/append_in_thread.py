"""Appends in a single call in the thread of SQLite's connection.

``stream.append`` needs two calls, and the lookup of the key a third.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import cast

from trunkline.model.events import Draft, shard_of
from trunkline.store import sqlite
from trunkline.store.connection import Connection
from trunkline.store.dialects import DIALECTS
from trunkline.store.idempotency import Key
from trunkline.store.keys import is_fresh
from trunkline.store.stream import ROUTING_VERSION, STORED, Appended, Reserved, made

_NOW = DIALECTS["sqlite"].now_ms
_IS_FRESH = f"SELECT 1 FROM api_keys WHERE digest = ? AND {is_fresh(_NOW)}"
_IS_USED = "SELECT 1 FROM idempotency_keys WHERE namespace = ? AND key = ?"
_RESERVE = (
    f"UPDATE stream_head SET position = position + ?, accepted_ms = max(accepted_ms, {_NOW}) "
    "WHERE id = 1 AND companies_version = ? "
    f"RETURNING position, accepted_ms, min(accepted_ms, {_NOW}), ({ROUTING_VERSION})"
)
_INSERT = f"INSERT INTO events ({', '.join(STORED)}, shard) VALUES ({'?, ' * len(STORED)}?)"
_values_of = attrgetter(*STORED)
_REMEMBER = (
    "INSERT INTO idempotency_keys (namespace, key, fingerprint, first_position, count, created_ms) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)


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
    """Append as ``append_at_once.append`` does, and commit. *connection* is in a transaction without statements so far."""
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
            _INSERT, [(*_values_of(event), shard_of(event.company_id, shards)) for event in events]
        )
        opened.executemany(
            _REMEMBER, [(*key[:3], first + key.first_draft, key.drafts, accepted_ms) for key in keys]
        )
        raw.commit_now(opened)
        return [(Appended(events, routing_version),)], None, -1, None

    rows, *_ = await raw.run(work, "", ())
    return rows[0][0] if rows else None
