"""Detects a pooler in front of PostgreSQL, such as pgbouncer, and checks whether the hub can work through it.

A pooler that may run each transaction on another connection does not support LISTEN. Such a pooler also loses prepared
statements between connections, unless it tracks them. Since version 1.21, pgbouncer can track them if it is configured
to.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from trunkline.errors import DatabaseUnfit

_ROUNDS = 3
_WHO = "SELECT pg_backend_pid(), ARRAY(SELECT name FROM pg_prepared_statements)"
_LOST = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)


class _KeepsNoStatements(DatabaseUnfit):
    def __init__(self) -> None:
        super().__init__(
            "The database is behind a pooler that shares connections between transactions and loses prepared statements: "
            "set max_prepared_statements = 200 in pgbouncer.ini (pgbouncer 1.21 or newer), or pool_mode = session, "
            "or name the server itself in database.url."
        )


class SchemaDropped(DatabaseUnfit):
    """Raised if a pooler does not pass ``database.schema`` to the server."""

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"The pooler before the database does not pass database.schema on: leave it unset, and give the role its schema "
            f"in PostgreSQL (ALTER ROLE … SET search_path = {schema})."
        )


async def shares_connections(connection: Any, connect: Callable[[], Awaitable[Any]]) -> bool:
    """Return whether a pooler may run each transaction of *connection* on another connection to the server.

    *connection* is a connection of the driver, outside a transaction. *connect* opens a second connection; it is called
    only if there is a pooler.

    Raises:
        DatabaseUnfit: there is such a pooler, and it loses prepared statements.
    """
    try:
        statement = await connection.prepare(_WHO)
        process, prepared = await statement.fetchrow()
        if process == connection.get_server_pid():
            return False  # a pooler sends an invented process number at login
        if statement.get_name() not in prepared:
            return True  # the pooler has renamed the statement, so it tracks statements
        return await _is_taken_from(connection, connect)
    except _LOST:
        raise _KeepsNoStatements from None


async def _is_taken_from(connection: Any, connect: Callable[[], Awaitable[Any]]) -> bool:
    """Return whether another client gets the server connection that *connection* has just used.

    This test works because poolers lend the most recently used connection first.

    Raises:
        DatabaseUnfit: another client gets the connection, so prepared statements are lost.
    """
    other = await connect()
    try:
        for _ in range(_ROUNDS):
            mine = await connection.fetchval("SELECT pg_backend_pid()")
            async with other.transaction():
                if await other.fetchval("SELECT pg_backend_pid()") == mine:
                    raise _KeepsNoStatements
    finally:
        other.terminate()
    return False
