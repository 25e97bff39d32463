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
    """Make the configuration of alembic's commands."""
    alembic_config = Config()
    alembic_config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    alembic_config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    alembic_config.set_main_option("path_separator", "newline")
    alembic_config.attributes["connection"] = connection
    alembic_config.attributes["version_table"] = version_table
    return alembic_config
