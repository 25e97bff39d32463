"""The migration histories of the core and of the plugins, and the revision of each in the database."""

import contextlib
import importlib
import sqlite3
from collections.abc import Generator, Sequence
from pathlib import Path

from msgspec import Struct
from sqlalchemy import exc

from trunkline.errors import DatabaseUnfit, PluginFailed, StoreUnavailable, TrunklineError
from trunkline.store import failures, revisions, sql
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.sql import text


class History(Struct, frozen=True):
    """A sequence of revisions. Its state is in the table ``alembic_version_{name}``."""

    name: str
    folder: Path

    @property
    def version_table(self) -> str:
        """The table that contains the newest applied revision of this history."""
        return f"alembic_version_{self.name}"


LAST_BEFORE_0_1 = "58a92eb0"
"""The last commit before the migrations of each history were replaced by a single one."""
CORE = History("core", Path(__file__).parent / "migrations" / "versions")


class State(Struct, frozen=True):
    """The progress of one history: the revision in the database, and the newest known revision.

    *is_ahead* says that a later version has applied revisions that this version does not know.
    """

    history: str
    current: str | None
    newest: str | None
    is_ahead: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether known revisions have not been applied."""
        return self.current != self.newest and not self.is_ahead


def folder_of(location: str) -> Path:
    """Find the folder that ``package:folder`` names.

    The folder is inside the package; if the package is a single module, it is next to the module.

    Raises:
        ImportError: there is no such package.
    """
    name, _, folder = location.partition(":")
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        return Path(next(iter(module.__path__))) / folder
    if module.__file__ is None:
        msg = f"'{name}' is in no folder"
        raise ImportError(msg)
    return Path(module.__file__).parent / folder


@contextlib.contextmanager
def of_plugin(history: History) -> Generator[None]:
    """Convert errors of the revisions of a plugin's *history* to ``PluginFailed``, unless the database caused them."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if history is CORE or not _is_of_plugin(error):
            raise
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise PluginFailed(history.name, f"has migrations that cannot be applied: {words}") from error


def _is_of_plugin(error: BaseException) -> bool:
    cause = error.__cause__ if isinstance(error, StoreUnavailable) else error
    if not isinstance(cause, exc.DBAPIError):
        return not isinstance(error, TrunklineError)
    if getattr(cause.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:  # the statement is wrong
        return True
    return not failures.is_down(cause) and not failures.is_forbidden(cause)


async def states(database: Database, histories: Sequence[History] = ()) -> list[State]:
    """Read the state of each history."""
    async with database.read() as connection:
        return [await state_of(connection, history) for history in (CORE, *histories)]


async def state_of(connection: Connection, history: History) -> State:
    """Read the state of *history*.

    Raises:
        DatabaseUnfit: the database is at a revision older than the first one that this version can continue from.
    """
    current = None
    if await sql.has_table(connection, history.version_table):
        current = await connection.scalar(text(f"SELECT version_num FROM {history.version_table}"))
    known = revisions.read(history.folder)
    if current and known and current.isdigit() and known[0].isdigit() and int(current) < int(known[0]):
        msg = (
            f"The tables of '{history.name}' are at revision {current}, and this version goes on from {known[0]}: run "
            f"'trunkline migrate' of a version that has both (before 0.1: commit {LAST_BEFORE_0_1}), then this one again."
        )
        raise DatabaseUnfit(msg)
    is_ahead = current is not None and current not in known
    return State(history.name, current, known[-1] if known else None, is_ahead=is_ahead)
