"""The PostgreSQL driver for ``store.direct``. It is only loaded to connect to a server."""

import contextlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, Self

import asyncpg
import orjson
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql
from sqlalchemy.engine.default import DefaultDialect

from trunkline.store import failures
from trunkline.store.direct import Driver

CLOSE_SECONDS = 1.0
"""How long closing a connection waits for the server."""
_ROLLBACK_SECONDS = 5.0
_GIVES_ROWS = re.compile(r"\s*(SELECT|VALUES|SHOW)\b|.*\bRETURNING\b", re.DOTALL)
_READS = re.compile(r"\s*WITH\b(?!.*\b(INSERT|UPDATE|DELETE)\b)", re.DOTALL)

_GOES_ON = ("40", "53100", "55P03", "57014")
"""SQLSTATEs after which the connection is usable: rolled back because of a conflict, disk full, lock timeout, cancelled."""
_THROUGH_INDEXES = "SELECT set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false) WHERE pg_backend_pid() = $1"
"""Makes plans that fit large tables.

A connection keeps a plan until the table is analyzed: one that was made for an empty table would scan a large one each time.
The planner's high estimates for scans that no index can replace would start the JIT compiler. A pooler's connection, which has
another number, is left alone, since others use it too.
"""


class PostgreSQLDriver(Driver):
    """A connection of asyncpg, which keeps prepared statements for reuse."""

    writer: ClassVar[DefaultDialect] = postgresql()  # type: ignore[no-untyped-call]
    errors = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

    @classmethod
    async def over(cls, connection: Any) -> Self:
        """Wrap *connection*; its JSON columns are read and written as objects, and its statements read tables through indexes.

        Raises StoreUnavailable if the server ends *connection* meanwhile.
        """
        try:
            await connection.fetchrow(_THROUGH_INDEXES, connection.get_server_pid())
            await connection.set_type_codec(
                "json", schema="pg_catalog", encoder=str, decoder=orjson.loads, format="text"
            )  # SQLAlchemy has already written the value as JSON
        except BaseException as error:
            connection.terminate()
            if isinstance(error, cls.errors):
                raise failures.unavailable(error) from error
            raise
        return cls(connection)

    @property
    def is_closed(self) -> bool:
        """Whether the server or this process has closed the connection."""
        return bool(self.connection.is_closed())

    async def run(self, statement: str, values: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """Run *statement*."""
        if _gives_rows(statement):
            rows = await self.connection.fetch(statement, *values)
            return rows, len(rows)
        status = await self.connection.execute(statement, *values)
        count = status.rpartition(" ")[2]
        return (), int(count) if count.isdigit() else -1

    async def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run *statement* once for each of *rows*."""
        await self.connection.executemany(statement, rows)

    async def begin(self) -> None:
        """Begin a transaction in which each statement sees all earlier commits."""
        await self.connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")

    async def commit(self) -> None:
        """Commit the transaction."""
        await self.connection.execute("COMMIT")

    async def roll_back(self) -> None:
        """Roll back the transaction."""
        await self.connection.execute("ROLLBACK", timeout=_ROLLBACK_SECONDS)

    async def close(self) -> None:
        """Close the connection, and wait for the server's confirmation."""
        with contextlib.suppress(*self.errors):
            await self.connection.close(timeout=CLOSE_SECONDS)

    def abandon(self) -> None:
        """Close the socket; the server then rolls back."""
        self.connection.terminate()

    def is_down(self, error: Exception) -> bool:
        """Decide by the SQLSTATE of *error*.

        An error about a plan that a migration has made invalid counts as well, because the next connection makes a new
        plan.
        """
        if isinstance(error, asyncpg.PostgresError) and not isinstance(
            error, asyncpg.InvalidCachedStatementError
        ):
            return failures.means_down(getattr(error, "sqlstate", None))
        return True

    def is_lost(self, error: Exception) -> bool:
        """Return False if the server answered *error* and goes on with the connection.

        A server whose disk is full would otherwise have to begin a process for each refused request.
        """
        state = getattr(error, "sqlstate", None) if isinstance(error, asyncpg.PostgresError) else None
        return state is None or not state.startswith(_GOES_ON)


@lru_cache(maxsize=2048)
def _gives_rows(statement: str) -> bool:
    return bool(_GIVES_ROWS.match(statement) or _READS.match(statement))
