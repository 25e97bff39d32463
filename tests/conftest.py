"""Databases and hubs for every suite, from ``trunkline_kit``, on both engines in turn.

``database`` runs a test on both. The templates here have the tables of every plugin.

``running`` and ``api`` give a hub that all tests of a module share; each test has its own company on it, with the number
``running.company_id``. A test that needs more (all events, settings, stopping the hub) is marked ``@pytest.mark.own_hub``, and
gets a new hub and database. ``own_hub(settings={"plugins.enabled": "webhooks"})`` starts in a third of the time, because plugins take
most of a start.
"""

import asyncio
import contextlib
import gc
import importlib.util
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import httpx2
import hypothesis
import pytest
import uvloop
from tests.databases import MigratedDatabases
from tests.hubs import Running, SharedHubs, start_hub
from tests.postgres_servers import SystemPostgres, started_system_postgres
from tests.selection import collect_another_part_first, pytest_collection_modifyitems, pytest_ignore_collect
from tests.spared import (
    definitions_are_compiled_once,
    hooks_are_found_fast,
    routes_are_read_once,
)
from tests.templates import compiled_once

from trunkline.store import erasures
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline_kit import databases, hubs
from trunkline_kit.databases import Engine, started_postgres
from trunkline_kit.receiver import Receiver

__all__ = [
    "SHARDS",
    "definitions_are_compiled_once",
    "hooks_are_found_fast",
    "pytest_collection_modifyitems",
    "pytest_ignore_collect",
    "routes_are_read_once",
    "started_postgres",
]

hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")  # an example's duration depends on the machine's load

