"""PostgreSQL databases for cases. A used database is reset, which costs less than making a new one."""

import contextlib
from collections.abc import AsyncGenerator

import asyncpg

from trunkline_kit.databases import PostgresServer

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
_DISMISS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
"""Ends the backends of a killed process, which may still be about to commit."""


class Databases:
    """The databases of one server at *url*, made from a furnished one or from nothing."""

    def __init__(self, url: str) -> None:
        self._server = PostgresServer(url)
        self._spare: list[str] = []
        self._put_back = ""

    async def create(self) -> str:
        return await self._server.create()

    def url_of(self, name: str) -> str:
        return self._server.url_of(name)

    async def keep(self, name: str) -> None:
        """Save the present contents of the database *name* for ``lend``."""
        self._furnished = name
        connection = await asyncpg.connect(self.url_of(name))
        try:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            sequences = await connection.fetch(_SEQUENCES)
            await connection.execute("CREATE SCHEMA kept")
            for table in tables:
                await connection.execute(f"CREATE TABLE kept.{table} AS TABLE public.{table}")
        finally:
            await connection.close()
        statements = ["SET LOCAL session_replication_role = replica"]  # despite foreign keys
        for table in tables:
            statements += [
                f"DELETE FROM public.{table}",
                f"INSERT INTO public.{table} OVERRIDING SYSTEM VALUE TABLE kept.{table}",
            ]
        for sequence, last in sequences:
            statements.append(f"SELECT setval('public.{sequence}', {last or 1}, {last is not None})")
        self._put_back = ";".join(statements)

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncGenerator[str]:
        """Lend a furnished database; give its URL."""
        name = self._spare.pop() if self._spare else await self._server.create(template=self._furnished)
        url = self.url_of(name)
        yield url  # after a failed case the database is not used again
        await _execute(url, _DISMISS)
        await _execute(url, self._put_back)
        self._spare.append(name)

    @contextlib.asynccontextmanager
    async def lend_empty(self) -> AsyncGenerator[str]:
        name = await self.create()
        try:
            yield self.url_of(name)
        finally:
            await self._server.drop(name)


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
