"""Databases and hubs for every suite, out of ``trunkline.testing``, and the same on both engines in turn.

``database`` runs a test on both. The templates here have the tables of every plugin.

``running`` and ``api`` lend a hub that all tests of a module share; each test has a company of its own on it, whose
number is ``running.company_id``. A test that needs more than a company of its own (all events, settings, a hub that
it stops) says so with ``@pytest.mark.own_hub``, and gets a hub and a database that no other test has seen. With
``own_hub(settings={"plugins.enabled": "webhooks"})`` that costs a third: it is the plugins that make a start slow.
"""

import contextlib
import gc
import importlib.util
import itertools
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from tests.databases import MigratedDatabases
from tests.hubs import Running, SharedHubs, start_hub
from tests.postgres_servers import SystemPostgres, started_system_postgres
from tests.spared import definitions_are_compiled_once, pytest_collection_finish
from tests.templates import compiled_once

from trunkline.store import erasures
from trunkline.store.database import Database
from trunkline.testing import databases, hubs
from trunkline.testing.databases import Engine, started_postgres
from trunkline.testing.receiver import Receiver

__all__ = [
    "SHARDS",
    "definitions_are_compiled_once",
    "pytest_collection_finish",
    "started_postgres",
]

hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")  # how long an example takes says how busy the machine is

TESTS = Path(__file__).parent
WAITING = (
    "core/api/test_companies.py",
    "core/api/test_connections.py",
    "core/api/test_environments.py",
    "core/cli/test_companies.py",
    "core/dispatch",
)
"""Whose tests wait, for retries and time limits, much longer than they compute."""
SLOW_ON_POSTGRESQL = (
    "core/api",
    "core/cli/test_quarantine.py",
    "core/dispatch/test_batches.py",
    "core/dispatch/test_breaker.py",
    "core/dispatch/test_cancelled_replays.py::test_nothing_of_a_cancelled_replay",
    "core/dispatch/test_changes.py",
    "core/dispatch/test_channels.py",
    "core/dispatch/test_ordering.py",
    "core/dispatch/test_outcomes.py",
    "core/dispatch/test_paces.py",
    "core/dispatch/test_reports.py",
    "core/dispatch/test_supervision.py",
    "core/dispatch/test_unreadable.py",
    "core/runtime/test_metrics.py",
    "core/schemas/test_versions_side_by_side.py",
    "core/stream/test_retention.py",
    "plugins/polling",
    "plugins/portal",
    "plugins/webhooks",
)
"""The HTTP edge, pages, and of the dispatcher what comes of an attempt: their SQL is tried on both in ``core/store`` and beside it."""
FAST_ON_BOTH = (
    "core/dispatch/test_changes.py::test_an_attempt_under_way_while_its_subscription_is_deleted",
    "core/dispatch/test_changes.py::test_retries_of_a_paused_subscription",
    "core/dispatch/test_changes.py::test_what_is_pending_ends_as_gone",
    "core/dispatch/test_ordering.py::test_a_failing_delivery",
    "core/dispatch/test_ordering.py::test_a_key_that_fails_in_a_replay",
    "core/dispatch/test_ordering.py::test_beyond_a_bound",
    "core/dispatch/test_ordering.py::test_deliveries_of_one_key",
    "core/dispatch/test_ordering.py::test_skipping_ends_a_delivery",
    "core/dispatch/test_ordering.py::test_what_is_held_ends_with_its_subscription",
    "plugins/portal/test_sign_in.py",
    "plugins/portal/test_links.py",
    "plugins/portal/test_oidc_users.py",
)
"""Of these, each statement of an order and of what ends open deliveries, and what the portal keeps in tables of its own."""
_SLOW_AS_A_WHOLE = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)
SHARDS = databases.SHARDS
HUB_SETTINGS = hubs.HUB_SETTINGS


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave modules that are slow as a whole unread where slow tests are left out, and the ``conftest`` of folders of such.

    Each worker would import all that they need.
    """
    if config.option.markexpr != "not slow":
        return None
    if collection_path.is_dir():
        modules = list(collection_path.rglob("test_*.py"))
    else:
        modules = [collection_path] if collection_path.name.startswith("test_") else []
    return (bool(modules) and all(map(_is_slow_as_a_whole, modules))) or None


def _is_slow_as_a_whole(module: Path) -> bool:
    return _SLOW_AS_A_WHOLE.search(module.read_text()) is not None


def pytest_configure(config: pytest.Config) -> None:
    """Set a worker on its way, and answer the question of httpx which loop runs.

    With every call of an app it looks for ``sniffio``, through the whole path.
    """
    if importlib.util.find_spec("sniffio") is None:
        answer = ModuleType("sniffio")
        answer.current_async_library = lambda: "asyncio"
        sys.modules["sniffio"] = answer
    if hasattr(config, "workerinput") and config.args == config.getini("testpaths"):
        _collect_another_part_first(config, config.workerinput)


def _collect_another_part_first(config: pytest.Config, worker: Mapping[str, Any]) -> None:
    """Let each worker begin with another part of the tests: in a fresh clone each compiles a share, and finds the rest compiled."""
    folders = (TESTS / "core", TESTS / "plugins", TESTS)
    found = [path for folder in folders for path in sorted(folder.iterdir()) if path not in folders]
    parts = [path for path in found if path.name.startswith("test_") or _has_tests(path)]
    first = int(worker["workerid"].removeprefix("gw")) * len(parts) // worker["workercount"]
    config.args = list(map(str, parts[first:] + parts[:first]))


def _has_tests(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob("test_*.py"))


@pytest.hookimpl(tryfirst=True)  # before ``-m`` looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave PostgreSQL to the slow suites where no statement of SQL is first tried: the rooms below have tried it on both."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path)
        _spread(items)
    of_sqlite = {_function_of(item) for item in items if _is_of(item, "sqlite")}
    for item in items:
        name = f"{item.path.relative_to(TESTS).as_posix()}::{item.name}"
        is_second = _is_of(item, "postgresql") and _function_of(item) in of_sqlite
        if is_second and name.startswith(SLOW_ON_POSTGRESQL) and not name.startswith(FAST_ON_BOTH):
            item.add_marker("slow")


def _is_of(item: pytest.Item, engine: Engine) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and engine in callspec.params.values()


def _function_of(item: pytest.Item) -> tuple[Path, str]:
    return item.path, item.nodeid.partition("[")[0]


def _spread(items: list[pytest.Item]) -> None:
    """Put the modules that wait evenly between those that compute: workers that are dealt the same part of the list share cores."""
    modules = [list(group) for _, group in itertools.groupby(items, key=lambda item: item.path)]
    parts: tuple[list[list[pytest.Item]], ...] = ([], [])
    for module in modules:
        parts[module[0].path.relative_to(TESTS).as_posix().startswith(WAITING)].append(module)
    placed = [pair for part in parts for pair in _placed(part)]
    items[:] = itertools.chain.from_iterable(module for _, module in sorted(placed, key=lambda pair: pair[0]))


def _placed(modules: list[list[pytest.Item]]) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Give each module with its place in their list, as a share of all their tests."""
    done, total = 0, sum(map(len, modules))
    for module in modules:
        yield done / total, module
        done += len(module)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector off while tests are collected: what they leave stays for the whole run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Collect once what is left over, which pytest would do five times; what lives for long only where there is time for it."""
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
    """Makes fresh, migrated databases."""
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
    """A PostgreSQL server of the system's package, with TLS; skips where there is none."""
    with started_system_postgres() as server:
        yield server


