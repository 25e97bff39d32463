"""What differs between the two databases, in one place: the clock, bulk inserts, and rows as a parameter; and JSON columns."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy
from sqlalchemy import ARRAY, Table, TextClause, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection


@lru_cache(maxsize=1024)
def text(statement: str) -> TextClause:
    """Give SQLAlchemy's ``text`` of *statement*, the same each time: to parse it anew costs 20 to 40 µs."""
    return sqlalchemy.text(statement)


def is_sqlite(connection: AsyncConnection) -> bool:
    """Tell the dialect of *connection*."""
    return connection.dialect.name == "sqlite"


def now_ms(connection: AsyncConnection) -> str:
    """Give the SQL that reads the database's clock in Unix milliseconds."""
    if is_sqlite(connection):
        return "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)"
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def json_or_none(value: Mapping[str, Any]) -> str | None:
    """Write an object as JSON for a column that is null where it is empty."""
    return orjson.dumps(value).decode() if value else None


def pins_of(column: str | None) -> dict[str, int]:
    """Read a column of pins (``schema_versions.Pins``)."""
    pins: dict[str, int] = orjson.loads(column) if column else {}
    return pins


def greatest(connection: AsyncConnection) -> str:
    """Give the name of the SQL function that picks the larger of its arguments."""
    return "max" if is_sqlite(connection) else "greatest"


async def insert_columns(
    connection: AsyncConnection, table: Table, columns: Mapping[str, Sequence[Any]]
) -> None:
    """Insert rows given column by column; rows whose key is taken are left as they are.

    PostgreSQL takes all of them as arrays in one statement: about 4 µs a row, against 12 for the driver's executemany.
    SQLite's driver is our own (``trunkline.store.sqlite``), and as fast with rows.
    """
    if not next(iter(columns.values())):
        return
    names = tuple(columns)
    if is_sqlite(connection):
        rows = list(zip(*columns.values(), strict=True))
        await connection.exec_driver_sql(_values_insert(table.name, names), rows)
    else:
        await connection.execute(_unnest_insert(table, names), dict(columns))


@lru_cache(maxsize=64)
def _values_insert(table: str, names: tuple[str, ...]) -> str:
    return f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


@lru_cache(maxsize=64)
def _unnest_insert(table: Table, names: tuple[str, ...]) -> TextClause:
    arrays = ", ".join(f":{name}" for name in names)
    statement = text(
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
    )
    return statement.bindparams(*(bindparam(name, type_=ARRAY(table.c[name].type)) for name in names))


def rows_source(connection: AsyncConnection, columns: Mapping[str, str]) -> str:
    """Give the SQL of a row source named ``u`` that reads the JSON array of arrays bound as ``:rows``.

    *columns* maps each column's name, in the order of the inner arrays, to its SQL type (``bigint`` or ``text``).
    """
    if is_sqlite(connection):
        picked = ", ".join(f"value ->> {index} AS {name}" for index, name in enumerate(columns))
        return f"(SELECT {picked} FROM json_each(:rows)) AS u"
    picked = ", ".join(
        f"CAST(r ->> {index} AS {kind}) AS {name}" for index, (name, kind) in enumerate(columns.items())
    )
    return f"(SELECT {picked} FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r) AS u"


def rows_json(rows: Sequence[Sequence[Any]]) -> str:
    """Encode *rows* for ``rows_source``."""
    return orjson.dumps(rows).decode()
