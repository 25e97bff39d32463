"""Work that the hubs of one test process share."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trunkline.hub import catalogs
from trunkline.hub.products import schema_folders
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import FOLDERS
from trunkline.settings import Settings


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
