"""SQLite for SQLAlchemy's asyncio: aiosqlite with one round trip to its thread per statement instead of four.

It uses internals of aiosqlite, so ``pyproject.toml`` caps its version, and the oldest and newest allowed versions are tested
(``tests/core/store/test_aiosqlite.py``). A round trip takes some 50 µs, and more if the event loop is busy, because the thread
then waits for the interpreter's lock.
"""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

from aiosqlite import Connection

from trunkline.store import file_state
from trunkline.store.database_file import BUSY_SECONDS, DatabaseFile

Row = tuple[Any, ...]
Outcome = tuple[list[Row], Any, int, int | None]
"""The rows of a statement, with the cursor's description, rowcount and lastrowid."""
Order = tuple["asyncio.Future[Any] | None", Callable[[], Any]]
Work = Callable[[sqlite3.Connection, str, Sequence[Any]], Outcome]

_MOST_ROWS, _MOST_VALUES = 1024, 32_766
"""The most rows and values of one statement. The limit of values is SQLite's own (https://sqlite.org/limits.html)."""
_INSERT = re.compile(r"(INSERT .+ VALUES )(\([?, ]+\))", re.DOTALL)


class OneWayConnection(Connection):
    """A connection whose cursors fetch all rows at once.

    A transaction begins with its first statement, in the same round trip; a transaction without statements needs no
    round trip. Rows that are inserted together with the next statement or the commit need no round trip either.
    """

    def __init__(self, file: DatabaseFile, cache_kib: int, options: dict[str, Any]) -> None:
        super().__init__(self._open, iter_chunk_size=64)
        self._file = file
        self._options = options | {"cache_kib": cache_kib}
        self._thread = Thread(target=_work, args=(self._tx,), daemon=True)
        self._is_still = True
        self._beginning = ""
        self._first: list[tuple[str, Sequence[Any]]] = []
        self._opened: sqlite3.Connection | None = None

    def cursor(self) -> "Cursor":  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a cursor. The method does not wait for the thread."""
        return Cursor(self)

    def _open(self) -> sqlite3.Connection:
        self._opened = self._file.connect(**self._options)
        return self._opened

    def begin_with_next(self, statement: str) -> None:
        """Keep *statement*, which begins a transaction, and run it together with the next statement."""
        self._beginning = statement

    def run_many_with_next(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Keep *statement*, and run it for each of *rows* together with the transaction's next statement or commit."""
        self._first.append((statement, rows))

    async def run(self, work: Work, statement: str, parameters: Sequence[Any]) -> Outcome:
        """Call *work* in the thread of the connection."""
        beginning, self._beginning = self._beginning, ""
        first, self._first = self._first, []
        self._is_still = False
        result: Outcome = await self._execute(  # type: ignore[no-untyped-call]
            self._begin_and, beginning, first, work, statement, parameters
        )
        self._is_still = True  # not if the caller was cancelled: the thread may still be working
        return result

    def stop(self) -> "asyncio.Future[Any] | None":
        """Close the connection in its thread after all earlier calls, and end the thread.

        Returns None at a second call. A second call happens if a statement was cancelled, and after that the closing of
        the connection was cancelled, too. By then the thread has ended.
        """
        if not self._running:
            return None
        self._tx.put_nowait((None, self._forget))
        closed: asyncio.Future[Any] | None = super().stop()
        self._tx.put_nowait((None, self._close_opened))
        self._tx.put_nowait((None, _end))
        return closed

    def abandon(self) -> None:
        """Roll back and close in the thread, after all earlier calls, without waiting for the result."""
        self._tx.put_nowait((None, self._roll_back_now))
        self.stop()

    async def commit(self) -> None:
        """Commit, if the transaction has run a statement."""
        if self._beginning and not self._first:
            self._beginning = ""
        elif self._first or self._conn.in_transaction or not self._is_still:
            await self.run(self.commit_now, "", ())

    async def rollback(self) -> None:
        """Roll back, if a transaction is open."""
        self._beginning, self._first = "", []
        if self._conn.in_transaction or not self._is_still:
            await super().rollback()

    def _forget(self) -> None:
        """Tell the file before the connection closes: SQLite may then delete the log, and another connection make a new one."""
        if self._opened is not None:
            self._file.forget(self._opened)

    def _close_opened(self) -> None:
        """Close a connection whose caller was cancelled during the opening; aiosqlite has no reference to it."""
        if self._opened is not None:
            self._opened.close()

    def _begin_and(
        self,
        beginning: str,
        first: Sequence[tuple[str, Sequence[Any]]],
        work: Work,
        statement: str,
        parameters: Sequence[Any],
    ) -> Outcome:
        if not self._conn.in_transaction:
            self._file.check(and_log=bool(beginning))
        try:
            if beginning:
                self._conn.execute(beginning).close()
            for insert, rows in first:
                _execute_many(self._conn, insert, rows)
            return work(self._conn, statement, parameters)
        except sqlite3.DatabaseError as error:
            self._file.explain(error)
            raise

    def commit_now(self, connection: sqlite3.Connection, *_: object) -> Outcome:
        """Commit. Call it in the thread of the connection."""
        self._file.check(and_log=True)
        connection.commit()
        return [], None, -1, None

    def _roll_back_now(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._conn.rollback()


class Cursor:
    """A cursor as SQLAlchemy uses it, with all its rows fetched at once."""

    arraysize = 1

    def __init__(self, connection: OneWayConnection) -> None:
        self._connection = connection
        self._rows: list[Row] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> "Cursor":
        """Run *statement* and fetch all rows."""
        if statement.startswith("BEGIN"):
            self._connection.begin_with_next(statement)
            return self
        return await self._take(_execute, statement, parameters)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> "Cursor":
        """Run *statement* with each of *parameters*."""
        return await self._take(_execute_many, statement, parameters)

    async def fetchall(self) -> list[Row]:
        """Return the fetched rows. A second call returns no rows."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Drop the rows; SQLite's own cursor was already closed in its thread."""
        self._rows = []

    async def _take(self, work: "Work", statement: str, parameters: Sequence[Any]) -> "Cursor":
        outcome = await self._connection.run(work, statement, parameters)
        self._rows, self.description, self.rowcount, self.lastrowid = outcome
        return self


def connect(file: DatabaseFile, *, cache_kib: int = 2048, **options: Any) -> OneWayConnection:
    """Open *file* as ``aiosqlite.connect`` does, with a page cache of *cache_kib*; await the result."""
    return OneWayConnection(file, cache_kib, options)


def has_rows(file: Path, tables: Sequence[str]) -> bool:
    """Return whether any of *tables* has a row in *file*; False if the file is missing or not a database.

    No file is created.
    """
    if not file_state.size_of(file):  # reading an empty file would delete the -wal beside it
        return False
    try:
        with contextlib.closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as connection:
            known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            return any(
                connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
                for table in tables
                if table in known
            )
    except sqlite3.OperationalError:
        return True  # locked or unreadable: the file exists, and may have rows
    except sqlite3.DatabaseError:
        return False


def _work(queue: "SimpleQueue[Order]") -> None:
    """Run the functions in *queue* until ``_end`` comes. If the event loop has been closed, results are dropped."""
    while True:
        future, function = queue.get()
        if function is _end:
            return
        answer: tuple[Any, ...]
        try:
            answer = (_settle, future, function(), None)
        except BaseException as error:  # noqa: BLE001 - passed on to the caller
            answer = (_settle, future, None, error)
        if future is not None:
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(*answer)
        del future, function, answer  # so that a waiting thread keeps no result alive


def _end() -> None:
    """Do nothing. When the thread finds this function in its queue, the thread ends."""


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():  # its caller was cancelled
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _execute(connection: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> Outcome:
    cursor = connection.execute(statement, parameters)
    try:
        rows = cursor.fetchall() if cursor.description else []
        return rows, cursor.description, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()


def _execute_many(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[Sequence[Any]]
) -> Outcome:
    """Run *statement* for each of *parameters*. For an INSERT, each call of SQLite inserts many rows.

    This takes 4 µs per row instead of 5, mostly without the interpreter's lock.
    """
    insert = _INSERT.fullmatch(statement)
    if insert is None:
        count = connection.executemany(statement, parameters).rowcount
    else:
        count = 0
        for rows in _pieces(parameters):
            of_many = _insert_of(*insert.groups(), len(rows))
            count += connection.execute(of_many, list(chain.from_iterable(rows))).rowcount
    return [], None, count, None


def _pieces(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """Split *rows* into pieces whose sizes are powers of two, so that only a few different statements are prepared."""
    start, most = 0, min(_MOST_ROWS, _MOST_VALUES // len(rows[0]))
    while start < len(rows):
        size = 1 << min(len(rows) - start, most).bit_length() - 1
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=256)
def _insert_of(head: str, row: str, count: int) -> str:
    return head + ", ".join([row] * count)
