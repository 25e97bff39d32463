"""SQLite: a file on this machine."""

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy
from sqlalchemy import BindParameter, Table, bindparam, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.types import TypeEngine

from trunkline import oldest
from trunkline.errors import DatabaseTooOld, SettingsInvalid
from trunkline.store import sqlite
from trunkline.store.connection import Connection
from trunkline.store.dialects.dialect import Access, ConnectionRoom, Dialect, ReadOnly
from trunkline.store.direct import Driver
from trunkline.store.drivers import SQLiteDriver
from trunkline.store.failures import unavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_READERS = 4
_LONGEST_PATH = 504
"""The longest path in bytes. SQLite accepts 512 bytes on Unix, and appends up to 8 bytes."""
_HAS_STATISTICS = sqlalchemy.text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
_NUMBER_ALL = sqlalchemy.text(
    "INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master WHERE type = 'table' "
    "AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)"
)


class SQLite(Dialect):
    """A file on this machine with one writer at a time; it needs no locks, notifications, poolers or schemas.

    SQLite prefers indexes if it has no statistics, builds them in transactions, and can use disk space only in tables.

    *library* is the version of Python's SQLite library. Every method that takes a URL raises DatabaseTooOld if the
    library is too old.
    """

    name = "sqlite"
    has_one_writer = True
    now_ms = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
    greatest = "max"
    json_array = "json_group_array"
    row_among = "rowid IN (SELECT rowid {picking})"
    limit_idling = "NULL"
    limit_waiting = "true"
    lazily = "true"
    has_table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name"
    worker_locks = "SELECT 0 AS no WHERE false"
    timeline = "NULL"
    index_seconds_per_row = 0.5e-6

    def __init__(self, *, library: Sequence[int] = sqlite3.sqlite_version_info) -> None:
        self._library = tuple(library)

    def connect(self, access: Access, *, pool_size: int) -> "tuple[AsyncEngine, AsyncEngine]":  # noqa: ARG002 - it has one writer
        """Make an engine with four connections that read, and one with a single connection that writes.

        The reading one does not roll back, because each call of the driver costs a round trip to the connection's thread.
        """
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - it loads SQLAlchemy's ORM

        file = access.file
        assert file is not None

        def open_(name: str, **options: Any) -> sqlite.OneWayConnection:  # noqa: ARG001 - *file* says it
            return sqlite.connect(file, **options)

        driver_url = self._read_url(access.url).set(drivername="sqlite+aiosqlite")
        make = partial(create_async_engine, driver_url, poolclass=AsyncAdaptedQueuePool, max_overflow=0)
        reader = make(
            pool_size=_READERS,
            # The operating system caches the pages that are read; the cache of the writer holds its transaction.
            connect_args={"async_creator_fn": open_, "cache_kib": 1024},
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
        )
        writer = make(pool_size=1, connect_args={"async_creator_fn": open_, "cache_kib": 4096})

        @event.listens_for(writer.sync_engine, "begin")
        def begin(connection: sqlalchemy.Connection) -> None:  # pyright: ignore[reportUnusedFunction]
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        @event.listens_for(writer.sync_engine, "invalidate")
        def roll_back(connection: Any, *_: object) -> None:  # pyright: ignore[reportUnusedFunction]
            """End the transaction of a cancelled writer. Closing the connection alone would leave its lock on the file.

            A cursor that is still referenced by the traceback of the cancelled task turns a closed connection into a zombie
            that keeps its transaction (https://sqlite.org/c3ref/close.html).
            """
            with contextlib.suppress(sqlite3.Error, exc.SQLAlchemyError):
                connection.rollback()

        return reader, writer

    async def connect_directly(self, access: Access) -> Driver:
        """Open the file."""
        assert access.file is not None
        try:
            connection = sqlite.connect(access.file)
            await connection
            return SQLiteDriver(connection)
        except sqlite3.OperationalError as error:
            raise unavailable(error) from error

    def readers(self, pool_size: int) -> int:  # noqa: ARG002 - SQLite has its own number
        """Return the number of connections that read."""
        return _READERS

    def file_of(self, url: str) -> Path | None:
        """Return the file that *url* names. Raises SettingsInvalid if the name is not possible for a file."""
        database = self._read_url(url).database
        if database in (None, "", ":memory:"):
            msg = "Setting 'database.url': SQLite needs a file, such as sqlite:///trunkline.db"
            raise SettingsInvalid(msg)
        if marks := [f"'{mark}'" for mark in "?%" if mark in url]:
            msg = (
                f"Setting 'database.url': '{url[:60]}' may not have {' or '.join(marks)}; "
                "after sqlite:/// it has the plain path of a file, without parameters"
            )
            raise SettingsInvalid(msg)
        file = Path(database)
        if (why := _why_impossible(file)) is not None:
            msg = f"Setting 'database.url': the file '{database[:60]}' {why}"
            raise SettingsInvalid(msg)
        return file

    def _read_url(self, url: str) -> URL:
        if self._library < oldest.SQLITE:
            raise DatabaseTooOld(
                "The SQLite of this Python",
                found=oldest.version(self._library),
                oldest=oldest.version(oldest.SQLITE),
                remedy="run trunkline on a Python with a newer one, or name a PostgreSQL server in database.url",
            )
        try:
            return make_url(url)
        except (exc.ArgumentError, ValueError):
            msg = "Setting 'database.url': is not the URL of a database, such as sqlite:///trunkline.db or postgresql://host/name"
            raise SettingsInvalid(msg) from None

    async def place(self, connection: Connection) -> tuple[str, str]:
        """Name the file."""
        return f"the file {await _file(connection)}", "this account"

    async def product(self, connection: Connection) -> str:  # noqa: ARG002 - it is in this process
        """Name the SQLite library and its version."""
        return f"SQLite {sqlite3.sqlite_version}"

    async def connection_room(self, connection: Connection) -> ConnectionRoom:  # noqa: ARG002
        """Count the connections that the hub itself opens."""
        return ConnectionRoom(most=_READERS + 1, free=_READERS + 1)

    async def why_read_only(self, connection: Connection, tables: Sequence[str]) -> ReadOnly | None:  # noqa: ARG002
        """Check whether the account may write the file, and may write in the folder of its journal."""
        return why_read_only(Path(await _file(connection)))

    async def forget_statistics(self, connection: Connection) -> None:
        """Remove the statistics of an earlier ANALYZE: plans made for small tables would scan large ones.

        Without statistics SQLite chooses the index with the most matching columns, which is right for every statement of the
        hub.
        """
        if (await connection.execute(_HAS_STATISTICS)).first() is not None:
            await connection.execute(sqlalchemy.text("DELETE FROM sqlite_stat1"))
            await connection.execute(sqlalchemy.text("ANALYZE sqlite_schema"))

    async def skip_numbers(self, connection: Connection, count: int) -> None:
        """Raise the last used number of each table with AUTOINCREMENT, including tables that never had a row."""
        await connection.execute(_NUMBER_ALL)
        await connection.execute(
            sqlalchemy.text("UPDATE sqlite_sequence SET seq = seq + :count"), {"count": count}
        )

    async def rows_of(self, connection: Connection, table: str) -> int:
        """Estimate the number from the numbers of the first and the last row; counting would read the whole table."""
        quoted = connection.dialect.identifier_preparer.quote(table)
        if (await connection.execute(sqlalchemy.text(self.has_table), {"name": table})).first() is None:
            return 0
        first = await connection.execute(sqlalchemy.text(f"SELECT min(rowid) FROM {quoted}"))
        last = await connection.execute(sqlalchemy.text(f"SELECT max(rowid) FROM {quoted}"))
        return (last.scalar_one() or 0) - (first.scalar_one() or 1) + 1

    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Read the rows with ``json_each``, which keeps the types of the values."""
        picked = ", ".join(
            f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(columns)
        )
        return f"(SELECT {picked} FROM json_each(:rows)) AS u"

    def through_index(self, name: str) -> str:
        """Name the index.

        Without the name, if the table was analyzed while a kind (``due.Kind``) had only one subscription, SQLite would
        sort all rows of the kind (200,000 rows: 50 ms).
        """
        return f"INDEXED BY {name}"

    def one_of(
        self,
        column: str,
        parameter: str,
        kind: type[TypeEngine[Any]],  # noqa: ARG002 - SQLite's values have their types themselves
    ) -> tuple[str, BindParameter[Any]]:
        """Bind each value separately."""
        return f"{column} IN :{parameter}", bindparam(parameter, expanding=True)

    async def read_then_update(
        self, connection: Connection, read: str, update: str, parameters: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Any]:
        """Run both statements in one round trip to the connection's thread."""

        def work(opened: sqlite3.Connection, statement: str, values: Any) -> sqlite.Outcome:
            rows = opened.execute(statement, values).fetchall()
            changed = opened.execute(update, {**values, "last": rows[-1][0]}).fetchall() if rows else []
            return rows, changed, -1, None

        raw = cast("sqlite.OneWayConnection", (await connection.get_raw_connection()).driver_connection)
        update = update.format(last=":last")
        rows, changed, *_ = await raw.run(work, read, cast("Any", parameters))
        return rows, changed[0][0] if changed else None

    async def insert_columns(
        self,
        connection: Connection,
        table: Table,
        columns: Mapping[str, Sequence[Any]],
        *,
        also: str,  # noqa: ARG002 - no other connection writes meanwhile
    ) -> Any:
        """Insert row by row: our own driver (``store.sqlite``) inserts rows as fast as columns."""
        rows = list(zip(*columns.values(), strict=True))
        await connection.exec_driver_sql(_values_insert(table.name, tuple(columns)), rows)


