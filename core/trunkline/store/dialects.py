"""What differs between the databases, in one place: SQLite and PostgreSQL, a class each.

A third database is a third class here, in ``DIALECTS``, with its driver; nothing else asks which one it is.
"""

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Index,
    Integer,
    Table,
    TextClause,
    bindparam,
    event,
    exc,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import CreateSchema
from sqlalchemy.types import TypeEngine

from trunkline.errors import SettingsInvalid
from trunkline.store import poolers, sqlite
from trunkline.store.notifications import Notifications
from trunkline.store.servers import Server

_SQLITE_READERS = 4
IDLE_MS = 5_000
"""How long a transaction that others wait for may stand still: its process is frozen, or cut off."""
LOCK_MS = 8_000
"""How long one waits for the log's lock: longer than one that stands still is let have it."""
SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in a column of type INTEGER
"""The type of a column that numbers its rows."""


class Dialect(ABC):
    """One kind of database: how it is connected to, and the SQL in which it differs from the others."""

    name: ClassVar[str]
    """As SQLAlchemy calls it, in a URL too."""
    has_one_writer: ClassVar[bool]
    """Whether transactions that write wait for each other, so that rows and turns need no locks."""
    now_ms: ClassVar[str]
    """The SQL that reads the database's clock in Unix milliseconds."""
    greatest: ClassVar[str]
    """The function that picks the larger of its arguments."""
    json_array: ClassVar[str]
    """The aggregate function that gathers values in a JSON array."""
    row_among: ClassVar[str]
    """The condition that a row is one of those that ``{picking}``, a FROM with what follows it, finds in its table."""
    limit_idling: ClassVar[str]
    """The value whose reading has the database end this transaction where its process stands still in it."""
    limit_waiting: ClassVar[str]
    """The condition, always true, with which this transaction waits for a lock no longer than the hub lets a caller wait."""

    @abstractmethod
    def connect(
        self, url: str, *, pool_size: int, schema: str | None, answer_seconds: float
    ) -> tuple[AsyncEngine, AsyncEngine]:
        """Make the engine that reads, whose statements commit one by one, and the engine that writes.

        A server that does not answer a statement within *answer_seconds* is taken to be away. Raises SettingsInvalid.
        """

    @abstractmethod
    def readers(self, pool_size: int) -> int:
        """Tell how many connections there are to read with, where *pool_size* is set."""

    @abstractmethod
    def file_of(self, url: str) -> Path | None:
        """Tell which file holds the database; None where a server does."""

    @abstractmethod
    async def shares_connections(self, connection: AsyncConnection, server: str, schema: str | None) -> bool:
        """Tell whether a pooler gives each transaction another connection of the *server* at that URL.

        Raises:
            DatabaseUnfit: the hub cannot work through it; the message says what to set.
        """

    @abstractmethod
    def notifications(self, url: str) -> Notifications | None:
        """Give the way to wake other processes; None where there is none."""

    @abstractmethod
    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:
        """Give the clause that locks the rows of a SELECT until the transaction ends.

        *strength* is UPDATE or SHARE, *of* the table whose rows are meant. With *skip* it passes over rows that
        another transaction has locked, so that nobody waits.
        """

    @abstractmethod
    async def place(self, connection: AsyncConnection) -> str:
        """Tell where tables are made and by whom, to whoever runs the hub."""

    @abstractmethod
    async def make_schema(self, connection: AsyncConnection, schema: str) -> None:
        """Make the schema *schema*, unless it is there."""

    @abstractmethod
    async def wait_for_turn(self, connection: AsyncConnection, key: int) -> None:
        """Wait for the lock named *key*, and keep it until the transaction ends."""

    @abstractmethod
    async def try_turn(self, connection: AsyncConnection, key: int) -> bool:
        """Take the lock named *key* until the transaction ends; False where another transaction has it."""

    @abstractmethod
    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Give the SQL of a row source (``sql.rows_source``)."""

    @abstractmethod
    def one_of(
        self, column: str, parameter: str, kind: type[TypeEngine[Any]]
    ) -> tuple[str, BindParameter[Any]]:
        """Give the condition that *column* is among the values bound as *parameter*, and that parameter."""

    @abstractmethod
    async def insert_columns(
        self, connection: AsyncConnection, table: Table, columns: Mapping[str, Sequence[Any]]
    ) -> None:
        """Insert rows given column by column; rows whose key is taken are left as they are."""


class SQLite(Dialect):
    """A file in this machine, with one writer at a time: nothing needs a lock, and nobody else is to be woken."""

    name = "sqlite"
    has_one_writer = True
    now_ms = "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)"
    greatest = "max"
    json_array = "json_group_array"
    row_among = "rowid IN (SELECT rowid {picking})"
    limit_idling = "NULL"
    limit_waiting = "true"

    def connect(
        self,
        url: str,
        *,
        pool_size: int,  # noqa: ARG002 - it has one writer
        schema: str | None,  # noqa: ARG002 - and no schemas
        answer_seconds: float,  # noqa: ARG002 - it is in this process
    ) -> tuple[AsyncEngine, AsyncEngine]:
        """Make an engine of four connections that read, and one of a single connection that writes."""
        parsed = _sqlite_url(url)
        if parsed.database in (None, "", ":memory:"):
            msg = "Setting 'database.url': SQLite needs a file, such as sqlite:///trunkline.db"
            raise SettingsInvalid(msg)
        driver_url = parsed.set(drivername="sqlite+aiosqlite")
        return _sqlite_reader(driver_url), _sqlite_writer(driver_url)

    def readers(self, pool_size: int) -> int:  # noqa: ARG002 - its own number
        """Give the size of the pool that reads."""
        return _SQLITE_READERS

    def file_of(self, url: str) -> Path | None:
        """Give the file that *url* names."""
        database = _sqlite_url(url).database
        return Path(database) if database else None

    async def shares_connections(self, connection: AsyncConnection, server: str, schema: str | None) -> bool:  # noqa: ARG002
        """Return False: nothing stands before a file."""
        return False

    def notifications(self, url: str) -> Notifications | None:  # noqa: ARG002 - a file wakes nobody
        """Give None: one process has the file, and it wakes itself."""
        return None

    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:  # noqa: ARG002 - it has one writer
        """Give nothing: a transaction that writes is alone."""
        return ""

    async def place(self, connection: AsyncConnection) -> str:
        """Name the file."""
        return f"the file {connection.engine.url.database}"

    async def make_schema(self, connection: AsyncConnection, schema: str) -> None:
        """Do nothing: a file has no schemas."""

    async def wait_for_turn(self, connection: AsyncConnection, key: int) -> None:
        """Return at once: a transaction that writes is alone."""

    async def try_turn(self, connection: AsyncConnection, key: int) -> bool:  # noqa: ARG002 - it has one writer
        """Return True at once: a transaction that writes is alone."""
        return True

    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Read the rows with ``json_each``; the values have their types."""
        picked = ", ".join(f"value ->> {index} AS {name}" for index, name in enumerate(columns))
        return f"(SELECT {picked} FROM json_each(:rows)) AS u"

    def one_of(
        self,
        column: str,
        parameter: str,
        kind: type[TypeEngine[Any]],  # noqa: ARG002 - SQLite's values have their types themselves
    ) -> tuple[str, BindParameter[Any]]:
        """Bind each value by itself."""
        return f"{column} IN :{parameter}", bindparam(parameter, expanding=True)

    async def insert_columns(
        self, connection: AsyncConnection, table: Table, columns: Mapping[str, Sequence[Any]]
    ) -> None:
        """Insert row by row: the driver is our own (``store.sqlite``), and as fast with rows as with columns."""
        rows = list(zip(*columns.values(), strict=True))
        await connection.exec_driver_sql(_values_insert(table.name, tuple(columns)), rows)


