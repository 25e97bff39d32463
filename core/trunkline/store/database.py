"""The connections to the database, shared fairly between companies.

``dialects`` has the differences between SQLite and PostgreSQL. SQLite has one writer, so writes wait in a queue in this
process, and not for the lock of the file. PostgreSQL takes as many writes at once as the pool has connections.

Connections are scarce, so companies take turns (``runtime.turns``). The work for one company (``runtime.callers``)
holds at most half of the connections. The work for all companies together leaves one connection for the hub's own work.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from trunkline.errors import TooMuchAtOnce
from trunkline.runtime import callers
from trunkline.runtime.turns import Turns
from trunkline.store import audit_log, dialects, tables
from trunkline.store.connection import Connection
from trunkline.store.dialects.dialect import ReadOnly

if TYPE_CHECKING:
    from trunkline.store.notifications import Notifications

TURN_SECONDS = 15.0
"""The longest wait of a call for its company's turn to use a connection; an action in a transaction is shorter."""
ANSWER_SECONDS = 60.0
"""How long a statement may take.

It is more than any statement of the hub needs, and a limit in case a connection is lost unnoticed.
"""
_RETRY_SECONDS = 5
_log = logging.getLogger(__name__)

Lent_co = TypeVar("Lent_co", bound=Connection, covariant=True)


class Lender(Protocol[Lent_co]):
    """Lends connections."""

    def read(self) -> AbstractAsyncContextManager[Lent_co]:
        """Lend a connection for reading. Raises StoreUnavailable."""
        ...

    def write(self) -> AbstractAsyncContextManager[Lent_co]:
        """Lend a connection inside a transaction. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Database:
    """One database, shared by everything in a process; *schema* names the schema of its tables, if any.

    *lender* opens its connections, at most *pool_size*, and *lazy* those of ``write_lazily``, if they are others. *writing*
    is the turn to write, if it is another database's. Enter it for use; the last user who leaves it closes its connections.
    """

    def __init__(
        self,
        url: str,
        lender: Lender[Connection],
        *,
        pool_size: int,
        schema: str | None,
        listen_url: str | None = None,
        lazy: Lender[Connection] | None = None,
        writing: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        self.url = url
        self.schema = schema
        self.dialect = dialects.of_url(url)
        self._lender = lender
        self._lazy = lazy
        self._listen_url = listen_url
        self._is_shared = False
        self._entered = 0
        if writing is None:
            writing = asyncio.Lock() if self.dialect.has_one_writer else contextlib.nullcontext()
        self._writing = writing
        readers = self.dialect.readers(pool_size)
        self._reads = Turns(total=max(readers - 1, 1), share=max(readers // 2, 1))
        self._writes = Turns(share=1) if self.dialect.has_one_writer else self._reads

    async def __aenter__(self) -> Self:
        self._entered += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered -= 1
        if not self._entered:
            await self._lender.close()
            if self._lazy is not None:
                await self._lazy.close()

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
        """Find out why the hub's rows are read-only, and the remedy; None if no reason is known. Raises StoreUnavailable."""
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

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection for reading; each statement sees all changes that were committed before.

        Raises:
            StoreUnavailable: the database does not answer.
            TooMuchAtOnce: the company's turn did not come in time.
        """
        return self._read(self._lender)

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection inside a transaction, which is committed at the end, or rolled back if an exception is raised.

        Raises:
            StoreUnavailable: the database does not answer; the transaction may have been committed.
            TooMuchAtOnce: the company's turn did not come in time; nothing was stored.
        """
        return self._write(self._lender)

    def write_once(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection for a single statement. On a server the statement is its own transaction, which saves two round trips.

        Raises the same errors as ``write``.
        """
        return self.write() if self.dialect.has_one_writer else self.read()

    @contextlib.asynccontextmanager
    async def write_lazily(self) -> AsyncGenerator[Connection]:
        """Lend a connection of a ``direct`` database for a single statement that contains ``Dialect.lazily``.

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

    @contextlib.asynccontextmanager
    async def _read(self, lender: Lender[Lent_co]) -> AsyncGenerator[Lent_co]:
        async with _turn(self._reads), lender.read() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def _write(self, lender: Lender[Lent_co]) -> AsyncGenerator[Lent_co]:
        async with _turn(self._writes), self._writing, lender.write() as connection:
            noted = audit_log.begin()
            yield connection
            if noted:
                await audit_log.write(connection, noted)


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
