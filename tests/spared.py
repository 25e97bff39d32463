"""Work that the hubs of one test process share: a pytest plugin for ``conftest``, and for runs of the kit elsewhere.

Runs of the kit load it by name (``PYTEST_PLUGINS``), so it imports nothing from ``tests``.
"""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.hub import catalogs
from trunkline.hub.products import schema_folders
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import FOLDERS
from trunkline.settings import Settings


def pytest_collection_finish() -> None:
    """Exclude all tests and modules from garbage collection: a full collection over them takes half a second or more.

    Ten megabytes of garbage from the collection of tests are excluded, too.
    """
    gc.freeze()
    gc.set_threshold(200_000, 5, 50)  # a hub makes 100,000 objects, and most are freed before a collection


@pytest.fixture(scope="session", autouse=True)
def definitions_are_compiled_once() -> Iterator[None]:
    """Share one read-only catalogue of definitions among all hubs that read the same files: half of a small hub's start."""
    load, known = catalogs.load_definition_catalog, {}

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

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogs, "load_definition_catalog", load_once)
        yield