class PostgreSQL(Dialect):
    """A server that several processes share: rows are locked, and NOTIFY wakes the others."""

    name = "postgresql"
    has_one_writer = False
    now_ms = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    greatest = "greatest"
    json_array = "json_agg"
    row_among = "ctid = ANY (ARRAY(SELECT ctid {picking}))"
    # In a statement that is sent anyway: they cost no round trip, end with the transaction, and pass through every pooler.
    limit_idling = f"(SELECT set_config('idle_in_transaction_session_timeout', '{IDLE_MS}', true))"
    limit_waiting = f"set_config('lock_timeout', '{LOCK_MS}', true) IS NOT NULL"

    def connect(
        self, url: str, *, pool_size: int, schema: str | None, answer_seconds: float
    ) -> tuple[AsyncEngine, AsyncEngine]:
        """Make one pool for both; what reads commits each statement."""
        server = Server.of_url(url, schema=schema)
        writer = create_async_engine(
            "postgresql+asyncpg://",  # the server that *url* names connects by itself
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            connect_args={"async_creator_fn": server.connect, "command_timeout": answer_seconds},
        )
        return writer.execution_options(isolation_level="AUTOCOMMIT"), writer

    def readers(self, pool_size: int) -> int:
        """Give the size of the pool, which writes too."""
        return pool_size

    def file_of(self, url: str) -> Path | None:  # noqa: ARG002 - a server holds it
        """Give None: a server has it."""
        return None

    async def shares_connections(self, connection: AsyncConnection, server: str, schema: str | None) -> bool:
        """Ask over two connections, where there is a pooler."""
        driver = (await connection.get_raw_connection()).driver_connection
        is_shared = await poolers.shares_connections(driver, Server.of_url(server, schema=schema).connect)
        if is_shared and schema is not None:
            await poolers.check_schema(driver, schema)
        return is_shared

    def notifications(self, url: str) -> Notifications | None:
        """Give the server's NOTIFY."""
        return Notifications(Server.of_url(url))

    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:
        """Give the locking clause."""
        return f"FOR {strength}{f' OF {of}' if of else ''}{' SKIP LOCKED' if skip else ''}"

    async def place(self, connection: AsyncConnection) -> str:
        """Name the schema and the database."""
        schema, database = (await connection.execute(_PLACE)).one()
        return f"the schema '{schema or 'public'}' of the database '{database}'"

    async def make_schema(self, connection: AsyncConnection, schema: str) -> None:
        """Make it; a role that finds it there need not be allowed to."""
        if (await connection.execute(_HAS_SCHEMA, {"name": schema})).first() is None:
            await connection.execute(CreateSchema(schema))

    async def wait_for_turn(self, connection: AsyncConnection, key: int) -> None:
        """Wait for an advisory lock."""
        await connection.execute(_ADVISORY_LOCK, {"lock": key})

    async def try_turn(self, connection: AsyncConnection, key: int) -> bool:
        """Take an advisory lock, if it is free."""
        return bool((await connection.execute(_TRY_ADVISORY_LOCK, {"lock": key})).scalar_one())

    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Read the rows with ``jsonb_array_elements``, and cast each value."""
        picked = ", ".join(
            f"CAST(r ->> {index} AS {kind}) AS {name}" for index, (name, kind) in enumerate(columns.items())
        )
        return f"(SELECT {picked} FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r) AS u"

    def one_of(
        self, column: str, parameter: str, kind: type[TypeEngine[Any]]
    ) -> tuple[str, BindParameter[Any]]:
        """Give one text whatever the number of values, so that the server prepares it once."""
        return f"{column} = ANY(:{parameter})", bindparam(parameter, type_=ARRAY(kind))

    async def insert_columns(
        self, connection: AsyncConnection, table: Table, columns: Mapping[str, Sequence[Any]]
    ) -> None:
        """Insert all rows as arrays in one statement: about 4 µs a row, against 12 for the driver's executemany."""
        await connection.execute(_unnest_insert(table, tuple(columns)), dict(columns))


