"""Runs the store's statements directly on the database's driver, as the hub does for all of its own work but migrations.

SQLAlchemy writes the SQL but does not run it, because a statement takes three times as long through its asyncio layer
and pool as with the driver alone. The functions of ``store`` work on both kinds of connections; plugins get
SQLAlchemy's connections.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Self, cast

from sqlalchemy import BindParameter, Executable, TextClause, exc
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import ReturnsRows

from trunkline.errors import StoreUnavailable
from trunkline.store.failures import unavailable

TAKE_SECONDS = 10.0
"""How long a caller waits for a free connection."""
MOST_WRITTEN = 2_000
"""The most compiled statements that are cached; the hub has a few hundred."""
FLOAT8 = 701
"""PostgreSQL's type number (``pg_type.oid``) of every column with fractions; other types ignore it."""
_NOTHING: Mapping[str, Any] = {}


class Driver(ABC):
    """One connection of a database driver."""

    writer: ClassVar[DefaultDialect]
    """The dialect in which SQLAlchemy writes SQL for this driver."""
    errors: ClassVar[tuple[type[Exception], ...]]
    """The exceptions that the driver raises."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the connection is unusable."""

    @abstractmethod
    async def run(self, statement: str, values: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """Run *statement*. Returns its rows, and the number of rows found or changed."""

    @abstractmethod
    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run *statement* once for each of *rows*."""

    @abstractmethod
    async def begin(self) -> None:
        """Begin a transaction that writes."""

    @abstractmethod
    async def commit(self) -> None:
        """Commit the transaction."""

    @abstractmethod
    async def roll_back(self) -> None:
        """Roll back the transaction, whatever its state."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def abandon(self) -> None:
        """Roll back and close without waiting for the database."""

    @abstractmethod
    def is_down(self, error: Exception) -> bool:
        """Return whether *error*, one of ``errors``, means that the database cannot answer now."""

    def is_lost(self, error: Exception) -> bool:  # noqa: ARG002 - for drivers that can tell
        """Return whether *error*, for which ``is_down`` is true, may have ended the connection."""
        return True


class Rows:
    """The result of a statement, with the methods of ``connection.Result``."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        """Return all rows."""
        return self._rows

    def first(self) -> Any:
        """Return the first row, or None."""
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Any:
        """Return the only row, or None. Raises MultipleResultsFound."""
        if len(self._rows) > 1:
            msg = f"{len(self._rows)} rows were found where one was wanted"
            raise exc.MultipleResultsFound(msg)
        return self.first()

    def one(self) -> Any:
        """Return the only row. Raises NoResultFound, MultipleResultsFound."""
        row = self.one_or_none()
        if row is None:
            raise exc.NoResultFound("no row was found where one was wanted")
        return row

    def scalar(self) -> Any | None:
        """Return the first value of the first row, or None."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """Return the first value of the only row. Raises NoResultFound, MultipleResultsFound."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any | None:
        """Return the first value of the only row, or None. Raises MultipleResultsFound."""
        row = self.one_or_none()
        return None if row is None else row[0]


class DirectConnection:
    """A lent connection, with the methods of ``connection.Connection``."""

    __slots__ = ("_driver", "_written")

    def __init__(self, driver: Driver, written: dict[Any, "_Written"]) -> None:
        self._driver = driver
        self._written = written

    @property
    def dialect(self) -> DefaultDialect:
        """The dialect; callers read its name."""
        return self._driver.writer

    @property
    def driver_connection(self) -> Any:
        """The driver's own connection."""
        return self._driver.connection

    async def get_raw_connection(self) -> Self:
        """Return the object that has ``driver_connection``."""
        return self

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] = _NOTHING
    ) -> Rows:
        """Run *statement*. If *parameters* is a list, run the statement once for each item, and return no rows."""
        written, literals = self._write(statement)
        if isinstance(parameters, Mapping):
            rows, count = await self._driver.run(*written.bind(parameters, literals))
            return Rows(written.read(rows), count)
        bound = [written.bind(each, literals) for each in parameters]
        await self._driver.run_many(bound[0][0], [values for _, values in bound])
        return Rows((), -1)

    async def scalar(self, statement: Executable, parameters: Mapping[str, Any] = _NOTHING) -> Any:
        """Run *statement*, and return the first value of its first row, or None."""
        return (await self.execute(statement, parameters)).scalar()

    async def exec_driver_sql(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run *statement*, written in the driver's own SQL, once for each of *rows*."""
        await self._driver.run_many(statement, rows)

    def _write(self, statement: Executable) -> tuple["_Written", Sequence[BindParameter[Any]] | None]:
        """Compile *statement* for the driver, with a cache. Returns it, and its values if another one may have the same SQL."""
        key: Any
        cache_key = None
        if isinstance(statement, TextClause):
            key = statement.text
        else:
            cache_key = cast("Any", statement)._generate_cache_key()  # noqa: SLF001 - the key of SQLAlchemy's own cache
            if cache_key is None:
                return _Written(statement, self._driver.writer), None
            key = cache_key.key
        written = self._written.get(key)
        if written is None:
            if len(self._written) >= MOST_WRITTEN:
                self._written.clear()
            written = self._written[key] = _Written(statement, self._driver.writer, cache_key)
        return written, None if cache_key is None else cache_key.bindparams


class _Written:
    """A statement compiled for the driver: positional parameters, and the type conversions of parameters and rows."""

    __slots__ = ("_binds", "_compiled", "_expanded", "_is_text", "_lists", "_names", "_reads", "_row")

    def __init__(self, statement: Any, writer: DefaultDialect, cache_key: CacheKey | None = None) -> None:
        compiled: SQLCompiler = statement.compile(dialect=writer, cache_key=cache_key)
        self._compiled = compiled
        self._is_text = isinstance(statement, TextClause)
        self._names: Sequence[str] = compiled.positiontup or ()
        assert not compiled.literal_execute_params
        self._lists = [compiled.bind_names[bind] for bind in compiled.post_compile_params]
        self._expanded: dict[tuple[int, ...], tuple[str, Sequence[tuple[str, int | None]]]] = {}
        """The SQL, and (parameter, index in its list) of each placeholder, by the lengths of the parameters' lists."""
        kinds = {name: bind.type.dialect_impl(writer) for name, bind in compiled.binds.items()}
        processors = {name: kind.bind_processor(writer) for name, kind in kinds.items()}
        self._binds = {name: process for name, process in processors.items() if process is not None}
        self._reads: Sequence[tuple[int, Callable[[Any], Any]]] = ()
        self._row: Callable[[Iterable[Any]], Any] | None = None
        if isinstance(statement, ReturnsRows) and (columns := list(statement.exported_columns)):
            names = [str(column.key) for column in columns]
            row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - the names come from the statement
            self._row = row._make
            reads = [column.type.dialect_impl(writer).result_processor(writer, FLOAT8) for column in columns]
            self._reads = [(place, read) for place, read in enumerate(reads) if read is not None]

    def bind(
        self, parameters: Mapping[str, Any], literals: Sequence[BindParameter[Any]] | None
    ) -> tuple[str, Sequence[Any]]:
        """Return the SQL, and its values: *parameters*, and the *literals* of a statement that has some of its own.

        Raises KeyError if a value for a text is missing.
        """
        names, values = self._names, parameters
        if not self._is_text:  # the statement has default values
            values = self._compiled.construct_params(dict(parameters), extracted_parameters=literals)
        if self._binds:
            values = {
                name: self._binds[name](value) if name in self._binds else value
                for name, value in values.items()
            }
        if not self._lists:
            return self._compiled.string, [values[name] for name in names]
        lengths = tuple(len(values[name]) for name in self._lists)
        if lengths not in self._expanded:
            if len(self._expanded) >= MOST_WRITTEN:
                self._expanded.clear()
            state = self._compiled.construct_expanded_state(dict(values))
            items = {
                item: (name, index)
                for name, given in state.parameter_expansion.items()
                for index, item in enumerate(given)
            }
            places: Sequence[tuple[str, int | None]]
            places = [items.get(place, (place, None)) for place in state.positiontup or ()]
            self._expanded[lengths] = state.statement, places
        sql, places = self._expanded[lengths]
        return sql, [values[name] if index is None else values[name][index] for name, index in places]

    def read(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Convert the driver's *rows* as SQLAlchemy does."""
        if self._row is None:
            return rows
        made: list[Any] = []
        for row in rows:
            values = list(row)
            for place, read in self._reads:
                values[place] = read(values[place])
            made.append(self._row(values))
        return made


class Pools:
    """Lends up to *size* connections that *connect* opens. With *has_one_writer*, one further connection writes."""

    def __init__(self, connect: Callable[[], Awaitable[Driver]], size: int, *, has_one_writer: bool) -> None:
        self._readers = _Pool(connect, size)
        self._writers = _Pool(connect, 1) if has_one_writer else self._readers

    def read(self) -> AbstractAsyncContextManager[DirectConnection]:
        """Lend a connection for reading. Raises StoreUnavailable."""
        return self._readers.lend(writes=False)

    def write(self) -> AbstractAsyncContextManager[DirectConnection]:
        """Lend a connection inside a transaction. Raises StoreUnavailable."""
        return self._writers.lend(writes=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._readers.close()
        await self._writers.close()


class _Pool:
    """Lends up to *size* connections, which *connect* opens when needed; the most recently used one is lent first."""

    def __init__(self, connect: Callable[[], Awaitable[Driver]], size: int) -> None:
        self._connect = connect
        self._turns = asyncio.Semaphore(size)
        self._free: list[Driver] = []
        self._written: dict[Any, _Written] = {}

    @contextlib.asynccontextmanager
    async def lend(self, *, writes: bool) -> AsyncGenerator[DirectConnection]:
        """Lend a connection; if *writes*, inside a transaction.

        Raises:
            StoreUnavailable: the database does not answer; the transaction may have been committed.
        """
        driver = await self._take()
        try:
            if writes:
                await driver.begin()
            yield DirectConnection(driver, self._written)
            if writes:
                await driver.commit()
        except BaseException as error:
            if not isinstance(error, driver.errors) or not driver.is_down(error):
                if writes:
                    await _roll_back(driver)
                raise
            if driver.is_lost(error):
                driver.abandon()  # a new connection is cheaper than testing this one
            elif writes:
                await _roll_back(driver)
            raise unavailable(error) from error
        finally:
            self._turns.release()
            if not driver.is_closed:
                self._free.append(driver)

    async def close(self) -> None:
        """Close all connections; no more are lent."""
        while self._free:
            await self._free.pop().close()

    async def _take(self) -> Driver:
        try:
            async with asyncio.timeout(TAKE_SECONDS if self._turns.locked() else None):
                await self._turns.acquire()
        except TimeoutError:
            msg = "no connection to the database was free in time"
            raise StoreUnavailable(msg) from None
        try:
            while self._free:
                driver = self._free.pop()
                if not driver.is_closed:
                    return driver
            return await self._connect()
        except BaseException:
            self._turns.release()
            raise


async def _roll_back(driver: Driver) -> None:
    """Roll back on *driver*, or close it if that fails."""
    try:
        await driver.roll_back()
    except BaseException as error:
        driver.abandon()
        if not isinstance(error, driver.errors):
            raise
