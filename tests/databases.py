"""Fresh databases with the tables of every plugin: a test's PostgreSQL database is emptied and reused.

Making and dropping a PostgreSQL database costs a quarter of a second of CPU; resetting it to its template costs a fiftieth of
that. A database whose schema a test has changed is dropped.
"""

import asyncio
import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from trunkline import settings
from trunkline.access.companies import Companies
from trunkline.access.company_limits import CompanyLimits
from trunkline.cli import opening
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory
from trunkline_kit import databases
from trunkline_kit.databases import Engine, PostgresServer

_SEED = """
CREATE SCHEMA seed;

CREATE TABLE seed.sequences (name text, value bigint, is_called boolean);
CREATE TABLE seed.filled (name text);

DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF pg_relation_size(format('public.%I', name)) > 0 THEN
            EXECUTE format('CREATE TABLE seed.%I AS TABLE public.%I', 't_' || name, name);
            INSERT INTO seed.filled VALUES (name);
        END IF;
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('INSERT INTO seed.sequences SELECT %L, last_value, is_called FROM public.%I', name, name);
    END LOOP;
END $$;

CREATE FUNCTION seed.restore() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);  -- no foreign keys meanwhile
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF pg_relation_size(format('public.%I', name)) > 100000 THEN
            EXECUTE format('TRUNCATE public.%I CASCADE', name);
        ELSIF pg_relation_size(format('public.%I', name)) > 0 THEN  -- else nothing was ever in it
            EXECUTE format('DELETE FROM public.%I', name);
        END IF;
    END LOOP;
    FOR name IN SELECT f.name FROM seed.filled AS f LOOP
        EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE SELECT * FROM seed.%I', name, 't_' || name);
    END LOOP;
    PERFORM setval(format('public.%I', s.name), s.value, s.is_called) FROM seed.sequences AS s;
END $$
"""
_DISCONNECT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SCHEMA = """
SELECT string_agg(catalog || ':' || rows || ':' || coalesce(versions, 0), ' ') FROM (
    SELECT 'attribute' AS catalog, count(*) AS rows, sum(xmin::text::bigint) AS versions
        FROM pg_attribute WHERE attrelid >= 16384
    UNION ALL SELECT 'type', count(*), sum(xmin::text::bigint) FROM pg_type WHERE oid >= 16384
    UNION ALL SELECT 'constraint', count(*), sum(xmin::text::bigint) FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT 'default', count(*), sum(xmin::text::bigint) FROM pg_attrdef
    UNION ALL SELECT 'trigger', count(*), sum(xmin::text::bigint) FROM pg_trigger
    UNION ALL SELECT 'function', count(*), sum(xmin::text::bigint) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'class', count(*), sum(hashtext(relname || coalesce(relacl::text, '') || relrowsecurity))
        FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT 'setting', count(*), sum(s.xmin::text::bigint)
        FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase WHERE d.datname = current_database()
) AS counts
"""


async def migrate(url: str) -> None:
    """Migrate a database for the hub with all its plugins."""
    hub = opening.inspected(settings.load(environment={"TRUNKLINE_DATABASE__URL": url}))
    await databases.migrate_database(url, hub.histories())


@dataclass(slots=True)
class PostgresPool:
    """Lends databases of a PostgreSQL server, all in the state of one template."""

    server: PostgresServer
    template: str
    schema: str
    free: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, server: PostgresServer) -> "PostgresPool":
        template = await server.create()
        await migrate(server.url_of(template))
        connection = await asyncpg.connect(server.url_of(template))
        try:
            await connection.execute(_SEED)
            schema = await connection.fetchval(_SCHEMA)
        finally:
            await connection.close()
        return cls(server, template, schema)

    async def take(self) -> str:
        """Lend a database; return its name."""
        return self.free.pop() if self.free else await self.server.create(template=self.template)

    async def give_back(self, name: str) -> None:
        """Reset a database to the template, or drop it."""
        try:
            is_restored = await self._restore(name)
        except (OSError, asyncpg.PostgresError):
            is_restored = False
        if is_restored:
            self.free.append(name)
        else:
            await self.server.drop(name)

    async def _restore(self, name: str) -> bool:
        connection = await asyncpg.connect(self.server.url_of(name))
        try:
            await connection.execute(_DISCONNECT)
            if await connection.fetchval(_SCHEMA) != self.schema:
                return False
            await connection.execute("SELECT seed.restore()")
            return True
        finally:
            await connection.close()


@dataclass(slots=True)
class MigratedDatabases:
    """Makes fresh databases that have the tables of every plugin."""

    databases: databases.Databases
    folder: Path
    pool: PostgresPool | None = None

    async def fresh(self, engine: Engine, *, folder: Path, stack: contextlib.AsyncExitStack) -> str:
        """Make a database for as long as *stack* is open (for SQLite a file in *folder*); return its URL."""
        return await (self._copy_file(folder) if engine == "sqlite" else self._lend(stack))

    async def _copy_file(self, folder: Path) -> str:
        template = self.folder / "template.db"
        if not template.exists():
            await migrate(f"sqlite:///{template}")
        file = folder / "trunkline.db"
        shutil.copy(template, file)
        return f"sqlite:///{file}"

    async def _lend(self, stack: contextlib.AsyncExitStack) -> str:
        if self.pool is None:
            self.pool = await PostgresPool.open(await asyncio.to_thread(lambda: self.databases.server))
        name = await self.pool.take()
        stack.push_async_callback(self.pool.give_back, name)
        return self.pool.server.url_of(name)


def limits_over(database: Database) -> CompanyLimits:
    return CompanyLimits(database, settings.Companies(), max_subscriptions=100)


def companies_over(database: Database) -> Companies:
    return Companies(
        database, limits=limits_over(database), directory=CompanyDirectory(database), plugins=list
    )
