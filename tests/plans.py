"""How a database executes a call's statements: the plans, and the amount of reading and writing."""

import contextlib
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.store.database import Database

Call = Callable[[AsyncConnection], Awaitable[Any]]
Noted = tuple[str, Any]
PAGE = 1_000
"""Limit of rows to sort."""
_BIG_BYTES, _BIG_ROWS, _BIG_SHARE = 2 * 1024**2, 5_000, 50
_AGAIN = 5
"""Number of custom plans that PostgreSQL makes for a prepared statement before it may choose a generic plan."""
_STEP = 100
_NAMED = re.compile(r"\b(?:FROM|JOIN|UPDATE)\s+(\w+)\s+AS\s+(\w+)")


class _UndoneError(Exception):
    """Raised to roll back a transaction."""


@dataclass(frozen=True, slots=True)
class Look:
    """The execution of one *statement*: the faults of its plans, and its cost.

    *work* is the number of pages read or written on PostgreSQL, and thousands of steps of SQLite's virtual machine.
    """

    statement: str
    faults: Sequence[str]
    work: int
    plan: Any


async def look(database: Database, call: Call) -> list[Look]:
    """Explain and execute each statement of *call*, and roll back."""
    statements = await _note(database, call)
    if database.dialect.name == "sqlite":
        return _look_at_sqlite(database, statements)
    looks = []
    async with _undone(database) as connection:
        # frequently read pages are in memory
        await connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
        big = await _big_tables(connection)
        for statement, parameters in statements:
            looks.append(await _look_at_postgresql(connection, statement, parameters, big))
    return looks


@contextlib.asynccontextmanager
async def _undone(database: Database):
    with contextlib.suppress(_UndoneError):
        async with database.write() as connection:
            yield connection
            raise _UndoneError


async def _note(database: Database, call: Call) -> list[Noted]:
    statements: list[Noted] = []

    def note(_connection, _cursor, statement, parameters, *_):
        if not statement.startswith(("BEGIN", "SELECT pg_catalog")):
            statements.append((statement, _first(parameters)))

    async with _undone(database) as connection:
        engine = connection.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            await call(connection)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    return statements


def _first(parameters: Any) -> Any:
    """Give the parameters of one row of an executemany."""
    return parameters[0] if isinstance(parameters, list) else parameters


async def _big_tables(connection: AsyncConnection) -> set[str]:
    rows = await connection.exec_driver_sql(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        f"AND pg_relation_size(oid) > {_BIG_BYTES} AND pg_relation_size(oid) > "
        f"(SELECT max(pg_relation_size(o.oid)) FROM pg_class AS o WHERE o.relkind = 'r') / {_BIG_SHARE}"
    )
    return {row[0] for row in rows}


async def _look_at_postgresql(
    connection: AsyncConnection, statement: str, parameters: Sequence[Any], big: set[str]
) -> Look:
    """Look at the first plan, and at the plan after repeated executions on a connection."""
    driver = (await connection.get_raw_connection()).driver_connection
    used = f"EXECUTE looked_at({', '.join(map(_literal, parameters))})" if parameters else "EXECUTE looked_at"
    await driver.execute(f"PREPARE looked_at AS {statement}")
    first = await _explained(driver, "FORMAT JSON", used)
    await driver.execute(f"EXPLAIN {used};" * _AGAIN)
    last = await _explained(driver, "ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON", used)
    await driver.execute("DEALLOCATE looked_at")
    faults = {fault for plan in (first, last) for fault in _faults_below(plan, big)}
    pages = last["Shared Hit Blocks"] + last["Shared Read Blocks"]
    return Look(statement, sorted(faults), pages, last)


async def _explained(driver: Any, way: str, statement: str) -> Any:
    plan = await driver.fetchval(f"EXPLAIN ({way}) {statement}")
    return (orjson.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return _quoted("{" + ",".join(_element(each) for each in value) + "}")
    if isinstance(value, bool | int | float):
        return str(value)
    return _quoted(_plain(value))


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    return '"' + _plain(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(value: Any) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _faults_below(node: dict[str, Any], big: set[str]) -> Iterator[str]:
    for child in node.get("Plans", ()):
        yield from _faults_below(child, big)
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in big:
        yield f"scans {node['Relation Name']}"
    if node["Node Type"] == "Sort":
        rows = node.get("Actual Rows", node["Plan Rows"])
        if rows > PAGE:
            yield f"sorts {rows} rows by {node['Sort Key']}"


def _look_at_sqlite(database: Database, statements: Sequence[Noted]) -> list[Look]:
    """Explain on a connection that has read the present statistics."""
    with contextlib.closing(
        sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)
    ) as file:
        big = _big_of(file)
        file.execute("BEGIN IMMEDIATE")
        looks = [_steps_of(file, statement, parameters, big) for statement, parameters in statements]
        file.execute("ROLLBACK")
    return looks


def _big_of(file: sqlite3.Connection) -> dict[str, int]:
    """Give the number of rows of each big table, and the same number for each big index of the table."""
    names = file.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    ).fetchall()
    rows = {name: file.execute(f'SELECT max(rowid) FROM "{name}"').fetchone()[0] or 0 for (name,) in names}
    least = max(_BIG_ROWS, max(rows.values()) // _BIG_SHARE)
    big = {name: count for name, count in rows.items() if count > least}
    for name, table, made in file.execute(
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'"
    ).fetchall():
        which = f"WHERE {made.partition(' WHERE ')[2]}" if made and " WHERE " in made else ""
        if table in big and (
            not which or file.execute(f"SELECT 1 FROM {table} {which} LIMIT 1 OFFSET {least}").fetchone()
        ):
            big[name] = big[table]
    return big


def _steps_of(file: sqlite3.Connection, statement: str, parameters: Any, big: dict[str, int]) -> Look:
    plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    taken = [0]

    def count() -> None:
        taken[0] += _STEP

    file.set_progress_handler(count, _STEP)
    file.execute(statement, parameters).fetchall()
    file.set_progress_handler(None, 0)
    tables = {alias: table for table, alias in _NAMED.findall(statement)}
    faults = [line for line in plan if _goes_through(line, tables, big, steps=taken[0])]
    return Look(statement, faults, taken[0] // 1_000, plan)


def _goes_through(line: str, tables: dict[str, str], big: dict[str, int], *, steps: int) -> bool:
    """Tell whether a line of a plan scans a big table or index, or builds an automatic index.

    A scan that ends early takes fewer *steps* than there are rows.
    """
    words = line.split()
    rows = big.get(tables.get(words[1], words[1]), 0) if len(words) > 1 else 0
    if steps < rows or not rows:
        return False
    is_scan = words[0] == "SCAN" and ("INDEX" not in words or words[words.index("INDEX") + 1] in big)
    return is_scan or "AUTOMATIC" in words
