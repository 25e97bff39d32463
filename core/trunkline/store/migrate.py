"""Bringing a database to the schema that this version needs: the core's history, then each plugin's own."""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import sqlalchemy
from sqlalchemy import exc, text

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import failures, revisions, tables
from trunkline.store.database import Database

RESERVED_POSITIONS = 999
"""Positions below the first event; examples carry them as their ``id``, so they never collide with an event."""
_LOCK = 7_236_455_001
"""Key of the lock that makes two migrations wait for each other."""
_TRIES = 20


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


async def upgrade(database: Database, histories: Sequence[History] = (), *, shards: int) -> list[State]:
    """Apply what is missing of the core's history and of *histories*, all in one transaction; returns what was before.

    *shards* is how many shards a new database gets. A history that a later version has brought further is left as it is:
    within a release line a migration only adds, so that versions can share a database while they are exchanged.
    Where hubs work in the database meanwhile, it may take several tries.

    Raises:
        StoreUnavailable: the database did not answer; nothing was changed.
        DatabaseUnfit: the role may not change it, or it has tables of another's; nothing was changed.
    """
    tries = 0
    while True:
        tries += 1
        try:
            return await _upgrade_all(database, (CORE, *histories), shards=shards)
        except StoreUnavailable as error:
            if tries == _TRIES or not _is_deadlock(error):
                raise


async def _upgrade_all(database: Database, histories: Sequence[History], *, shards: int) -> list[State]:
    async with database.write() as connection:
        await database.dialect.wait_for_turn(connection, _LOCK)
        faults.point("migrate.before")
        place, role = await database.dialect.place(connection)
        before = [await connection.run_sync(_state, history) for history in histories]
        why = await database.dialect.why_read_only(connection, ())
        if why is not None and any(state.is_behind for state in before):
            raise DatabaseUnfit(why.sentence)
        with _explained(f"the schema '{database.schema}'" if database.schema else place, role):
            if database.schema is not None:
                await database.dialect.make_schema(connection, database.schema)
            for history, state in zip(histories, before, strict=True):
                if state.is_behind:
                    await connection.run_sync(_upgrade, history)
                faults.point("migrate.after_history")
            await connection.run_sync(_insert_first_rows, shards)
        await database.dialect.forget_statistics(connection)
        faults.point("migrate.before_commit")
    faults.point("migrate.after_commit")
    return before


@contextlib.contextmanager
def _explained(place: str, role: str) -> Generator[None]:
    """Say in a sentence what keeps *role* from making tables in *place*."""
    try:
        yield
    except exc.DBAPIError as error:
        if failures.is_forbidden(error):
            reason = str(error.orig).partition(": ")[2] or str(error.orig)
            msg = (
                f"{role[:1].upper()}{role[1:]} may not change {place} ({reason}): migrate as the role that owns it, "
                "or name a schema that the role owns or may make as database.schema."
            )
            raise DatabaseUnfit(msg) from error
        if (name := failures.name_taken(error)) is not None:
            msg = (
                f"There is a table '{name}' in {place} that this hub has not made; "
                "give the hub a database or a schema (database.schema) of its own."
            )
            raise DatabaseUnfit(msg) from error
        raise


def _is_deadlock(error: StoreUnavailable) -> bool:
    """Whether PostgreSQL ended the migration because a transaction of a hub waited for it, and it for that one."""
    return getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) == "40P01"


async def states(database: Database, histories: Sequence[History] = ()) -> list[State]:
    """Tell how far each history has been applied."""
    async with database.read() as connection:
        return [await connection.run_sync(_state, history) for history in (CORE, *histories)]


def _upgrade(connection: sqlalchemy.Connection, history: History) -> None:
    from trunkline.store import upgrading  # noqa: PLC0415 - here, as alembic takes 10 MB that a hub seldom needs

    upgrading.upgrade(connection, folder=history.folder, version_table=history.version_table)


def _state(connection: sqlalchemy.Connection, history: History) -> State:
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


def _insert_first_rows(connection: sqlalchemy.Connection, shards: int) -> None:
    """Insert the rows that a new database starts with."""
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
