"""A real PostgreSQL, and the far side of the channel at it: a reader of a table."""

import asyncio
import time
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from trunkline.testing import LONGEST_WAIT_SECONDS, Arrival, PostgresServer, Relay, RelayedFarSide

USER, PASSWORD = "hub", "s3cret-of-postgres"
CANCEL = bytes.fromhex("0000001004d2162e")
"""The first bytes of a request to cancel a statement, which comes over a separate connection."""


class Database:
    """A database for one test, in which the hub's user signs in with a password."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.name = name
        self._server = server

    @property
    def socket(self) -> str:
        query = make_url(self._server.url).query
        return f"{query['host']}/.s.PGSQL.{query.get('port', 5432)}"

    async def prepare(self) -> None:
        await self._ask_for_a_password()
        await self.execute(
            f"DO $$ BEGIN CREATE ROLE {USER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        await self.execute(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")

    async def make_table(self, table: str, *, key: str = "") -> None:
        await self.execute(
            f"CREATE TABLE {table} (no bigserial, id text {key}, type text NOT NULL, event json NOT NULL)"
        )
        await self.execute(f"GRANT INSERT, SELECT ON {table} TO {USER}")
        await self.execute(f"GRANT USAGE ON SEQUENCE {table}_no_seq TO {USER}")

    async def _ask_for_a_password(self) -> None:
        rules = Path(self.socket).parent / "pg_hba.conf"
        text = rules.read_text()
        if USER not in text:
            rules.write_text(f"local all {USER} scram-sha-256\n{text}")
            await self.execute("SELECT pg_reload_conf()")

    async def execute(self, statement: str) -> list:
        url = self._server.url_of(self.name).replace("postgresql+asyncpg", "postgresql")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            cursor = await connection.execute(statement)
            return await cursor.fetchall() if cursor.description else []


class Reader(RelayedFarSide):
    """Reads one table."""

    before_tls = (bytes.fromhex("0000000804d2162f"), b"S")

    def __init__(self, database: Database, relay: Relay, table: str) -> None:
        super().__init__(relay)
        relay.aside = CANCEL
        self.target = {
            "host": "127.0.0.1",
            "port": relay.port,
            "tls": False,
            "database": database.name,
            "table": table,
            "user": USER,
            "password": PASSWORD,
        }
        self._database = database
        self._table = table
        self._is_away = False

    async def arrivals(self, count: int) -> list[Arrival]:
        table = f"{self._table}_away" if self._is_away else self._table
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while True:
                rows = await self._database.execute(f"SELECT id, event::text FROM {table} ORDER BY no")
                if len(rows) >= count:
                    return [Arrival(key, event.encode(), None, time.monotonic()) for key, event in rows]
                await asyncio.sleep(0.02)

    async def accept(self) -> bool:
        if self._is_away:
            await self._database.execute(f"ALTER TABLE {self._table}_away RENAME TO {self._table}")
            self._is_away = False
        await self._database.execute(f"ALTER TABLE {self._table} DROP CONSTRAINT IF EXISTS not_one")
        return await super().accept()

    async def refuse_for_now(self) -> bool:
        await self._database.execute(f"ALTER TABLE {self._table} RENAME TO {self._table}_away")
        self._is_away = True
        return True

    async def refuse_event(self, event_id: str) -> bool:
        constraint = f"CONSTRAINT not_one CHECK (id <> '{event_id}')"
        await self._database.execute(f"ALTER TABLE {self._table} ADD {constraint}")
        return True

    async def another(self) -> "Reader":
        table = f"{self._table}_other"
        await self._database.make_table(table)
        return Reader(self._database, await self.relay.beside(), table)
