"""Migration histories: the core's and each plugin's own, and how far each has been applied."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import sqlalchemy
from sqlalchemy import text

from trunkline.store import revisions
from trunkline.store.database import Database


@dataclass(frozen=True, slots=True)
class History:
    """A line of revisions. Its state stands in the table ``alembic_version_{name}``."""

    name: str
    folder: Path

    @property
    def version_table(self) -> str:
        """The table that tells how far this history has been applied."""
        return f"alembic_version_{self.name}"


CORE = History("core", Path(__file__).parent / "migrations" / "versions")


@dataclass(frozen=True, slots=True)
class State:
    """How far one history has been applied: the revision in the database and the newest one known.

    *is_ahead*: a later version has applied revisions that this one does not know.
    """

    history: str
    current: str | None
    newest: str | None
    is_ahead: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether something is to be applied."""
        return self.current != self.newest and not self.is_ahead


def folder_of(location: str) -> Path:
    """Find the folder that ``package:folder`` names."""
    package, _, folder = location.partition(":")
    return Path(str(files(package))) / folder


async def states(database: Database, histories: Sequence[History] = ()) -> list[State]:
    """Tell how far each history has been applied."""
    async with database.read() as connection:
        return [await connection.run_sync(state_of, history) for history in (CORE, *histories)]


def state_of(connection: sqlalchemy.Connection, history: History) -> State:
    """Tell how far *history* has been applied."""
    current = None
    if sqlalchemy.inspect(connection).has_table(history.version_table):
        current = connection.execute(text(f"SELECT version_num FROM {history.version_table}")).scalar()
    known = revisions.read(history.folder)
    return State(
        history.name,
        current,
        known[-1] if known else None,
        is_ahead=current is not None and current not in known,
    )
