"""Building blocks of SQL: cached texts, JSON columns, and SQL that depends on the dialect."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
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


def greatest(connection: Connection) -> str:
    """Return the name of the SQL function that picks the larger of its arguments."""
    return dialects.of_connection(connection).greatest


def timeline(connection: Connection) -> str:
    """Return the SQL that reads the timeline of the server's log; NULL if there is none."""
    return dialects.of_connection(connection).timeline


def limit_idling(connection: Connection) -> str:
    """Return an SQL expression that makes the database end this transaction if its process stops responding.

    Use it in statements whose locks block other transactions, because a frozen process would hold the locks forever.
    """
    return dialects.of_connection(connection).limit_idling


def limit_waiting(connection: Connection) -> str:
    """Return an SQL condition that is always true, and that limits this transaction's lock waits to a few seconds."""
    return dialects.of_connection(connection).limit_waiting


def lazily(connection: Connection) -> str:
    """Return an SQL condition that is always true, and that lets this transaction commit without waiting for the disk.

    It is for ``Database.write_lazily``.
    """
    return dialects.of_connection(connection).lazily


async def has_table(connection: Connection, name: str) -> bool:
    """Return whether the database has the table *name*."""
    return bool(await connection.scalar(text(dialects.of_connection(connection).has_table), {"name": name}))


def worker_locks(connection: Connection) -> str:
    """Return a SELECT of the numbers ``no`` of the worker locks that sessions hold."""
    return dialects.of_connection(connection).worker_locks


def json_array(connection: Connection) -> str:
    """Return the name of the SQL function that collects values in a JSON array."""
    return dialects.of_connection(connection).json_array


def for_update(connection: Connection, *, of: str = "") -> str:
    """Return the SQL clause that locks a SELECT's rows, or only those of its table *of*, until the transaction ends."""
    return dialects.of_connection(connection).lock_rows("UPDATE", of=of)


def for_update_skipping(connection: Connection, *, of: str = "") -> str:
    """Return the SQL clause that locks rows like ``for_update``, but skips rows that another transaction has locked.

    So the statement never waits, and workers cannot deadlock.
    """
    return dialects.of_connection(connection).lock_rows("UPDATE", of=of, skip=True)


def for_share(connection: Connection) -> str:
    """Return the SQL clause that prevents changes of the rows of a SELECT until the transaction ends."""
    return dialects.of_connection(connection).lock_rows("SHARE")


def one_of(
    connection: Connection, column: str, parameter: str, kind: type[TypeEngine[Any]]
) -> tuple[str, BindParameter[Any]]:
    """Return the SQL condition that *column* is one of the values of *parameter*, and the bound *parameter*."""
    return dialects.of_connection(connection).one_of(column, parameter, kind)


async def read_then_update(
    connection: Connection, read: str, update: str, parameters: Mapping[str, Any]
) -> tuple[Sequence[Any], Any]:
    """Run *read* and *update* in one round trip; each of them is committed separately.

    Returns the rows, and the value ``changed`` of the update. The rows of *read* begin with ``position`` and are in the
    order of their positions. *update* is an UPDATE that returns one value as ``changed``. In this UPDATE, ``{last}``
    stands for the last position that was read; if ``{last}`` is NULL, the UPDATE changes nothing. If nothing was
    updated, the returned value is None.
    """
    return await dialects.of_connection(connection).read_then_update(connection, read, update, parameters)


async def insert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], *, also: str = ""
) -> Any:
    """Insert rows that are given column by column. Rows whose key already exists are skipped.

    Returns the value that *also* selects, if the database can read it in the same statement.
    """
    if next(iter(columns.values())):
        return await dialects.of_connection(connection).insert_columns(connection, table, columns, also=also)
    return None


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


async def keys_source(connection: Connection, columns: Mapping[str, str]) -> str:
    """Return a ``rows_source`` for keys of another table.

    Each key is looked up through that table's index, whatever the planner's statistics are.
    """
    return await dialects.of_connection(connection).keys_source(connection, columns)


async def prefer_indexes(connection: Connection) -> None:
    """Make the rest of this transaction read tables through indexes, whatever the statistics are."""
    await dialects.of_connection(connection).prefer_indexes(connection)


def rows_json(rows: Sequence[Sequence[Any]]) -> str:
    """Encode *rows* for ``rows_source``."""
    return orjson.dumps(rows).decode()


def some_of(connection: Connection, table: str, condition: str) -> str:
    """Return the SQL condition that a row of *table* is one of ``:limit`` rows that meet *condition*, in any order."""
    picking = f"FROM {table} WHERE {condition} LIMIT :limit"
    return dialects.of_connection(connection).row_among.format(picking=picking)