# Locks are the database's; hubs in other schemas of it have keys of their own.
_KEY = "CAST(:lock AS bigint) + CASE WHEN current_schema() <> 'public' THEN hashtext(current_schema()) ELSE 0 END"
_ADVISORY_LOCK = sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_KEY})")
_TRY_ADVISORY_LOCK = sqlalchemy.text(f"SELECT pg_try_advisory_xact_lock({_KEY})")
_PLACE = sqlalchemy.text("SELECT current_schema(), current_database()")
_HAS_SCHEMA = sqlalchemy.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
_POSTGRESQL = PostgreSQL()
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (SQLite(), _POSTGRESQL)}


def of_connection(connection: AsyncConnection) -> Dialect:
    """Give the dialect of *connection*."""
    return DIALECTS[connection.dialect.name]


def of_url(url: str) -> Dialect:
    """Give the dialect of *url*; PostgreSQL's where the name is none of ours (``postgres``, say)."""
    return DIALECTS.get(url.partition(":")[0].partition("+")[0], _POSTGRESQL)


def needs_secrets(file: Path) -> bool:
    """Tell whether the embedded database *file* keeps what only its secrets open or verify."""
    return sqlite.has_rows(file, ("secret_checks", "api_keys", "subscriptions"))


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Make an index of the rows that meet the condition *where*, in every dialect."""
    conditions: dict[str, Any] = {f"{dialect}_where": sqlalchemy.text(where) for dialect in DIALECTS}
    return Index(name, *columns, **conditions)


@lru_cache(maxsize=64)
def _values_insert(table: str, names: tuple[str, ...]) -> str:
    return f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


@lru_cache(maxsize=64)
def _unnest_insert(table: Table, names: tuple[str, ...]) -> TextClause:
    arrays = ", ".join(f":{name}" for name in names)
    statement = sqlalchemy.text(
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
    )
    return statement.bindparams(*(bindparam(name, type_=ARRAY(table.c[name].type)) for name in names))


def _sqlite_url(url: str) -> URL:
    try:
        return make_url(url)
    except (exc.ArgumentError, ValueError):
        msg = "Setting 'database.url': is not the URL of a database, such as sqlite:///trunkline.db or postgresql://host/name"
        raise SettingsInvalid(msg) from None


def _sqlite_reader(url: URL) -> AsyncEngine:
    """Make the engine that reads. It has nothing to roll back, and each call of the driver is a way to its thread and back."""
    return create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=_SQLITE_READERS,
        max_overflow=0,
        # What was read lately is in the system's cache too; the writer's is where its transaction grows.
        connect_args={"async_creator_fn": sqlite.connect, "cache_kib": 1024},
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )


def _sqlite_writer(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"async_creator_fn": sqlite.connect, "cache_kib": 4096},
    )

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(engine.sync_engine, "invalidate")
    def roll_back(connection: Any, *_: object) -> None:  # pyright: ignore[reportUnusedFunction]
        """End the transaction of a writer that was cancelled: closing alone leaves its lock in the file.

        A cursor that the cancelled task's traceback still holds turns a closed connection into a zombie, transaction
        and all (https://sqlite.org/c3ref/close.html).
        """
        with contextlib.suppress(sqlite3.Error, exc.SQLAlchemyError):
            connection.rollback()

    return engine
