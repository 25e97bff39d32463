"""The connections to the database, shared fairly between companies.

``dialects`` has the differences between SQLite and PostgreSQL. SQLite has one writer, so writes wait in a queue in this
process, and not for the lock of the file. PostgreSQL takes as many writes at once as the pool has connections.

Connections are scarce, so companies take turns (``runtime.turns``). The work for one company (``runtime.callers``)
holds at most half of the connections. The work for all companies together leaves one connection for the hub's own work.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline import settings
from trunkline.errors import TooMuchAtOnce
from trunkline.runtime import callers
from trunkline.runtime.turns import Turns
from trunkline.store import audit_log, dialects, tables
from trunkline.store.database_file import DatabaseFile
from trunkline.store.direct import Driver, Pools
from trunkline.store.engines import ANSWER_SECONDS, Engines
from trunkline.store.privileges import ReadOnly

if TYPE_CHECKING:
    from trunkline.store.notifications import Notifications

TURN_SECONDS = 15.0
"""The longest wait of a call for its company's turn to use a connection; an action in a transaction is shorter."""
_RETRY_SECONDS = 5
_log = logging.getLogger(__name__)


class Lender(Protocol):
    """Lends connections."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for reading. Raises StoreUnavailable."""
        ...

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection inside a transaction. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Database:
    """One database, shared by everything in a process; *schema* names the schema of its tables, if any.

    If *creates*, the first connection creates a missing file of an embedded database.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        schema: str | None = None,
        listen_url: str | None = None,
        lender: Lender | None = None,
        lazy: Lender | None = None,
        creates: bool = True,
    ) -> None:
        self.url = url
        self.schema = schema
        self._listen_url = listen_url
        self._is_shared = False
        self._entered = 0
        self.dialect = dialects.of_url(url)
        self._writing: AbstractAsyncContextManager[None] = (
            asyncio.Lock() if self.dialect.has_one_writer else contextlib.nullcontext()
        )
        self._direct: Database | None = None
        path = self.dialect.file_of(url)
        self._file = None if path is None else DatabaseFile(path, creates=creates)
        self._lender = lender or Engines(
            self.dialect, url, pool_size=pool_size, schema=schema, file=self._file
        )
        self._lazy = lazy
        readers = self.dialect.readers(pool_size)
        self._reads = Turns(total=max(readers - 1, 1), share=max(readers // 2, 1))
        self._writes = Turns(share=1) if self.dialect.has_one_writer else self._reads

    @classmethod
    def of(cls, settings: settings.Database, *, pool_size: int | None = None, creates: bool = False) -> Self:
        """Make the database of a deployment; *pool_size* overrides the number of connections in the settings.

        Raises SettingsInvalid.
        """
        return cls(
            settings.url,
            pool_size=pool_size or settings.pool_size,
            schema=settings.schema_name,
            listen_url=settings.listen_url,
            creates=creates,
        )

    async def __aenter__(self) -> Self:
        self._entered += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered -= 1
        if not self._entered:
            await self._lender.close()
            if self._lazy is not None:
                await self._lazy.close()

    def apart(self, connections: int, *, answer_seconds: float = ANSWER_SECONDS) -> "Database":
        """Return this database with a separate pool of *connections*; a database with one writer returns itself.

        A statement without an answer within *answer_seconds* fails. Enter and leave the result like any other database;
        its connections are closed when the last user leaves it.
        """
        if self.dialect.has_one_writer:
            return self
        lender = Engines(
            self.dialect, self.url, pool_size=connections, schema=self.schema, answer_seconds=answer_seconds
        )
        return Database(self.url, pool_size=connections, schema=self.schema, lender=lender)

    def direct(
        self, connections: int, *, answer_seconds: float = ANSWER_SECONDS, only_reads: bool = False
    ) -> "Database":
        """Return the same database with a separate pool of *connections* that bypass SQLAlchemy (``store.direct``).

        If the database has one writer, all databases made in this way share a few connections, except those with
        *only_reads*. A statement without an answer within *answer_seconds* fails. Enter and leave the result like any
        other database; its connections are closed when the last user leaves it.
        """
        if self._direct is not None and not only_reads:
            return self._direct
        connect = partial(
            self.dialect.connect_directly,
            self.url,
            schema=self.schema,
            answer_seconds=answer_seconds,
            file=self._file,
        )
        lender = Pools(connect, self.dialect.readers(connections), has_one_writer=self.dialect.has_one_writer)
        lazy = None
        if self.dialect.has_one_writer:
            lazy = Pools(partial(self._connect_lazily, connect), 1, has_one_writer=False)
        direct = Database(self.url, pool_size=connections, schema=self.schema, lender=lender, lazy=lazy)
        if self.dialect.has_one_writer and not only_reads:
            direct._writing, self._direct = self._writing, direct
        return direct

    async def check_pooler(self) -> None:
        """Find out whether a pooler is between the hub and the server, and which features the pooler lacks.

        Raises:
            StoreUnavailable: the database does not answer.
            DatabaseUnfit: the hub cannot work through the pooler; the message names the settings to change.
        """
        async with self.read() as connection:
            self._is_shared = await self.dialect.shares_connections(connection, self.url, self.schema)
        if self._is_shared and self._listen_url is None:
            _log.warning(
                "a pooler before the database carries no LISTEN: events that another process accepts are noticed within "
                "a second instead of at once; name the server itself in database.listen_url"
            )

    async def why_read_only(self) -> ReadOnly | None:
        """Find out why the hub's rows are read-only, and the remedy; None if no reason is known.

        This method writes nothing. Raises StoreUnavailable.
        """
        async with self.read() as connection:
            return await self.dialect.why_read_only(connection, sorted(tables.metadata.tables))

    @property
    def keeps_sessions(self) -> bool:
        """Whether a connection keeps its locks until it ends: True for a server, except through a pooler that shares connections."""
        return not self.dialect.has_one_writer and not self._is_shared

    def notifications(self) -> "Notifications | None":
        """Return the notifications that wake other processes; None if the database or a pooler lacks them."""
        if self._listen_url is None and self._is_shared:
            return None
        return self.dialect.notifications(self._listen_url or self.url)

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine that writes; migrations use it."""
        assert isinstance(self._lender, Engines)
        return self._lender.writer

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection for reading; each statement sees all changes that were committed before.

        Raises:
            StoreUnavailable: the database does not answer.
            TooMuchAtOnce: the company's turn did not come in time.
        """
        async with _turn(self._reads), self._lender.read() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection inside a transaction, which is committed at the end, or rolled back if an exception is raised.

        Raises:
            StoreUnavailable: the database does not answer; nothing was stored.
            TooMuchAtOnce: the company's turn did not come in time; nothing was stored.
        """
        async with _turn(self._writes), self._writing, self._lender.write() as connection:
            noted = audit_log.begin()
            yield connection
            if noted:
                await audit_log.write(connection, noted)

    def write_once(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for a single statement. On a server the statement is its own transaction, which saves two round trips.

        Raises the same errors as ``write``.
        """
        return self.write() if self.dialect.has_one_writer else self.read()

    @contextlib.asynccontextmanager
    async def write_lazily(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection of a ``direct`` database for a single statement that contains ``sql.lazily``.

        Other transactions see the change of the statement at once, and the change survives the end of any process. The
        statement does not wait for the disk, so a power failure at this moment loses the change. Raises the same errors
        as ``write``.
        """
        if self._lazy is None:
            async with self.read() as connection:
                yield connection
            return
        async with _turn(self._writes), self._writing, self._lazy.read() as connection:
            yield connection

    @staticmethod
    async def _connect_lazily(connect: Callable[[], Awaitable[Driver]]) -> Driver:
        driver = await connect()
        await driver.run("PRAGMA synchronous = NORMAL", ())
        return driver


class _turn:  # noqa: N801 - it is called like a function
    """Waits for the turn of the company that the task works for, if any. Connections lent within it need no further turn."""

    __slots__ = ("_company_id", "_turns")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._company_id = callers.company()

    async def __aenter__(self) -> None:
        if self._company_id is None:
            return
        try:
            await self._turns.take(self._company_id, wait_seconds=TURN_SECONDS)
        except TimeoutError:
            raise TooMuchAtOnce("calls that need the database", retry_after_seconds=_RETRY_SECONDS) from None
        callers.work_for(None)

    async def __aexit__(self, *_: object) -> None:
        if self._company_id is not None:
            callers.work_for(self._company_id)
            self._turns.give_back(self._company_id)


def is_open_to_others(database: Database) -> bool:
    """Return whether accounts other than the owner and group of an embedded *database* may read or write its file."""
    file = embedded_file(database)
    return file is not None and file.exists() and bool(file.stat().st_mode & 0o007)


def embedded_file(database: Database) -> Path | None:
    """Return the file of an embedded *database*; None for a server."""
    return database.dialect.file_of(database.url)
