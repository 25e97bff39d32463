"""Migrating databases in use, step by step, on both engines."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from tests.core.store import indexes
from tests.core.store.conftest import read_with, write_with
from tests.reliability import later, migrating
from tests.statements import count
from tests.waiting import until

from trunkline.errors import PluginFailed, StoreUnavailable
from trunkline.runtime import faults
from trunkline.store import migrate, stepwise, stream
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline_kit import migration_probe

EVENTS = 30
PLUGIN = """
import sqlalchemy as sa
from alembic import op

revision = {revision}
down_revision = {down}


def upgrade():
    op.create_table("{table}", sa.Column("id", sa.Integer(), primary_key=True), {more})
    op.create_index("ix_{table}_id", "{table}", ["id"])
"""
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
}
WAITING = "pg_locks WHERE NOT granted AND relation = CAST('events' AS regclass)"


class Broken(Exception):
    """A migration is interrupted."""


@pytest.fixture
async def used(empty_database_url: str) -> AsyncIterator[Database]:
    async with EngineDatabase(empty_database_url) as opened:
        await migrating.fill(opened, EVENTS)
        yield opened


@pytest.fixture
async def used_server(trunkline_databases, tmp_path) -> AsyncIterator[Database]:
    """Make such a database on PostgreSQL; the next step adds a column to the log."""
    async with contextlib.AsyncExitStack() as stack:
        url = await trunkline_databases.empty("postgresql", folder=tmp_path, stack=stack)
        database = await stack.enter_async_context(EngineDatabase(url))
        await migrating.fill(database, EVENTS)
        yield database


def broken_after(steps: int, patch: pytest.MonkeyPatch) -> None:
    """Interrupt a migration after it has committed *steps* steps."""
    left = steps

    def pass_point(name: str) -> None:
        nonlocal left
        if name == "migrate.after_step":
            left -= 1
            if left == 0:
                raise Broken

    patch.setattr(faults, "point", pass_point)


async def check_schema(database: Database) -> None:
    """Check that the schema is that of the tables, with the additions of ``later``."""

    def compare(connection: sqlalchemy.Connection) -> list[object]:
        options = {"version_table": "alembic_version_core", "compare_type": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), indexes.metadata)

    async with database.read() as connection:
        differences = await connection.run_sync(compare)
        found = dict((await connection.execute(text(INDEXES[database.dialect.name]))).all())
    assert [each for each in differences if not re.search("later|ix_deliveries_stuck", str(each))] == []
    assert {each[-1].name for each in differences if each[0] == "remove_column"} == {"later", "later_too"}
    assert {"ix_deliveries_later", "ix_later_notes_position"} <= set(found)
    assert "later" in found["ix_deliveries_stuck"]
    declared = {index.name: index for table in indexes.metadata.tables.values() for index in table.indexes}
    for name, index in declared.items():
        where = index.dialect_options[database.dialect.name].get("where")
        if where is not None:
            assert set(re.findall(r"\w+", str(where))) - set(re.findall(r"\w+", found[name])) <= {"IN"}, name
    assert not [name for name in found if name.endswith("_anew")]


async def upgrade(database: Database) -> list[migrate.State]:
    return await migrate.upgrade(database, [later.HISTORY], shards=4)


async def accepted(database: Database) -> int:
    """Accept an event with the statements of 0.1; return the number of events."""
    await write_with(database, migrating.append)
    return await count(database, "events")


async def test_a_database_in_use_gets_the_schema_of_a_new_one_and_keeps_what_is_in_it(used):
    core, added = await migrate.states(used, [later.HISTORY])
    assert await upgrade(used) == [core, migrate.State("later", "0001", added.newest)]
    await check_schema(used)
    assert (await read_with(used, stream.head)).position == migrate.RESERVED_POSITIONS + EVENTS
    counts = [await count(used, table) for table in ("events", "deliveries", "shards")]
    assert counts == [EVENTS, 3 * EVENTS, migrating.SHARDS]
    assert await upgrade(used) == [core, migrate.State("later", added.newest, added.newest)]


async def test_a_migration_that_breaks_off_after_any_step_goes_on_and_old_code_accepts_between(used):
    breaks = 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            broken_after(breaks + 1, patch)
            try:
                await upgrade(used)
            except PluginFailed:
                breaks += 1
            else:
                break
        assert await accepted(used) == EVENTS + breaks
    assert breaks > 3
    await check_schema(used)


@pytest.mark.slow
async def test_two_processes_that_upgrade_a_database_in_use_at_once_leave_it_whole(used):
    ends = await asyncio.gather(*(migration_probe.run([used.url], later.SETTINGS) for _ in range(2)))
    assert ends == [(0, ""), (0, "")]
    _, added = await migrate.states(used, [later.HISTORY])
    assert added.current == added.newest
    await check_schema(used)


async def test_accepting_goes_on_while_a_step_waits_for_a_lock(used_server, monkeypatch):
    """A transaction that reads the log, as a backup does, blocks altering its table."""
    monkeypatch.setattr(stepwise, "TRY_AGAIN_SECONDS", 0.2)
    async with EngineDatabase(used_server.url) as other, other.write() as reading:
        await reading.execute(text("SELECT 1 FROM events LIMIT 1"))
        upgrading = asyncio.create_task(upgrade(used_server))
        async with EngineDatabase(used_server.url) as hub:
            await until(lambda: count(hub, WAITING))
            for _ in range(20):
                async with asyncio.timeout(60):
                    await accepted(hub)
        assert not upgrading.done()
        await reading.execute(text("ROLLBACK"))
        await upgrading
    await check_schema(used_server)


async def test_a_lock_that_is_never_free_ends_the_migration_and_says_how_to_go_on(used_server, monkeypatch):
    monkeypatch.setattr(stepwise, "TRY_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(stepwise, "TRIES", 2)
    async with EngineDatabase(used_server.url) as other, other.write() as reading:
        await reading.execute(text("SELECT 1 FROM events LIMIT 1"))
        with pytest.raises(StoreUnavailable, match=r"'events'.*run 'trunkline migrate' again"):
            await upgrade(used_server)
    assert (await migrate.states(used_server, [later.HISTORY]))[1].current == "0001"
    await upgrade(used_server)
    await check_schema(used_server)


async def test_an_index_whose_building_broke_off_is_built_again(used_server):
    async with used_server.write() as connection:
        for name in ("ix_deliveries_stuck_anew", "ix_deliveries_later"):
            await connection.execute(text(f"CREATE INDEX {name} ON deliveries (position)"))
            broken = f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST('{name}' AS regclass)"
            await connection.execute(text(broken))
    await upgrade(used_server)
    await check_schema(used_server)


async def test_what_a_plugin_makes_step_by_step_has_its_constraints_after_a_second_try(used, tmp_path):
    (tmp_path / "p1_books.py").write_text(
        PLUGIN.format(revision='"p1"', down=None, table="shop_books", more="")
    )
    more = (
        'sa.Column("book", sa.Integer(), sa.ForeignKey("shop_books.id"), nullable=False), '
        'sa.UniqueConstraint("book", name="uq_shop_loans"), '
    )
    (tmp_path / "p2_loans.py").write_text(
        PLUGIN.format(revision='"p2"', down='"p1"', table="shop_loans", more=more)
    )
    history = migrate.History("shop", tmp_path)
    await migrate.upgrade(used, shards=4)
    with pytest.MonkeyPatch.context() as patch:
        broken_after(2, patch)
        with pytest.raises(PluginFailed, match="'shop' has migrations that cannot be applied: Broken"):
            await migrate.upgrade(used, [history], shards=4)
    await migrate.upgrade(used, [history], shards=4)

    def constraints(connection: sqlalchemy.Connection) -> tuple[list[str], list[str | None]]:
        inspector = sqlalchemy.inspect(connection)
        foreign = [key["referred_table"] for key in inspector.get_foreign_keys("shop_loans")]
        return foreign, [each["name"] for each in inspector.get_unique_constraints("shop_loans")]

    async with EngineDatabase(used.url) as fresh, fresh.read() as connection:
        assert await connection.run_sync(constraints) == (["shop_books"], ["uq_shop_loans"])
