"""The connection to SQLite or PostgreSQL: engines, transactions, and what a failing database becomes.

SQLite has one writer, so writes wait for each other here instead of in the file; PostgreSQL takes as many as its pool has.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, Self

import asyncpg
import sqlalchemy
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from trunkline.errors import SettingsInvalid, StoreUnavailable
from trunkline.store import sqlite

_POSTGRESQL_DOWN = ("08", "57P", "53", "25006", "58", "28", "3D", "40")
"""SQLSTATE classes that mean 'not now': connection, shutdown, resources, read-only, system, login refused, no such
database, rolled back for another transaction's sake (PostgreSQL, appendix A)."""


class Database:
    """One database, shared by everything in a process."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = _driver_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writing = asyncio.Lock()
        if self.is_sqlite:
            self._reader = _sqlite_engine(self.url, writes=False)
            self._writer = _sqlite_engine(self.url, writes=True)
        else:
            self._writer = create_async_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=10,
                connect_args={"timeout": 5, "command_timeout": 60},
            )
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.dispose()
        await self._writer.dispose()

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes; for migrations."""
        return self._writer

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection for reading; each statement sees what was committed before it.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with translated():
            async with self._reader.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection inside a transaction, committed at the end and rolled back when anything is raised.

        Raises:
            StoreUnavailable: the database does not answer; nothing was stored.
        """
        with translated():
            if not self.is_sqlite:
                async with self._writer.begin() as connection:
                    yield connection
                return
            async with self._writing, self._writer.begin() as connection:
                yield connection


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Turn every way in which a database can be away into ``StoreUnavailable``."""
    try:
        yield
    except exc.TimeoutError as error:
        msg = "no connection to the database was free in time"
        raise StoreUnavailable(msg) from error
    except exc.DBAPIError as error:
        if not _is_down(error):
            raise
        raise StoreUnavailable(_first_line(error)) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # raised while connecting
        raise StoreUnavailable(_first_line(error)) from error


def _is_down(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, exc.InterfaceError):
        return True
    original = error.orig
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if isinstance(state, str):
        return state.startswith(_POSTGRESQL_DOWN)
    return isinstance(error, exc.OperationalError)


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {str(original).partition(chr(10))[0]}"


def _driver_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        msg = "Setting 'database.url': is not a database URL, such as sqlite:///trunkline.db or postgresql://host/name"
        raise SettingsInvalid(msg) from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            msg = "Setting 'database.url': SQLite needs a file, such as sqlite:///trunkline.db"
            raise SettingsInvalid(msg)
        return parsed.set(drivername="sqlite+aiosqlite")
    return parsed.set(drivername="postgresql+asyncpg")


def sqlite_file(database: Database) -> Path | None:
    """Tell which file holds an embedded *database*; None for PostgreSQL."""
    return Path(database.url.database or "") if database.is_sqlite else None


def _sqlite_engine(url: URL, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writes else 4,
        max_overflow=0,
        # What was read lately is in the system's cache too; the writer's is where its transaction grows.
        connect_args={"async_creator_fn": sqlite.connect, "cache_kib": 4096 if writes else 1024},
        # What only reads has nothing to roll back, and each call of the driver is a way to its thread and back.
        **({} if writes else {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}),
    )

    if writes:

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
