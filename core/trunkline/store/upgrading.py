"""Runs a migration history with alembic."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from trunkline.store import revision_steps
from trunkline.store.revision_steps import Steps

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(
    connection: sqlalchemy.Connection, *, folder: Path, version_table: str, revision: str = "head"
) -> None:
    """Apply the missing revisions in *folder*, up to *revision*, in the transaction of *connection*."""
    command.upgrade(config(connection, folder=folder, version_table=version_table), revision)


def steps_of(
    dialect: sqlalchemy.Dialect, *, folder: Path, version_table: str, revisions: list[str]
) -> dict[str, Steps]:
    """List the steps of each of *revisions* in *folder* for a database of the *dialect*."""
    script = ScriptDirectory.from_config(config(None, folder=folder, version_table=version_table))
    return {
        revision: revision_steps.read(dialect, script.get_revision(revision).module.upgrade)
        for revision in revisions
    }


def config(connection: sqlalchemy.Connection | None, *, folder: Path, version_table: str) -> Config:
    """Make the configuration of alembic's commands."""
    alembic_config = Config()
    alembic_config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    alembic_config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    alembic_config.set_main_option("path_separator", "newline")
    alembic_config.attributes["connection"] = connection
    alembic_config.attributes["version_table"] = version_table
    return alembic_config