@pytest.fixture
async def sqlite_database_url(tmp_path: Path, migrated_databases: MigratedDatabases) -> AsyncIterator[str]:
    """A fresh, migrated SQLite database."""
    async with contextlib.AsyncExitStack() as stack:
        yield await migrated_databases.fresh("sqlite", folder=tmp_path, stack=stack)


@pytest.fixture
async def postgres_database_url(tmp_path: Path, migrated_databases: MigratedDatabases) -> AsyncIterator[str]:
    """A fresh, migrated PostgreSQL database."""
    async with contextlib.AsyncExitStack() as stack:
        yield await migrated_databases.fresh("postgresql", folder=tmp_path, stack=stack)


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
    engine: Engine, tmp_path: Path, trunkline_databases: databases.Databases
) -> AsyncIterator[str]:
    """A fresh database without any table, on both engines in turn."""
    async with contextlib.AsyncExitStack() as stack:
        yield await trunkline_databases.empty(engine, folder=tmp_path, stack=stack)


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


@pytest.fixture
def erasures_settle_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the removal of a company end half a second after nothing is left of it: real hubs give what is under way five."""
    monkeypatch.setattr(erasures, "SETTLE_MS", 500)


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
            started = await start_hub(url, changed, dispatch=dispatch)
            stack.push_async_callback(started.stop)
            return started

        yield make


@pytest.fixture(scope="module")
async def shared_hubs(
    migrated_databases: MigratedDatabases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SharedHubs]:
    """The hubs that the tests of a module share."""
    async with contextlib.AsyncExitStack() as stack:
        yield SharedHubs(migrated_databases, lambda: tmp_path_factory.mktemp("hub"), stack)


LendHub = Callable[..., Awaitable[Running]]
"""``await lend_hub("sqlite", {"delivery.max_subscriptions": "2"}, dispatch=False)``"""


@pytest.fixture
async def lend_hub(shared_hubs: SharedHubs) -> AsyncIterator[LendHub]:
    """Lend hubs that other tests of the module use too, with settings over ``HUB_SETTINGS``."""
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
    """A hub on each engine in turn, its dispatcher included."""
    return request.getfixturevalue("_own_running" if _has_own_hub(request) else "_shared_running")


@pytest.fixture
async def _shared_api(lend_hub: LendHub) -> Running:
    return await lend_hub("sqlite", dispatch=False)


@pytest.fixture
async def _own_api(request: pytest.FixtureRequest, sqlite_database_url: str, make_hub: MakeHub) -> Running:
    return await make_hub(sqlite_database_url, _own_settings(request), dispatch=False)


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Running:
    """A hub on SQLite that does not deliver, for what no database and no push can change."""
    return request.getfixturevalue("_own_api" if _has_own_hub(request) else "_shared_api")


def _has_own_hub(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("own_hub") is not None


def _own_settings(request: pytest.FixtureRequest) -> Mapping[str, str]:
    return request.node.get_closest_marker("own_hub").kwargs.get("settings", {})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A target on a socket of its own."""
    async with Receiver() as started:
        yield started
