"""Runs a migration history with alembic."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from trunkline.store import revision_steps, revisions
from trunkline.store.histories import History
from trunkline.store.revision_steps import Steps

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: sqlalchemy.Connection, history: History, revision: str = "head") -> None:
    """Apply the missing revisions of *history*, up to *revision*, in the transaction of *connection*."""
    command.upgrade(config(connection, history), revision)


def steps_of(dialect: sqlalchemy.Dialect, history: History, *, after: str | None) -> dict[str, Steps]:
    """List the steps of each revision of *history* after the revision *after*, for a database of the *dialect*."""
    script = ScriptDirectory.from_config(config(None, history))
    known = revisions.read(history.folder)
    return {
        revision: revision_steps.read(dialect, script.get_revision(revision).module.upgrade)
        for revision in known[known.index(after) + 1 if after else 0 :]
    }


def config(connection: sqlalchemy.Connection | None, history: History) -> Config:
    """Make the configuration of alembic's commands."""
    alembic_config = Config()
    alembic_config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    alembic_config.set_main_option("version_locations", str(history.folder).replace("%", "%%"))
    alembic_config.set_main_option("path_separator", "newline")
    alembic_config.attributes["connection"] = connection
    alembic_config.attributes["version_table"] = history.version_table
    return alembic_config
