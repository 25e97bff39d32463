"""The locks of a migration and their duration, on both engines; and a stepwise way to apply every revision."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from tests.reliability import later, migrating

from trunkline.store import dialects, migrate, migration_plan, revisions, upgrading
from trunkline.store.database import Database
from trunkline.store.dialects import DIALECTS
from trunkline.store.engines import EngineDatabase
from trunkline.store.migration_plan import Plan, PlannedStep

EVENTS = 2000
WHOLE = {("core", "0032")}
"""Revisions in one transaction: the first only makes a new database."""


@pytest.fixture
async def used(empty_database_url: str) -> AsyncIterator[Database]:
    async with EngineDatabase(empty_database_url) as opened:
        await migrating.fill(opened, EVENTS)
        yield opened


def step_of(plan: Plan, does: str) -> PlannedStep:
    (found,) = [step for step in plan.steps if step.does == does]
    return found


async def test_a_plan_names_what_each_missing_step_locks_and_changes_nothing(used):
    plan = await migration_plan.make(used, [later.HISTORY])
    known = revisions.read(later.HISTORY.folder)
    assert list(dict.fromkeys(step.revision for step in plan.steps)) == known[1:]
    column = step_of(plan, "adds to events: later")
    index = step_of(plan, "builds ix_deliveries_later on deliveries")
    table = step_of(plan, "makes the table later_notes")
    assert column.stands_seconds is not None
    assert column.stands_seconds < 0.1
    assert index.rows == pytest.approx(3 * EVENTS, rel=0.5)
    assert index.seconds is not None
    assert index.seconds > column.stands_seconds
    if used.dialect.has_one_writer:
        assert {step.locks for step in (column, index, table)} == {"the only writer"}
        assert index.stands_seconds == index.seconds
    else:
        assert column.locks == "events, for a moment"
        assert (index.locks, index.stands_seconds) == ("nothing", 0)
        assert (table.locks, table.stands_seconds) == ("nothing", 0)
        (statement,) = [step for step in plan.steps if step.revision == "0004"]
        assert statement.does.startswith("runs ALTER TABLE deliveries SET (autovacuum")
        assert statement.seconds is None
    assert (await migrate.states(used, [later.HISTORY]))[1].current == "0001"


async def test_a_plan_for_a_database_that_is_up_to_date_or_new_has_no_steps(database, empty_database_url):
    plan = await migration_plan.make(database, [])
    assert (plan.is_new, plan.steps) == (False, [])
    async with EngineDatabase(empty_database_url) as empty:
        plan = await migration_plan.make(empty, [])
    assert (plan.is_new, plan.steps) == (True, ())


async def test_rows_are_estimated_before_and_after_a_table_was_analyzed(used):
    async with used.read() as connection:
        before = await used.dialect.rows_of(connection, "deliveries")
        if not used.dialect.has_one_writer:
            await connection.execute(text("ANALYZE"))
        after = await used.dialect.rows_of(connection, "deliveries")
        assert await used.dialect.rows_of(connection, "no_such_table") == 0
    assert before == pytest.approx(3 * EVENTS, rel=0.5)
    assert after == 3 * EVENTS


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("history", ["core", "crm", "mcp", "oauth", "portal"])
def test_each_revision_can_be_applied_step_by_step(name, history):
    """A revision that cannot be split holds its locks until the commit: use only tables, columns and indexes, or divide it."""
    line = (
        migrate.CORE
        if history == "core"
        else migrate.History(history, migrate.folder_of(f"trunkline_{history}:migrations"))
    )
    url = {"sqlite": "sqlite:///unused.db", "postgresql": "postgresql://localhost/unused"}[name]
    dialect = EngineDatabase(url).engine.dialect
    assert dialect.name == dialects.of_url(url).name
    planned = upgrading.steps_of(dialect, line, after=None)
    whole = {(history, revision) for revision, steps in planned.items() if not steps.are_apart}
    unknown = {(history, revision) for revision, steps in planned.items() if not steps.is_known}
    assert whole | unknown <= WHOLE
