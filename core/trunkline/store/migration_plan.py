"""The plan of a migration: the missing steps, their locks, and an estimate of their time."""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from trunkline.store import upgrading
from trunkline.store.database import Database
from trunkline.store.histories import CORE, History, State, states
from trunkline.store.revision_steps import Kind, Step, Steps

_MOMENT_SECONDS = 0.05
"""The time of a step that changes no rows: about the time of a commit."""
_DOES = {
    Kind.TABLE: "makes the table {table}",
    Kind.COLUMN: "adds to {table}: {name}",
    Kind.INDEX: "builds {name} on {table}",
    Kind.INDEX_ANEW: "builds {name} on {table} anew",
    Kind.NO_INDEX: "drops {name}",
}


class PlannedStep(Struct, frozen=True):
    """A missing step.

    *locks* describes what the step locks against other transactions. The step takes about *seconds*, and holds the lock
    for about *stands_seconds* of this time. Both are None if they cannot be estimated. *rows* is the approximate size
    of the table.
    """

    history: str
    revision: str
    does: str
    rows: int
    locks: str
    seconds: float | None
    stands_seconds: float | None


class Plan(Struct, frozen=True):
    """The missing *steps*, oldest first. *is_new* says that the database has no tables of a hub yet."""

    is_new: bool
    states: Sequence[State]
    steps: Sequence[PlannedStep]


async def make(database: Database, histories: Sequence[History]) -> Plan:
    """List the steps that ``migrate.upgrade`` would do, without changing anything. Raises StoreUnavailable."""
    found = await states(database, histories)
    if found[0].current is None:
        return Plan(is_new=True, states=found, steps=())
    async with database.read() as connection:
        dialect = connection.dialect
    steps: list[PlannedStep] = []
    sizes: dict[str, int] = {}
    for history, state in zip((CORE, *histories), found, strict=True):
        if not state.is_behind:
            continue
        planned = upgrading.steps_of(dialect, history, after=state.current)
        for revision, what in planned.items():
            for step in what.steps or (None,):
                table = step.table if step else None
                if table and table not in sizes:
                    async with database.read() as connection:
                        sizes[table] = await database.dialect.rows_of(connection, table)
                rows = sizes.get(table or "", 0)
                steps.append(_planned(database, history.name, revision, what=what, step=step, rows=rows))
    return Plan(is_new=False, states=found, steps=steps)


def _planned(
    database: Database, history: str, revision: str, *, what: Steps, step: Step | None, rows: int
) -> PlannedStep:
    planned = partial(PlannedStep, history, revision)
    if step is None:
        if what.is_known:
            return planned("changes nothing here", 0, "nothing", _MOMENT_SECONDS, _MOMENT_SECONDS)
        locks = "what the code locks, until the revision is committed"
        return planned("runs code of its own", 0, locks, None, None)
    if step.kind is Kind.OTHER:
        locks = "what the statement locks, until the revision is committed"
        return planned(f"runs {' '.join((step.name or '').split())[:60]}", rows, locks, None, None)
    does = _DOES[step.kind].format(table=step.table, name=step.name)
    builds = step.kind in (Kind.INDEX, Kind.INDEX_ANEW)
    seconds = _MOMENT_SECONDS + (rows * database.dialect.index_seconds_per_row if builds else 0)
    if database.dialect.has_one_writer:
        return planned(does, rows, "the only writer", seconds, seconds)
    if step.kind is Kind.TABLE or (step.kind is Kind.INDEX and what.are_apart):
        return planned(does, rows, "nothing", seconds, 0)
    until, stands = "until the revision is committed", seconds
    if what.are_apart:
        until, stands = "for a moment", _MOMENT_SECONDS
    return planned(does, rows, f"{step.table or 'its table'}, {until}", seconds, stands)