@lru_cache(maxsize=64)
def _values_insert(table: str, names: tuple[str, ...]) -> str:
    return f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


async def _file(connection: Connection) -> str:
    statement = sqlalchemy.text("SELECT file FROM pragma_database_list WHERE name = 'main'")
    return str(await connection.scalar(statement))


def why_read_only(file: Path) -> ReadOnly | None:
    """Find out why *file* is read-only; None if this account can write the file and, for its journal, in its folder."""
    places = (file, file.absolute().parent)
    forbidden = [path for path in places if path.exists() and not os.access(path, os.W_OK)]
    if not forbidden:
        return None
    remedy = "let it write the database's file and the folder in which it is"
    return ReadOnly(f"this account may only read {forbidden[0]}", remedy)


def _why_impossible(file: Path) -> str | None:
    try:
        absolute = file.absolute()
    except FileNotFoundError:
        return "is relative, and the working directory was deleted; change to another one"
    if (length := len(os.fsencode(absolute))) > _LONGEST_PATH:
        return f"has a path of {length} bytes, and SQLite takes {_LONGEST_PATH}"
    try:
        absolute.stat()
    except (FileNotFoundError, NotADirectoryError):
        if absolute.is_symlink():
            return f"is a link to {absolute.readlink()}, which is not there: put that file back, or name another file"
        return None  # the file may be created
    except OSError as error:
        return f"cannot be used: {error.strerror}"
    return None
