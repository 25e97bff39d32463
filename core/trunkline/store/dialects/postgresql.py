"""PostgreSQL: a server that several processes share."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import ARRAY, BindParameter, Table, TextClause, bindparam, event, exc
from sqlalchemy.schema import CreateSchema
from sqlalchemy.types import TypeEngine

from trunkline.store.connection import Connection
from trunkline.store.dialects.dialect import Access, ConnectionRoom, Dialect, ReadOnly
from trunkline.store.direct import Driver

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from trunkline.store.notifications import Notifications

IDLE_MS = 5_000
"""How long a transaction that blocks others may be idle; its process may be frozen, or cut off from the network."""
LOCK_MS = 8_000
"""How long to wait for the log's lock. It is longer than ``IDLE_MS``, after which an idle holder loses the lock."""
# Advisory locks are shared by the whole database, so hubs in other schemas use other keys.
_KEY = "CAST(:lock AS bigint) + CASE WHEN current_schema() <> 'public' THEN hashtext(current_schema()) ELSE 0 END"
_ADVISORY_LOCK = sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_KEY})")
_TRY_ADVISORY_LOCK = sqlalchemy.text(f"SELECT pg_try_advisory_xact_lock({_KEY})")
WORKERS = 0x74726C6B
"""The first of the two numbers of a worker's lock; it distinguishes worker locks from other locks of the database."""
WORKER_LOCKS = (
    "SELECT CAST(objid AS bigint) AS no FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "
    f"AND classid = {WORKERS} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_BY_INDEX = sqlalchemy.text("SELECT set_config('enable_seqscan', 'off', true)")
_SKIP_NUMBERS = sqlalchemy.text(
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, "
    "least(COALESCE(last_value, start_value) + CAST(:count AS bigint), max_value)) "
    "FROM pg_sequences WHERE schemaname = current_schema()"
)
_LITTLE_MEMORY = sqlalchemy.text("SELECT set_config('work_mem', '64kB', true)")
_SPILL = sqlalchemy.text("SELECT count(*) FROM generate_series(1, 10000)")
_PLACE = sqlalchemy.text("SELECT current_schema(), current_database(), current_user")
_VERSION = sqlalchemy.text("SHOW server_version")
LOCK_WAIT_MS = 300
"""How long a migration step waits for a lock before it gives up and tries again; accepting events is blocked meanwhile."""
_SHORT_LOCKS = sqlalchemy.text(f"SELECT set_config('lock_timeout', '{LOCK_WAIT_MS}', true)")
_STAND_STILL = sqlalchemy.text("SET LOCAL idle_in_transaction_session_timeout = 0")
_IS_VALID = sqlalchemy.text(
    "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(quote_ident(:name))"
)
_BYTES_PER_ROW = 100  # the table was never analyzed
_ROWS = sqlalchemy.text(
    "SELECT pg_relation_size(oid) * CASE WHEN relpages > 0 THEN reltuples / relpages / CAST(current_setting('block_size') AS int) "
    f"ELSE 1.0 / {_BYTES_PER_ROW} END FROM pg_class WHERE oid = to_regclass(quote_ident(:name))"
)
_HAS_SCHEMA = sqlalchemy.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
_SESSION = sqlalchemy.text(
    "SELECT current_user, current_schema(), pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'"
)
_LACKING = sqlalchemy.text(
    "SELECT privilege, min(relname), count(*) FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) "
    "WITH ORDINALITY AS p (privilege, place) WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) "
    "AND relname = ANY (:tables) AND NOT has_table_privilege(pg_class.oid, privilege) GROUP BY privilege, place ORDER BY place"
).bindparams(sqlalchemy.bindparam("tables", type_=sqlalchemy.ARRAY(sqlalchemy.Text)))
_ROOM = sqlalchemy.text("""
    WITH sessions AS ( -- backend_type is NULL for sessions of other roles
        SELECT datid, usesysid FROM pg_stat_activity WHERE COALESCE(backend_type, 'client backend') = 'client backend'
            AND datid IS NOT NULL AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
    ),
    limits AS (
        SELECT CAST(current_setting('max_connections') AS int) - CAST(current_setting('superuser_reserved_connections') AS int)
            - COALESCE(CAST(current_setting('reserved_connections', true) AS int), 0) AS most, (SELECT count(*) FROM sessions) AS taken
        UNION ALL SELECT rolconnlimit, (SELECT count(*) FROM sessions WHERE usesysid = r.oid)
            FROM pg_roles AS r WHERE rolname = current_user AND rolconnlimit >= 0
        UNION ALL SELECT datconnlimit, (SELECT count(*) FROM sessions WHERE datid = d.oid)
            FROM pg_database AS d WHERE datname = current_database() AND datconnlimit >= 0
    ) SELECT min(most), min(most - taken) FROM limits
""")


def _replace_closed(connection: Any, *_: object) -> None:
    """Make the pool replace a connection that the server has closed, before a call fails on it."""
    if connection.driver_connection.is_closed():
        raise exc.DisconnectionError


class PostgreSQL(Dialect):
    """A server that several processes share. Rows are locked, and NOTIFY wakes other processes.

    Autovacuum keeps the statistics up to date. PostgreSQL has no clause that forces an index.
    """

    name = "postgresql"
    has_one_writer = False
    now_ms = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    greatest = "greatest"
    json_array = "json_agg"
    row_among = "ctid = ANY (ARRAY(SELECT ctid {picking}))"
    # It is part of a statement that is sent anyway: no round trip, it ends with the transaction, and every pooler passes it on.
    limit_idling = f"(SELECT set_config('idle_in_transaction_session_timeout', '{IDLE_MS}', true))"
    has_table = "SELECT to_regclass(CAST(:name AS text)) IS NOT NULL"
    worker_locks = WORKER_LOCKS
    timeline = "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
    limit_waiting = f"set_config('lock_timeout', '{LOCK_MS}', true) IS NOT NULL"
    lazily = "set_config('synchronous_commit', 'off', true) IS NOT NULL"
    index_seconds_per_row = 0.7e-6

    def connect(self, access: Access, *, pool_size: int) -> "tuple[AsyncEngine, AsyncEngine]":
        """Make one pool for both engines; the engine that reads commits each statement."""
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - it loads SQLAlchemy's ORM

        from trunkline.store.servers import Server  # noqa: PLC0415 - a hub on SQLite needs no asyncpg

        server = Server(access.url, schema=access.schema)
        writer = create_async_engine(
            "postgresql+asyncpg://",  # ``Server`` connects by *url*
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            connect_args={"async_creator_fn": server.connect, "command_timeout": access.answer_seconds},
        )
        event.listen(writer.sync_engine, "checkout", _replace_closed)
        return writer.execution_options(isolation_level="AUTOCOMMIT"), writer

    async def connect_directly(self, access: Access) -> Driver:
        """Connect to the server."""
        from trunkline.store.drivers_postgresql import PostgreSQLDriver  # noqa: PLC0415
        from trunkline.store.servers import Server  # noqa: PLC0415

        server = Server(access.url, schema=access.schema)
        return await PostgreSQLDriver.over(await server.connect(command_timeout=access.answer_seconds))

    def readers(self, pool_size: int) -> int:
        """Return the size of the pool, whose connections also write."""
        return pool_size

    def file_of(self, url: str) -> Path | None:
        """Check *url*; returns None, because a server holds the database."""
        from trunkline.store.servers import Server  # noqa: PLC0415

        Server(url)
        return None

    async def shares_connections(self, connection: Connection, server: str, schema: str | None) -> bool:
        """If there is a pooler, check it over a second connection."""
        from trunkline.store import poolers  # noqa: PLC0415
        from trunkline.store.servers import Server  # noqa: PLC0415

        driver: Any = (await connection.get_raw_connection()).driver_connection
        is_shared = await poolers.shares_connections(driver, Server(server, schema=schema).connect)
        shown = "SELECT current_setting('search_path')"
        if is_shared and schema is not None and await driver.fetchval(shown) != schema:
            raise poolers.SchemaDropped(schema)
        return is_shared

    def notifications(self, url: str) -> "Notifications | None":
        """Return the notifications of the server (NOTIFY)."""
        from trunkline.store.notifications import Notifications  # noqa: PLC0415
        from trunkline.store.servers import Server  # noqa: PLC0415

        return Notifications(Server(url))

    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:
        """Return the locking clause."""
        return f"FOR {strength}{f' OF {of}' if of else ''}{' SKIP LOCKED' if skip else ''}"

    async def place(self, connection: Connection) -> tuple[str, str]:
        """Name the schema with its database, and the role."""
        schema, database, role = (await connection.execute(_PLACE)).one()
        place = f"the schema '{schema or 'public'}' of the database '{database}'"
        return place, f"the database's role '{role}'"

    async def product(self, connection: Connection) -> str:
        """Read the name and version from the server."""
        version = (await connection.execute(_VERSION)).scalar_one()
        return f"PostgreSQL {str(version).partition(' ')[0]}"

    async def connection_room(self, connection: Connection) -> ConnectionRoom:
        """Apply the lowest of three limits: of the server (less reserved connections), of the database, and of the role."""
        most, free = (await connection.execute(_ROOM)).one()
        return ConnectionRoom(most=int(most), free=max(int(free), 0))

    async def why_read_only(self, connection: Connection, tables: Sequence[str]) -> ReadOnly | None:
        """Find the reason in the server's state and the role's privileges; missing tables are skipped."""
        role, schema, is_standby, is_read_only = (await connection.execute(_SESSION)).one()
        if is_standby:
            return ReadOnly(
                "the database's server is a standby, which takes no writes",
                "name the primary in database.url; of several hosts 'target_session_attrs=read-write' takes it",
            )
        if is_read_only:
            return ReadOnly(
                f"the database's role '{role}' is read-only here, as default_transaction_read_only is on",
                f"run 'ALTER ROLE {role} SET default_transaction_read_only = off', or name another role in database.url",
            )
        lacking = (await connection.execute(_LACKING, {"tables": list(tables)})).all()
        if not lacking:
            return None
        privileges = ", ".join(privilege for privilege, _, _ in lacking)
        state = "lacks privileges" if "SELECT" in privileges else "is read-only"
        _, table, count = lacking[-1]
        others = f" and {count - 1} more" if count > 1 else ""
        return ReadOnly(
            f"the database's role '{role}' {state} (no {privileges} on '{table}'{others} in the schema '{schema}')",
            f"run 'GRANT {privileges} ON ALL TABLES IN SCHEMA {schema} TO {role}' as the owner of the tables, "
            "or name the owner in database.url",
        )

    async def make_schema(self, connection: Connection, schema: str) -> None:
        """Create the schema if it is missing. If it exists, the role needs no privilege to create one."""
        if (await connection.execute(_HAS_SCHEMA, {"name": schema})).first() is None:
            await connection.execute(CreateSchema(schema))

    async def skip_numbers(self, connection: Connection, count: int) -> None:
        """Advance each sequence of the schema."""
        await connection.execute(_SKIP_NUMBERS, {"count": count})

    async def wait_for_turn(self, connection: Connection, key: int) -> None:
        """Wait for an advisory lock."""
        await connection.execute(_ADVISORY_LOCK, {"lock": key})

    async def try_turn(self, connection: Connection, key: int) -> bool:
        """Take an advisory lock if it is free."""
        return bool((await connection.execute(_TRY_ADVISORY_LOCK, {"lock": key})).scalar_one())

    async def limit_locks(self, connection: Connection) -> None:
        """Set ``lock_timeout``, because later lock requests queue behind a waiting one."""
        await connection.execute(_SHORT_LOCKS)

    async def stand_still(self, connection: Connection) -> None:
        """Turn ``idle_in_transaction_session_timeout`` off with SET. After a SELECT, the driver's portal would keep its snapshot."""
        await connection.execute(_STAND_STILL)

    async def keeps_index(self, connection: Connection, name: str) -> bool:
        """Read ``pg_index``, where an interrupted CREATE INDEX CONCURRENTLY leaves an index marked as invalid."""
        is_valid = (await connection.execute(_IS_VALID, {"name": name})).scalar_one_or_none()
        if is_valid is False:
            quoted = connection.dialect.identifier_preparer.quote(name)
            await connection.execute(sqlalchemy.text(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}"))
        return bool(is_valid)

    async def rows_of(self, connection: Connection, table: str) -> int:
        """Estimate as the planner does: multiply the table's size in pages by its rows per page at the last ANALYZE."""
        return int((await connection.execute(_ROWS, {"name": table})).scalar_one_or_none() or 0)

    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Read the rows with ``jsonb_array_elements``, and cast each value."""
        return _rows(columns)

    async def keys_source(self, connection: Connection, columns: Mapping[str, str]) -> str:
        """Make the planner prefer indexes in this transaction, and expect a single row.

        A connection keeps its plan until the table is analyzed. A plan made for a small table would scan the whole
        table for each batch.
        """
        await self.prefer_indexes(connection)
        return _rows(columns, "WHERE jsonb_typeof(r) = 'array'")

    async def take_room(self, connection: Connection) -> bool:
        """Run a query that writes a temporary file, which leaves neither rows nor WAL. It costs 2 ms of CPU."""
        await connection.execute(_LITTLE_MEMORY)
        await connection.execute(_SPILL)
        return True

    async def prefer_indexes(self, connection: Connection) -> None:
        """Make the planner treat a sequential scan as very expensive."""
        await connection.execute(_BY_INDEX)

    def one_of(
        self, column: str, parameter: str, kind: type[TypeEngine[Any]]
    ) -> tuple[str, BindParameter[Any]]:
        """Return the same SQL for any number of values, so that the server prepares it once."""
        return f"{column} = ANY(:{parameter})", bindparam(parameter, type_=ARRAY(kind))

    async def read_then_update(
        self, connection: Connection, read: str, update: str, parameters: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Any]:
        """Run one statement; both its parts see the same state of the database."""
        rows = (await connection.execute(_read_then_update(read, update), parameters)).all()
        return [row[1:] for row in rows], rows[0][0] if rows else None

    async def insert_columns(
        self, connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], *, also: str
    ) -> Any:
        """Insert all rows as arrays in one statement: about 4 µs per row, against 12 with the driver's executemany."""
        rows = await connection.execute(_unnest_insert(table, tuple(columns), also), dict(columns))
        return rows.scalar() if also else None


def _rows(columns: Mapping[str, str], condition: str = "") -> str:
    picked = ", ".join(
        f"CAST(r ->> {index} AS {kind}) AS {name}" for index, (name, kind) in enumerate(columns.items())
    )
    return f"(SELECT {picked} FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r {condition}) AS u"


@lru_cache(maxsize=256)
def _read_then_update(read: str, update: str) -> TextClause:
    update = update.format(last="(SELECT max(position) FROM page)")
    return sqlalchemy.text(
        f"WITH page AS ({read}), updated AS ({update}) SELECT (SELECT changed FROM updated), page.* FROM page ORDER BY position"
    )


@lru_cache(maxsize=64)
def _unnest_insert(table: Table, names: tuple[str, ...], also: str) -> TextClause:
    arrays = ", ".join(f":{name}" for name in names)
    insert = (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
    )
    statement = sqlalchemy.text(f"WITH inserted AS ({insert} RETURNING 1) {also}" if also else insert)
    return statement.bindparams(*(bindparam(name, type_=ARRAY(table.c[name].type)) for name in names))