SHARDS = databases.SHARDS
HUB_SETTINGS = hubs.HUB_SETTINGS


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests on the event loop of ``trunkline serve`` and ``worker``."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    """Prepare a worker, give the tests' own calls more time, and provide ``sniffio`` for httpx.

    httpx looks for ``sniffio`` at every call of an app, through the whole import path.
    """
    if importlib.util.find_spec("sniffio") is None:
        answer = ModuleType("sniffio")
        answer.current_async_library = lambda: "asyncio"
        sys.modules["sniffio"] = answer
    patient = httpx2._config.DEFAULT_TIMEOUT_CONFIG
    patient.connect = patient.read = patient.write = patient.pool = (
        60  # not five: the machine may be slow and busy
    )
    if config.option.markexpr == "not slow" and (memory := databases._memory()):
        os.environ.setdefault(
            "PYTEST_DEBUG_TEMPROOT", str(memory)
        )  # commits of SQLite are a sixth cheaper there
    if hasattr(config, "workerinput") and config.args == config.getini("testpaths"):
        collect_another_part_first(config, config.workerinput)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Disable the garbage collector while tests are collected: the tests stay in memory for the whole run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Collect garbage once instead of pytest's five times; the oldest generation only if there is time."""
    gc.collect(2 if "CI" in os.environ else 1)
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _templates_are_compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def migrated_databases(
    trunkline_databases: databases.Databases, tmp_path_factory: pytest.TempPathFactory
) -> MigratedDatabases:
    return MigratedDatabases(trunkline_databases, tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def postgres_server(trunkline_databases: databases.Databases) -> databases.PostgresServer:
    """One PostgreSQL server for the run (one in each worker under xdist)."""
    return trunkline_databases.server


@pytest.fixture
def postgres_url(postgres_server: databases.PostgresServer) -> str:
    """The server's maintenance database."""
    return postgres_server.url


@pytest.fixture(scope="session")
def system_postgres() -> Iterator[SystemPostgres]:
    """A PostgreSQL server of the system's package, with TLS; skips if there is none."""
    with started_system_postgres() as server:
        yield server


@pytest.fixture
async def _lent() -> AsyncIterator[contextlib.AsyncExitStack]:
    """Give the test's databases back, after the hubs of ``make_hub`` have stopped."""
    async with contextlib.AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def sqlite_database_url(tmp_path: Path, migrated_databases: MigratedDatabases, _lent) -> str:
    """A fresh, migrated SQLite database."""
    return await migrated_databases.fresh("sqlite", folder=tmp_path, stack=_lent)


@pytest.fixture
async def postgres_database_url(tmp_path: Path, migrated_databases: MigratedDatabases, _lent) -> str:
    """A fresh, migrated PostgreSQL database."""
    return await migrated_databases.fresh("postgresql", folder=tmp_path, stack=_lent)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both engines in turn."""
    return request.param


@pytest.fixture
def database_url(engine: Engine, request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database, on both engines in turn."""
    name = "sqlite_database_url" if engine == "sqlite" else "postgres_database_url"
    return request.getfixturevalue(name)


@pytest.fixture
async def empty_database_url(
    engine: Engine, tmp_path: Path, trunkline_databases: databases.Databases, _lent
) -> str:
    """A fresh database without any table, on both engines in turn."""
    return await trunkline_databases.empty(engine, folder=tmp_path, stack=_lent)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated and opened database, on both engines in turn."""
    async with EngineDatabase(database_url) as opened:
        yield opened


@pytest.fixture
async def sqlite_database(sqlite_database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated and opened SQLite database."""
    async with EngineDatabase(sqlite_database_url) as opened:
        yield opened


@pytest.fixture
async def postgres_database(postgres_database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated and opened PostgreSQL database."""
    async with EngineDatabase(postgres_database_url) as opened:
        yield opened


@pytest.fixture
def erasures_settle_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a company's removal half a second after its last row, instead of five seconds as in real hubs."""
    monkeypatch.setattr(erasures, "SETTLE_MS", 500)


MakeHub = Callable[..., Awaitable[Running]]
"""``await make_hub(url, {"delivery.max_subscriptions": "2"}, dispatch=False)``"""


@pytest.fixture
async def make_hub(tmp_path: Path, _lent) -> AsyncIterator[MakeHub]:
    """Start hubs on a database, with settings over ``HUB_SETTINGS``; they stop when the test ends."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            url: str, changed: Mapping[str, str] | None = None, *, dispatch: bool = True
        ) -> Running:
            started = await start_hub(url, changed, dispatch=dispatch)
            stack.push_async_callback(started.stop)
            return started

        yield make


@pytest.fixture(scope="module")
async def shared_hubs(
    migrated_databases: MigratedDatabases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SharedHubs]:
    async with contextlib.AsyncExitStack() as stack:
        yield SharedHubs(migrated_databases, lambda: tmp_path_factory.mktemp("hub"), stack)


LendHub = Callable[..., Awaitable[Running]]
"""``await lend_hub("sqlite", {"delivery.max_subscriptions": "2"}, dispatch=False)``"""


@pytest.fixture
async def lend_hub(shared_hubs: SharedHubs) -> AsyncIterator[LendHub]:
    """Give hubs shared with other tests of the module, with settings over ``HUB_SETTINGS``."""
    async with contextlib.AsyncExitStack() as stack:

        async def lend(
            engine: Engine, changed: Mapping[str, str] | None = None, *, dispatch: bool = True
        ) -> Running:
            return await stack.enter_async_context(shared_hubs.lend(engine, changed, dispatch=dispatch))

        yield lend


@pytest.fixture
async def _shared_running(engine: Engine, lend_hub: LendHub) -> Running:
    return await lend_hub(engine)


@pytest.fixture
async def _own_running(request: pytest.FixtureRequest, database_url: str, make_hub: MakeHub) -> Running:
    return await make_hub(database_url, _own_settings(request))


@pytest.fixture
def running(engine: Engine, request: pytest.FixtureRequest) -> Running:
    """A hub on each engine in turn, with its dispatcher."""
    return request.getfixturevalue("_own_running" if _has_own_hub(request) else "_shared_running")


@pytest.fixture
async def _shared_api(lend_hub: LendHub) -> Running:
    return await lend_hub("sqlite", dispatch=False)


@pytest.fixture
async def _own_api(request: pytest.FixtureRequest, sqlite_database_url: str, make_hub: MakeHub) -> Running:
    return await make_hub(sqlite_database_url, _own_settings(request), dispatch=False)


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Running:
    """A hub on SQLite without a dispatcher, for tests that depend on neither database nor pushes."""
    return request.getfixturevalue("_own_api" if _has_own_hub(request) else "_shared_api")


def _has_own_hub(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("own_hub") is not None


def _own_settings(request: pytest.FixtureRequest) -> Mapping[str, str]:
    return request.node.get_closest_marker("own_hub").kwargs.get("settings", {})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A target on a real socket."""
    async with Receiver() as started:
        yield started
