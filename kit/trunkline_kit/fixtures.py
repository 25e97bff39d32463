"""The fixtures of ``trunkline_kit``, registered when a test first uses one (``trunkline_pytest``)."""

import contextlib
import gc
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from trunkline.hub import catalogs
from trunkline.hub.products import schema_folders
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import FOLDERS
from trunkline.settings import Settings
from trunkline_kit.clocks import MovableClock
from trunkline_kit.databases import Databases
from trunkline_kit.hubs import Hubs, MakeTestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.receiver import Receiver
from trunkline_kit.sources import Site
from trunkline_kit.suites.suite import Suite
from trunkline_kit.watching import Watch


@contextmanager
def shared_work() -> Generator[None]:
    """Compile the definitions of a product once for all hubs of the block, and exclude existing objects from garbage collection.

    Compiling the definitions takes half of a small hub's start. A full collection over all tests and modules takes half
    a second or more.
    """
    load, known = catalogs.load_definition_catalog, dict[object, DefinitionCatalog]()

    def load_once(settings: Settings, *, event_types: SchemaCatalog) -> DefinitionCatalog:
        files = [
            (file, file.stat().st_mtime_ns, file.stat().st_size)
            for folder in schema_folders(settings)
            for kind in FOLDERS.values()
            for file in sorted(Path(str(folder), kind).resolve().glob("*"))
        ]
        key = (*files, *event_types.names())
        if key not in known:
            known[key] = load(settings, event_types=event_types)
        return known[key]

    gc.freeze()
    gc.set_threshold(200_000, 5, 50)  # a hub makes 100,000 objects, and most are freed before a collection
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogs, "load_definition_catalog", load_once)
        yield
    gc.freeze()  # pytest collects garbage five times at its end


@pytest.fixture(scope="session")
def trunkline_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Provide fresh databases on both engines."""
    databases = Databases(tmp_path_factory.mktemp("trunkline"))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def trunkline_watch() -> Watch:
    """Record the side effects of code: network, files, processes, threads, databases."""
    return Watch()


@pytest.fixture(scope="session")
def _trunkline_shared_work() -> Iterator[None]:
    """Share work among the hubs of this process."""
    with shared_work():
        yield


@pytest.fixture(scope="class")
def trunkline_site(tmp_path_factory: pytest.TempPathFactory, _trunkline_shared_work: None) -> Iterator[Site]:
    """Declare plugins that are made by a test."""
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture(scope="class")
def trunkline_plugin(
    request: pytest.FixtureRequest,
    trunkline_site: Site,
    trunkline_watch: Watch,
    tmp_path_factory: pytest.TempPathFactory,
) -> InspectedPlugin:
    """Inspect the suite's plugin in a hub that is built and never started."""
    suite = cast("type[Suite]", request.cls)
    folder = tmp_path_factory.mktemp("inspected")
    return InspectedPlugin(
        suite.plugin, settings=suite.settings, site=trunkline_site, watch=trunkline_watch, folder=folder
    )


@pytest_asyncio.fixture
async def trunkline_hub(
    trunkline_databases: Databases, trunkline_site: Site, tmp_path: Path
) -> AsyncIterator[MakeTestHub]:
    """Start hubs, each with only the plugins that a test names. They stop when the test ends."""
    async with contextlib.AsyncExitStack() as stack:
        yield Hubs(trunkline_databases, tmp_path, trunkline_site, stack).start


@pytest_asyncio.fixture
async def trunkline_receiver() -> AsyncIterator[Receiver]:
    """Start a scripted HTTP target on its own socket."""
    async with Receiver() as started:
        yield started


@pytest.fixture
def trunkline_clock() -> MovableClock:
    """Provide a clock for ``trunkline_hub(clock=…)`` that a test can set forward."""
    return MovableClock()
