"""The connection to the database: engines, transactions, and what a failing database becomes.

What differs between SQLite and PostgreSQL stands in ``dialects``. SQLite has one writer, so writes wait for each other here
instead of in the file; PostgreSQL takes as many as its pool has.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Self

from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import SettingsInvalid, StoreUnavailable
from trunkline.store import dialects


class Database:
    """One database, shared by everything in a process."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = _parse(url)
        self._given_url = url
        self.dialect = dialects.of_url(parsed)
        self.url = self.dialect.driver_url(parsed)
        self._writing: AbstractAsyncContextManager[None] = (
            asyncio.Lock() if self.dialect.has_one_writer else contextlib.nullcontext()
        )
        self._reader, self._writer = self.dialect.connect(self.url, pool_size=pool_size)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.dispose()
        await self._writer.dispose()

    def apart(self, connections: int) -> "Database":
        """Give the same database over *connections* of its own, which others cannot take; itself where it has one writer.

        Enter and leave it as any other.
        """
        return self if self.dialect.has_one_writer else Database(self._given_url, pool_size=connections)

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
            async with self._writing, self._writer.begin() as connection:
                yield connection


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Raise ``StoreUnavailable`` for every error that means that the database does not answer."""
    try:
        yield
    except exc.TimeoutError as error:
        msg = "no connection to the database was free in time"
        raise StoreUnavailable(msg) from error
    except exc.DBAPIError as error:
        if not dialects.is_down(error):
            raise
        raise StoreUnavailable(_first_line(error)) from error
    except dialects.CONNECTING_ERRORS as error:
        raise StoreUnavailable(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {str(original).partition(chr(10))[0]}"


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except exc.ArgumentError:
        msg = "Setting 'database.url': is not a database URL, such as sqlite:///trunkline.db or postgresql://host/name"
        raise SettingsInvalid(msg) from None


def is_open_to_others(database: Database) -> bool:
    """Tell whether accounts of this machine other than its owner and group may read or write an embedded *database*."""
    file = embedded_file(database)
    return file is not None and file.exists() and bool(file.stat().st_mode & 0o007)


def embedded_file(database: Database) -> Path | None:
    """Tell which file holds an embedded *database*; None where a server does."""
    return database.dialect.file_of(database.url)
