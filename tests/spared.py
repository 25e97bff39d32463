"""Work shared by the hubs of one test process: a pytest plugin for ``conftest``, and for runs of the kit elsewhere.

These load it by name (``PYTEST_PLUGINS``), so it imports nothing from ``tests``.
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
    """Spare the garbage collector all tests and modules: a full collection over them takes half a second or more.

    What finding the tests left as garbage, ten megabytes, stays among them.
    """
    gc.freeze()
    gc.set_threshold(200_000, 5, 50)  # a hub makes 100,000 objects: most are gone before they are looked at


@pytest.fixture(scope="session", autouse=True)
def definitions_are_compiled_once() -> Iterator[None]:
    """Give all hubs of a run that read the same files one catalogue of definitions, which nobody changes: half of a lean start."""
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
