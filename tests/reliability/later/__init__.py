"""A plugin whose migrations change the core's tables, as a later version will: columns, indexes, a table, a statement."""

from pathlib import Path

from trunkline import Migrations, hookimpl
from trunkline.store.histories import History

HISTORY = History("later", Path(__file__).parent / "versions")
SETTINGS = {"plugins.paths": str(Path(__file__).parent), "plugins.enabled": "later"}
ENVIRONMENT = {f"TRUNKLINE_{name.upper().replace('.', '__')}": value for name, value in SETTINGS.items()}


@hookimpl
def register_migrations() -> list[Migrations]:
    return [Migrations(f"{__name__}:versions")]
