"""Migrates a database in use step by step, while hubs of the previous version accept and deliver events.

A revision that adds tables, columns and indexes is committed step by step (``store.revision_steps``). Any other
revision is committed as a whole. A step blocks other transactions only for a moment. On PostgreSQL, indexes are built
concurrently, and lock waits are short and repeated. On SQLite, other writers can write between two steps.

On PostgreSQL a migration holds an advisory lock in a separate, idle transaction. This works through every pooler, and
the transaction has no snapshot for which an index build would have to wait. Other migrations only try to take the lock,
and never wait for it inside a transaction.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import sqlalchemy
from sqlalchemy import text

from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import revision_steps, upgrading
from trunkline.store.engines import EngineDatabase
from trunkline.store.histories import CORE, History, State, of_plugin, state_of
from trunkline.store.revision_steps import Kind, Step, Steps

ANSWER_SECONDS = 24 * 3600.0
"""How long a step may take; the index of a large table takes minutes."""
TRIES = 60
TRY_AGAIN_SECONDS = 1.0
LONG_SECONDS, REST_SECONDS = 0.05, 0.2
"""After a step longer than ``LONG_SECONDS``, the migration pauses for ``REST_SECONDS``: other writers try every 0.1 s."""
_NOT_NOW = {"55P03", "40P01"}
"""The SQLSTATEs of a lock timeout and of a deadlock."""


async def upgrade(database: EngineDatabase, histories: Sequence[History], *, key: int) -> list[State] | None:
    """Apply the missing revisions of the core's history and of *histories*. Returns their states before the migration.

    The result is None if another process holds the lock *key*, or has applied revisions meanwhile.

    Raises:
        StoreUnavailable: the database did not answer, or a lock was not free in time.
    """
    async with database.apart(2, answer_seconds=ANSWER_SECONDS) as own, _turn(own, key) as turn:
        if turn is None:
            return None
        every = (CORE, *histories)
        async with (
            own.write() as connection
        ):  # through the open connection: there is no second one that can write to a file
            before = [await state_of(connection, history) for history in every]
        for history, state in zip(every, before, strict=True):
            with of_plugin(history):
                if state.is_behind and not await _Line(own, history, turn).apply(state):
                    return None
        return before


Turn = Callable[[], Awaitable[None]]
"""Checks that the migration's lock is still held. Raises StoreUnavailable if not."""


@asynccontextmanager
async def _turn(database: EngineDatabase, key: int) -> AsyncGenerator[Turn | None]:
    if database.dialect.has_one_writer:
        yield _keep  # if two processes migrate a file, each step runs at most twice
        return
    async with database.write() as connection:
        has_turn = await database.dialect.try_turn(connection, key)
        await database.dialect.stand_still(connection)
        yield partial(database.dialect.stand_still, connection) if has_turn else None


async def _keep() -> None:
    pass


class _Line:
    """Applies the revisions of one history."""

    def __init__(self, database: EngineDatabase, history: History, turn: Turn) -> None:
        self._database = database
        self._history = history
        self._turn = turn

    async def apply(self, state: State) -> bool:
        """Apply the revisions after *state*. Returns False if another process has applied revisions meanwhile."""
        current = state.current
        planned = upgrading.steps_of(self._database.engine.dialect, self._history, after=current)
        for revision, steps in planned.items():
            if steps.are_apart and current is not None:
                for number in range(len(steps.steps)):
                    if not await self._apply_step(steps, number, current, revision):
                        return False
            else:
                apply = partial(upgrading.upgrade, history=self._history, revision=revision)
                if not await self._commit(None, current, apply):
                    return False
            current = revision
        return True

    async def _apply_step(self, planned: Steps, number: int, current: str, revision: str) -> bool:
        """Apply the step with the index *number*; with the last one, the revision is noted as applied."""
        step, dialect = planned.steps[number], self._database.dialect
        is_beside = not dialect.has_one_writer and step.kind in (Kind.INDEX, Kind.INDEX_ANEW)

        async def build() -> None:
            await self._turn()
            fresh = planned.fresh(number)
            async with self._database.read() as connection:
                if not await dialect.keeps_index(connection, revision_steps.name_beside(fresh)):
                    await connection.run_sync(revision_steps.build_beside, fresh)

        def carry_out(connection: sqlalchemy.Connection) -> None:
            apply = revision_steps.put_in_place if is_beside else revision_steps.carry_out
            apply(connection, planned.fresh(number))
            if step is planned.steps[-1]:
                statement = text(f"UPDATE {self._history.version_table} SET version_num = :revision")
                connection.execute(statement, {"revision": revision})

        if is_beside:
            await _patiently(step, build)
        return await self._commit(step, current, carry_out)

    async def _commit(
        self, step: Step | None, current: str | None, work: Callable[[sqlalchemy.Connection], None]
    ) -> bool:
        """Run *work* in a transaction. If the history is no longer at *current*, return False without running *work*."""
        is_there = True

        async def commit() -> None:
            nonlocal is_there
            await self._turn()
            async with self._database.write() as connection:
                await self._database.dialect.limit_locks(connection)
                is_there = (await state_of(connection, self._history)).current == current
                if is_there:
                    await connection.run_sync(work)

        began = time.monotonic()
        await _patiently(step, commit)
        if self._database.dialect.has_one_writer and time.monotonic() - began > LONG_SECONDS:
            await asyncio.sleep(REST_SECONDS)
        return is_there


async def _patiently(step: Step | None, work: Callable[[], Awaitable[None]]) -> None:
    """Run *work*, and repeat it while it fails because a lock is not free."""
    for left in reversed(range(TRIES)):
        try:
            await work()
            break
        except StoreUnavailable as error:
            if getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) not in _NOT_NOW:
                raise
            if not left:
                what = f"the table '{step.table}'" if step and step.table else "a table"
                msg = (
                    f"another transaction keeps {what} locked (a backup, or a query that takes long): "
                    "run 'trunkline migrate' again when it has ended, to go on from here"
                )
                raise StoreUnavailable(msg) from error
        await asyncio.sleep(TRY_AGAIN_SECONDS)
    faults.point("migrate.after_step")
