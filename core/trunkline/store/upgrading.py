"""Running a migration history with alembic."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: sqlalchemy.Connection, *, folder: Path, version_table: str) -> None:
    """Apply what is missing of the revisions in *folder*, in the transaction that *connection* is in."""
    command.upgrade(config(connection, folder=folder, version_table=version_table), "head")


def config(connection: sqlalchemy.Connection, *, folder: Path, version_table: str) -> Config:
    """Give what alembic's commands need to know."""
    made = Config()
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.set_main_option("version_locations", str(folder).replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    made.attributes["connection"] = connection
    made.attributes["version_table"] = version_table
    return made
