"""Migrates a database to the schema of this version: first the core's history, then each plugin's.

A new database is created in one transaction. A database in use is changed step by step (``store.stepwise``).
"""

import asyncio
import contextlib
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import exc

from trunkline.errors import DatabaseUnfit
from trunkline.runtime import faults
from trunkline.store import dialects, failures
from trunkline.store.connection import Connection
from trunkline.store.engines import EngineDatabase
from trunkline.store.histories import CORE, History, State, folder_of, of_plugin, state_of, states
from trunkline.store.sql import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["CORE", "LOCK", "RESERVED_POSITIONS", "History", "State", "folder_of", "states", "upgrade"]

RESERVED_POSITIONS = 999
"""Number of positions before the first event. Examples use these positions as ``id``, which no event can have."""
LOCK = 7_236_455_001
"""Key of the lock that prevents two migrations at the same time."""
_LOOK_SECONDS = 0.2
_HEAD = text("INSERT INTO stream_head (id, position, accepted_ms) VALUES (1, :position, 0)")
_SHARDS = text("INSERT INTO shards (shard, cursor, epoch, lease_until_ms) VALUES (:shard, :cursor, 0, 0)")


async def upgrade(database: EngineDatabase, histories: Sequence[History] = (), *, shards: int) -> list[State]:
    """Apply the missing revisions of the core's history and of *histories*. Returns their states before the migration.

    *shards* is the number of shards of a new database. If a later version has migrated a history further, the history
    is left unchanged. Within a release line, migrations only add, so that two versions can share a database during an
    upgrade.

    Raises:
        PluginFailed: a history of a plugin cannot be applied.
        StoreUnavailable: the database did not answer, or a lock was not free in time. A new database stays empty; for one in
            use, call this function again to resume the interrupted step.
        DatabaseUnfit: the role may not change the database, or it has tables of another application.
    """
    async with database.direct(1) as direct:  # an engine takes 50 ms to load, and seldom anything is missing
        found = await states(direct, histories)
        if not any(state.is_behind for state in found):
            async with direct.write() as connection:
                await _complete(connection, shards=shards)
            return found
    every = (CORE, *histories)
    begun: list[State] | None = None
    while True:
        async with database.write() as connection:
            is_free = await database.dialect.try_turn(connection, LOCK)
            if is_free and (before := await _furnish(connection, database, every, shards=shards)):
                break
        if not is_free:
            await asyncio.sleep(_LOOK_SECONDS)
        elif (before := await _upgrade_stepwise(database, histories)) is not None:
            begun = begun or before
    faults.point("migrate.after_commit")
    return begun or before


async def _furnish(
    connection: "AsyncConnection", database: EngineDatabase, histories: Sequence[History], *, shards: int
) -> list[State] | None:
    """Create the missing tables and first rows. Returns the states before; None if a database in use needs an upgrade."""
    faults.point("migrate.before")
    place, role = await database.dialect.place(connection)
    before = [await state_of(connection, history) for history in histories]
    why = await database.dialect.why_read_only(connection, ())
    if why is not None and any(state.is_behind for state in before):
        raise DatabaseUnfit(why.sentence)
    with explained(f"the schema '{database.schema}'" if database.schema else place, role):
        if database.schema is not None:
            await database.dialect.make_schema(connection, database.schema)
        if before[0].current is not None and any(state.is_behind for state in before):
            return None
        for history, state in zip(histories, before, strict=True):
            if state.is_behind:
                from trunkline.store import upgrading  # noqa: PLC0415 - alembic takes 10 MB that a hub seldom needs

                with of_plugin(history):
                    await connection.run_sync(upgrading.upgrade, history)
            faults.point("migrate.after_history")
        await _complete(connection, shards=shards)
    faults.point("migrate.before_commit")
    return before


async def _upgrade_stepwise(database: EngineDatabase, histories: Sequence[History]) -> list[State] | None:
    from trunkline.store import stepwise  # noqa: PLC0415 - it loads alembic, too

    place = f"the schema '{database.schema}'" if database.schema else "the tables of the hub"
    with explained(place, "the database's role"):
        return await stepwise.upgrade(database, histories, key=LOCK)


@contextlib.contextmanager
def explained(place: str, role: str) -> Generator[None]:
    """Raise DatabaseUnfit with an explanation if *role* cannot create tables in *place*."""
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


async def _complete(connection: Connection, *, shards: int) -> None:
    """Insert the first rows of a new database, and remove statistics that no process keeps up to date."""
    if (await connection.execute(text("SELECT 1 FROM stream_head"))).first() is None:
        await connection.execute(_HEAD, {"position": RESERVED_POSITIONS})
        await connection.execute(text("INSERT INTO routing (id, version) VALUES (1, 1)"))
        rows = [{"shard": number, "cursor": RESERVED_POSITIONS} for number in range(shards)]
        await connection.execute(_SHARDS, rows)
    await dialects.of_connection(connection).forget_statistics(connection)
