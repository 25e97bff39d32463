"""The SQLite driver for ``store.direct``."""

import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy.dialects.sqlite.pysqlite import dialect as sqlite
from sqlalchemy.engine.default import DefaultDialect

from trunkline.store.direct import Driver
from trunkline.store.sqlite import OneWayConnection


class SQLiteDriver(Driver):
    """A connection of ``store.sqlite``."""

    writer: ClassVar[DefaultDialect] = sqlite()
    errors = (sqlite3.Error,)

    connection: OneWayConnection
    _is_closed = False
    _is_writing = False

    @property
    def is_closed(self) -> bool:
        """Whether the connection was closed."""
        return self._is_closed

    async def run(self, statement: str, values: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """Run *statement*."""
        cursor = await self.connection.cursor().execute(statement, values)
        rows = await cursor.fetchall()
        return rows, cursor.rowcount if cursor.rowcount >= 0 else len(rows)

    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run *statement* once for each of *rows*. In a transaction it runs together with the next statement or the commit."""
        if self._is_writing:
            self.connection.run_many_with_next(statement, rows)
        else:
            await self.connection.cursor().executemany(statement, rows)

    async def begin(self) -> None:
        """Begin a transaction; SQLite starts it with the first statement."""
        self._is_writing = True
        self.connection.begin_with_next("BEGIN IMMEDIATE")

    async def commit(self) -> None:
        """Commit the transaction, if it had a statement."""
        self._is_writing = False
        await self.connection.commit()

    async def roll_back(self) -> None:
        """Roll back the transaction, if it had a statement."""
        self._is_writing = False
        await self.connection.rollback()

    async def close(self) -> None:
        """Close the connection in its thread."""
        self._is_closed = True
        await self.connection.close()

    def abandon(self) -> None:
        """Close the connection in its thread, without waiting."""
        if not self._is_closed:
            self._is_closed = True
            self.connection.abandon()

    def is_down(self, error: Exception) -> bool:
        """Return whether the class of *error* says that the file cannot be opened, is locked, or was moved."""
        return isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError)
