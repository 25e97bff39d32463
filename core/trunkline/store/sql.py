"""Building blocks of SQL: cached texts, JSON columns, and SQL that depends on the dialect."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson
import sqlalchemy
from sqlalchemy import BindParameter, Table, TextClause
from sqlalchemy.types import TypeEngine

from trunkline.store import dialects
from trunkline.store.connection import Connection


@lru_cache(maxsize=1024)
def text(statement: str) -> TextClause:
    """Return SQLAlchemy's ``text`` of *statement*. It is cached, because parsing takes 20 to 40 µs."""
    return sqlalchemy.text(statement)


def json_or_none(value: Mapping[str, Any]) -> str | None:
    """Encode an object as JSON for a column; None if it is empty."""
    return orjson.dumps(value).decode() if value else None


def pins_of(column: str | None) -> dict[str, int]:
    """Decode a column of pins (``schemas.versions.Pins``)."""
    pins: dict[str, int] = orjson.loads(column) if column else {}
    return pins


def now_ms(connection: Connection) -> str:
    """Return the SQL that reads the database's clock in Unix milliseconds."""
    return dialects.of_connection(connection).now_ms


async def clock_ms(connection: Connection) -> int:
    """Read the database's clock as a value, because a volatile function cannot limit an index (``due.oldest``)."""
    return int((await connection.execute(text(f"SELECT {now_ms(connection)}"))).scalar_one())


async def has_table(connection: Connection, name: str) -> bool:
    """Return whether the database has the table *name*."""
    return bool(await connection.scalar(text(dialects.of_connection(connection).has_table), {"name": name}))


def for_update(connection: Connection, *, of: str = "") -> str:
    """Return the SQL clause that locks a SELECT's rows, or only those of its table *of*, until the transaction ends."""
    return dialects.of_connection(connection).lock_rows("UPDATE", of=of)


def for_update_skipping(connection: Connection, *, of: str = "") -> str:
    """Return the SQL clause that locks rows like ``for_update``, but skips rows that another transaction has locked.

    So the statement never waits, and workers cannot deadlock.
    """
    return dialects.of_connection(connection).lock_rows("UPDATE", of=of, skip=True)


def one_of(
    connection: Connection, column: str, parameter: str, kind: type[TypeEngine[Any]]
) -> tuple[str, BindParameter[Any]]:
    """Return the SQL condition that *column* is one of the values of *parameter*, and the bound *parameter*."""
    return dialects.of_connection(connection).one_of(column, parameter, kind)


async def insert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], *, also: str = ""
) -> Any:
    """Insert rows that are given column by column. Rows whose key already exists are skipped.

    Returns the value that *also* selects, if the database can read it in the same statement.
    """
    if next(iter(columns.values())):
        return await dialects.of_connection(connection).insert_columns(connection, table, columns, also=also)
    return None


def columns_of(rows: Sequence[Any], names: Iterable[str]) -> dict[str, list[Any]]:
    """Return the attributes *names* of *rows*, column by column (``insert_columns``)."""
    return {name: list(map(attrgetter(name), rows)) for name in names}


def through_index(connection: Connection, name: str) -> str:
    """Return the SQL clause, written after a table's name, that forces the index *name*, whatever the statistics are.

    It is for statements that read a few rows in the order of a large index.
    """
    return dialects.of_connection(connection).through_index(name)


def rows_source(connection: Connection, columns: Mapping[str, str]) -> str:
    """Return the SQL of a row source named ``u`` that reads the JSON array of arrays bound as ``:rows``.

    *columns* maps each column's name, in the order of the inner arrays, to its SQL type (``bigint`` or ``text``).
    """
    return dialects.of_connection(connection).rows_source(columns)


def rows_json(rows: Sequence[Sequence[Any]]) -> str:
    """Encode *rows* for ``rows_source``."""
    return orjson.dumps(rows).decode()


def some_of(connection: Connection, table: str, condition: str) -> str:
    """Return the SQL condition that a row of *table* is one of ``:limit`` rows that meet *condition*, in any order."""
    picking = f"FROM {table} WHERE {condition} LIMIT :limit"
    return dialects.of_connection(connection).row_among.format(picking=picking)
