"""The database through SQLAlchemy's engines, for plugins and migrations, and the translation of errors of a failing database."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

from sqlalchemy import exc

from trunkline import settings
from trunkline.errors import StoreUnavailable
from trunkline.store import dialects, failures
from trunkline.store.database import ANSWER_SECONDS, Database
from trunkline.store.database_file import DatabaseFile
from trunkline.store.dialects.dialect import Access
from trunkline.store.direct import Driver, Pools

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class EngineDatabase(Database):
    """A database that lends SQLAlchemy's connections. It makes the databases that bypass SQLAlchemy (``direct``).

    If *creates*, the first connection creates a missing file of an embedded database.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        schema: str | None = None,
        listen_url: str | None = None,
        creates: bool = True,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        dialect = dialects.of_url(url)
        path = dialect.file_of(url)
        file = None if path is None else DatabaseFile(path, creates=creates)
        self._access = Access(url, schema, answer_seconds, file)
        self._engines = Engines(partial(dialect.connect, self._access, pool_size=pool_size))
        super().__init__(url, self._engines, pool_size=pool_size, schema=schema, listen_url=listen_url)
        self._direct: Database | None = None

    @classmethod
    def of(cls, settings: settings.Database, *, pool_size: int | None = None, creates: bool = False) -> Self:
        """Make the database of a deployment; *pool_size* overrides the number in the settings. Raises SettingsInvalid."""
        return cls(
            settings.url,
            pool_size=pool_size or settings.pool_size,
            schema=settings.schema_name,
            listen_url=settings.listen_url,
            creates=creates,
        )

    @property
    def engine(self) -> "AsyncEngine":
        """The engine that writes; migrations use it."""
        return self._engines.both[1]

    def read(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Lend a connection for reading. Raises the same errors as ``Database.read``."""
        return self._read(self._engines)

    def write(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Lend a connection inside a transaction. Raises the same errors as ``Database.write``."""
        return self._write(self._engines)

    def apart(self, connections: int, *, answer_seconds: float = ANSWER_SECONDS) -> "EngineDatabase":
        """Return this database with a separate pool of *connections*; a database with one writer returns itself.

        A statement without an answer within *answer_seconds* fails.
        """
        if self.dialect.has_one_writer:
            return self
        return EngineDatabase(
            self.url, pool_size=connections, schema=self.schema, answer_seconds=answer_seconds
        )

    def direct(
        self, connections: int, *, answer_seconds: float = ANSWER_SECONDS, is_separate: bool = False
    ) -> Database:
        """Return the same database with a separate pool of *connections* that bypass SQLAlchemy (``store.direct``).

        If the database has one writer, all databases made in this way share a few connections, except those that are
        *is_separate*. All of them take turns to write. A statement without an answer within *answer_seconds* fails.
        """
        if self._direct is not None and not is_separate:
            return self._direct
        connect = partial(self.dialect.connect_directly, replace(self._access, answer_seconds=answer_seconds))
        lender = Pools(connect, self.dialect.readers(connections), has_one_writer=self.dialect.has_one_writer)

        async def connect_lazily() -> Driver:
            driver = await connect()
            await driver.run("PRAGMA synchronous = NORMAL", ())
            return driver

        lazy = Pools(connect_lazily, 1, has_one_writer=False) if self.dialect.has_one_writer else None
        direct = Database(
            self.url,
            lender,
            pool_size=connections,
            schema=self.schema,
            listen_url=self._listen_url,
            lazy=lazy,
            writing=self._writing,
        )
        if self.dialect.has_one_writer and not is_separate:
            self._direct = direct
        return direct


def direct_of(settings: settings.Database, *, connections: int = 2) -> Database:
    """Make the database of a deployment for callers that need no SQLAlchemy connection. Raises SettingsInvalid."""
    return EngineDatabase.of(settings).direct(connections)


class Engines:
    """Lends connections of SQLAlchemy: one engine reads and commits each statement, the other engine writes.

    *make* makes the engines at first use, because they load SQLAlchemy's ORM.
    """

    def __init__(self, make: "Callable[[], tuple[AsyncEngine, AsyncEngine]]") -> None:
        self._make = make

    @cached_property
    def both(self) -> "tuple[AsyncEngine, AsyncEngine]":
        """The engine that reads, and the engine that writes."""
        return self._make()

    def read(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Lend a connection for reading. Raises StoreUnavailable."""
        return _lent(self.both[0].connect())

    def write(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Lend a connection inside a transaction. Raises StoreUnavailable."""
        return _lent(self.both[1].begin())

    async def close(self) -> None:
        """Close all connections."""
        if "both" in self.__dict__:
            for engine in self.both:
                await engine.dispose()


@contextlib.asynccontextmanager
async def _lent(
    opening: "AbstractAsyncContextManager[AsyncConnection]",
) -> "AsyncGenerator[AsyncConnection]":
    with translated():
        async with opening as connection:
            try:
                yield connection
            except TimeoutError:  # a rollback would not be answered either
                await connection.invalidate()
                raise


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Raise ``StoreUnavailable`` for every error which means that the database does not answer."""
    try:
        yield
    except exc.TimeoutError as error:
        msg = "no connection to the database was free in time"
        raise StoreUnavailable(msg) from error
    except exc.DBAPIError as error:
        if not failures.is_down(error):
            raise
        raise failures.unavailable(error) from error
    except Exception as error:
        if not failures.is_connecting(error):
            raise
        raise failures.unavailable(error) from error
