"""Emitting: one INSERT in the transaction of the caller, with any of the supported libraries."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol, overload

from trunkline_client.outbox.validation import Schemas
from trunkline_client.wire import write_json

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import MetaData

CHANNEL = "trunkline_outbox"
"""The channel of NOTIFY on PostgreSQL to which the relay listens."""
MAX_KEY = 200
_INSERT = "INSERT INTO trunkline_outbox (event_key, event) VALUES ({}, {})"
_INSERT_AND_NOTIFY = f"WITH emitted AS ({_INSERT}) SELECT pg_notify('{CHANNEL}', '')"


class Asynchronous(Protocol):
    """A session or connection for asyncio: of SQLAlchemy, psycopg or asyncpg."""

    @property
    def execute(self) -> Callable[..., Awaitable[Any]]:
        """Run a statement."""
        ...


class Outbox:
    """Writes events into the table ``trunkline_outbox``.

    *metadata* is SQLAlchemy's: the tables are added to it, so that your migrations make them. *schemas* is a mapping
    from event types to JSON Schemas (``fetch_schemas``), or a folder with a file ``<type>.json`` for each, and
    ``<type>@<version>.json`` for each earlier version that you emit. Without
    *schemas*, events are not validated here, and the relay marks events that the hub refuses and does not send them
    again.
    """

    def __init__(
        self,
        metadata: MetaData | None = None,
        *,
        schemas: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    ) -> None:
        self._schemas = None if schemas is None else Schemas(schemas)
        if metadata is not None:
            from trunkline_client.outbox.tables import add_tables  # noqa: PLC0415 - others do without SQLAlchemy

            add_tables(metadata)

    @overload
    def emit(  # pyright: ignore[reportOverlappingOverload] - any session that is none of these blocks
        self,
        session: Asynchronous,
        type: str,
        payload: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        version: int | None = None,
        company: int | str | None = None,
        key: str | None = None,
    ) -> Awaitable[str]: ...
    @overload
    def emit(
        self,
        session: Any,
        type: str,
        payload: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        version: int | None = None,
        company: int | str | None = None,
        key: str | None = None,
    ) -> str: ...
    def emit(
        self,
        session: Any,
        type: str,
        payload: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        version: int | None = None,
        company: int | str | None = None,
        key: str | None = None,
    ) -> str | Awaitable[str]:
        """Write an event in the transaction of *session*; return its key, which becomes ``metadata.outbox_key``.

        *session* is a session or connection of SQLAlchemy, Django's ``connection``, or a connection of psycopg, asyncpg
        or another DB-API driver. If *session* is for asyncio, await the call. *version* is that of *payload*; the type's
        newest, if unset. *company* is an id or a reference; only a relay with an operator's key needs it. A *key* is
        unique in the table: a second row with the same key raises IntegrityError.

        Raises:
            EventInvalid: *type* is unknown, or *payload* breaks its schema.
            ValueError: *key* is too long, or the type's schema cannot be used.
            TypeError: *session* is an engine.
        """
        if key is not None and not 0 < len(key) <= MAX_KEY:
            msg = f"key must have 1 to {MAX_KEY} characters, not {len(key)}"
            raise ValueError(msg)
        key = key or secrets.token_urlsafe(18)
        content = write_json(payload).decode()
        if self._schemas is not None:
            self._schemas.check(type, json.loads(content), version=version)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head: dict[str, Any] = {
            "type": type,
            "createdUtc": now,
            "metadata": {**(metadata or {}), "outbox_key": key},
        }
        if version is not None:
            head["version"] = version
        if company is not None:
            head["companyId"] = company
        event = f'{write_json(head).decode()[:-1]},"payload":{content}}}'
        return _insert(session, key, event)


def _insert(session: Any, key: str, event: str) -> str | Awaitable[str]:
    libraries = {base.__module__.partition(".")[0] for base in type(session).__mro__}
    if hasattr(session, "run_sync"):
        return _after(session.run_sync(_insert, key, event), key)
    if "sqlalchemy" in libraries:
        if hasattr(session, "flush"):
            session.flush()  # flush the pending changes first: they may wait for locks of other transactions
            session = session.connection()
        if not hasattr(session, "exec_driver_sql"):
            msg = f"emit takes a session or a connection, in the transaction of your change, not {type(session).__name__}"
            raise TypeError(msg)
        is_postgresql = session.dialect.name == "postgresql"
        mark = {"sqlite": "?"}.get(session.dialect.name, "%s")
        if session.dialect.paramstyle.startswith("numeric"):  # asyncpg
            mark = "$"
        session.exec_driver_sql(_statement(mark, notify=is_postgresql), (key, event))
        return key
    if "asyncpg" in libraries:
        return _after(session.execute(_statement("$", notify=True), key, event), key)
    if "psycopg" in libraries:
        done = session.execute(_statement("%s", notify=True), (key, event))
        return _after(done, key) if asyncio.iscoroutine(done) else key
    if "sqlite3" in libraries:
        session.execute(_statement("?"), (key, event))
        return key
    notify = getattr(session, "vendor", "") == "postgresql" or "psycopg2" in libraries
    with session.cursor() as cursor:
        cursor.execute(_statement("%s", notify=notify), (key, event))
    return key


def _statement(mark: str, *, notify: bool = False) -> str:
    marks = ("$1", "$2") if mark == "$" else (mark, mark)
    return (_INSERT_AND_NOTIFY if notify else _INSERT).format(*marks)


async def _after(done: Awaitable[Any], key: str) -> str:
    await done
    return key
