"""Databases and hubs for every suite, out of ``trunkline.testing``, and the same on both engines in turn.

``database`` runs a test on both. The templates here have the tables of every plugin.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from trunkline import settings
from trunkline.cli import opening
from trunkline.store.database import Database
from trunkline.testing import databases, hubs
from trunkline.testing.databases import started_postgres
from trunkline.testing.receiver import Receiver

__all__ = ["SHARDS", "started_postgres"]

SHARDS = databases.SHARDS
HUB_SETTINGS = hubs.HUB_SETTINGS
Running = hubs.TestHub


@dataclass(frozen=True, slots=True)
class PostgresServer(databases.PostgresServer):
    """The server of the run, for fixtures that are no coroutines. *loop* is theirs."""

    loop: asyncio.AbstractEventLoop | None = None

    def run(self, coroutine: Awaitable[str | None]) -> str | None:
        assert self.loop is not None
        return self.loop.run_until_complete(coroutine)

    @contextlib.contextmanager
    def lend(self, *, template: str) -> Iterator[str]:
        """Make a database for one test; gives its URL."""
        name = self.run(self.create(template=template))
        yield self.url_of(name)
        self.run(self.drop(name))


async def _migrate(url: str) -> None:
    """Bring a database to where the hub with all its plugins has it."""
    hub = opening.inspected(settings.load(environment={"TRUNKLINE_DATABASE__URL": url}))
    await databases.migrate_database(url, hub.histories())


@pytest.fixture(scope="session")
def _sync_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give plain fixtures a loop of their own; it never runs while a test's does."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def postgres_server(
    trunkline_databases: databases.Databases, _sync_loop: asyncio.AbstractEventLoop
) -> PostgresServer:
    """One PostgreSQL server for the run (one in each worker under xdist)."""
    server = trunkline_databases.server
    return PostgresServer(server.url, server.numbers, _sync_loop)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The server's maintenance database."""
    return postgres_server.url


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.lend(template="template1") as url:
        postgres_server.run(_migrate(url))
        yield url.rpartition("/")[2].partition("?")[0]


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


MakeHub = Callable[..., Awaitable[Running]]
"""``await make_hub(url, {"delivery.max_subscriptions": "2"}, dispatch=False)``"""


@pytest.fixture
async def make_hub() -> AsyncIterator[MakeHub]:
    """Start hubs on a database, with settings over ``HUB_SETTINGS``; they stop when the test ends.

    Name it after the database among a test's arguments: then the hubs stop before the database goes.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            url: str, changed: Mapping[str, str] | None = None, *, dispatch: bool = True
        ) -> Running:
            started = await hubs.start_hub(url, changed, dispatch=dispatch, keeps_log=False)
            stack.push_async_callback(started.stop)
            return started

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
