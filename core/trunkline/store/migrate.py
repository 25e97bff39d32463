"""Bringing a database to the schema that this version needs: the core's history, then each plugin's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from trunkline import faults
from trunkline.database import Database
from trunkline.store import tables

_FOLDER = Path(__file__).parent / "migrations"
RESERVED_POSITIONS = 999
"""Positions below the first event; examples carry them as their ``id``, so they never collide with an event."""
_LOCK = 7_236_455_001
"""Key of the PostgreSQL advisory lock that makes two migrations wait for each other."""


@dataclass(frozen=True, slots=True)
class History:
    """A line of revisions. Its state stands in the table ``alembic_version_{name}``."""

    name: str
    folder: Path

    @property
    def version_table(self) -> str:
        """The table that tells how far this history has been applied."""
        return f"alembic_version_{self.name}"


CORE = History("core", _FOLDER / "versions")


@dataclass(frozen=True, slots=True)
class State:
    """How far one history has been applied: the revision in the database and the newest one known."""

    history: str
    current: str | None
    newest: str | None


def folder_of(location: str) -> Path:
    """Find the folder that ``package:folder`` names."""
    package, _, folder = location.partition(":")
    return Path(str(files(package))) / folder


async def upgrade(database: Database, histories: Sequence[History] = (), *, shards: int) -> list[State]:
    """Apply what is missing of the core's history and of *histories*, all in one transaction; returns what was before.

    *shards* is how many shards a new database gets.

    Raises:
        StoreUnavailable: the database did not answer; nothing was changed.
    """
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        faults.point("migrate.before")
        before = [await connection.run_sync(_state, history) for history in (CORE, *histories)]
        for history in (CORE, *histories):
            await connection.run_sync(_upgrade, history)
            faults.point("migrate.after_history")
        await connection.run_sync(_furnish, shards)
        faults.point("migrate.before_commit")
    faults.point("migrate.after_commit")
    return before


async def states(database: Database, histories: Sequence[History] = ()) -> list[State]:
    """Tell how far each history has been applied."""
    async with database.read() as connection:
        return [await connection.run_sync(_state, history) for history in (CORE, *histories)]


def _config(history: History, connection: sqlalchemy.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(history.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = history.version_table
    return config


def _upgrade(connection: sqlalchemy.Connection, history: History) -> None:
    command.upgrade(_config(history, connection), "head")


def _state(connection: sqlalchemy.Connection, history: History) -> State:
    context = MigrationContext.configure(connection, opts={"version_table": history.version_table})
    return State(
        history.name,
        context.get_current_revision(),
        ScriptDirectory.from_config(_config(history)).get_current_head(),
    )


def _furnish(connection: sqlalchemy.Connection, shards: int) -> None:
    """Put in the rows that a new database starts with."""
    if connection.execute(sqlalchemy.select(tables.stream_head.c.id)).first() is None:
        connection.execute(
            tables.stream_head.insert().values(id=1, position=RESERVED_POSITIONS, accepted_ms=0)
        )
        connection.execute(tables.routing.insert().values(id=1, version=1))
        connection.execute(
            tables.shards.insert(),
            [
                {
                    "shard": number,
                    "cursor": RESERVED_POSITIONS,
                    "holder": None,
                    "epoch": 0,
                    "lease_until_ms": 0,
                }
                for number in range(shards)
            ],
        )
