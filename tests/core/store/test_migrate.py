"""Migrating databases to the present schema, on both engines."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from tests.core.store import indexes
from tests.statements import count, execute

from trunkline.errors import DatabaseUnfit, PluginFailed
from trunkline.store import migrate, stream, upgrading
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase

PLUGIN_REVISION = '''
"""A plugin's first table."""
import sqlalchemy as sa
from alembic import op

revision = "p1"
down_revision = None


def upgrade():
    op.create_table("crm_leads", sa.Column("id", sa.BigInteger(), primary_key=True))


def downgrade():
    op.drop_table("crm_leads")
'''


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    async with EngineDatabase(empty_database_url) as opened:
        yield opened


@pytest.fixture
def plugin(tmp_path: Path) -> migrate.History:
    folder = tmp_path / "history"
    folder.mkdir()
    (folder / "p1_leads.py").write_text(PLUGIN_REVISION)
    return migrate.History("crm", folder)


async def table_names(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: set(sqlalchemy.inspect(sync).get_table_names()))


async def test_the_migrated_schema_is_the_one_in_tables(empty):
    await migrate.upgrade(empty, shards=4)

    def compare(connection: sqlalchemy.Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"version_table": "alembic_version_core", "compare_type": True}
        )
        return compare_metadata(context, indexes.metadata)

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_upgrading_twice_changes_nothing(empty):
    newest = (await migrate.states(empty))[0].newest
    assert await migrate.upgrade(empty, shards=4) == [migrate.State("core", None, newest)]
    assert await migrate.upgrade(empty, shards=9) == [migrate.State("core", newest, newest)]
    async with empty.read() as connection:
        shards = (await connection.execute(text("SELECT count(*) FROM shards"))).scalar()
        assert shards == 4
        assert await stream.head(connection) == stream.Head(migrate.RESERVED_POSITIONS, 1)


async def test_two_that_upgrade_at_once_wait_for_each_other(empty_database_url):
    async with EngineDatabase(empty_database_url) as first, EngineDatabase(empty_database_url) as second:
        before = await asyncio.gather(migrate.upgrade(first, shards=4), migrate.upgrade(second, shards=4))
        assert sorted(states[0].current is None for states in before) == [False, True]
        assert await count(first, "stream_head") == 1


async def test_the_core_can_be_taken_back(empty):
    await migrate.upgrade(empty, shards=4)
    async with empty.write() as connection:
        await connection.run_sync(
            lambda sync: command.downgrade(upgrading.config(sync, migrate.CORE), "base")
        )
    assert await table_names(empty) == {"alembic_version_core"}
    await migrate.upgrade(empty, shards=4)
    assert set(indexes.metadata.tables) <= await table_names(empty)


async def test_a_plugins_history_stands_beside_the_cores(empty, plugin):
    await migrate.upgrade(empty, shards=4)
    await migrate.upgrade(empty, [plugin], shards=4)
    assert [state.current for state in await migrate.states(empty, [plugin])] == [
        (await migrate.states(empty))[0].newest,
        "p1",
    ]
    assert {"crm_leads", "alembic_version_crm"} <= await table_names(empty)


async def test_a_revision_that_fails_leaves_everything_as_it_was(empty, plugin):
    (plugin.folder / "p2_broken.py").write_text(
        'revision = "p2"\ndown_revision = "p1"\n\n\ndef upgrade():\n    raise RuntimeError("broken")\n'
    )
    with pytest.raises(PluginFailed, match="has migrations that cannot be applied: RuntimeError: broken"):
        await migrate.upgrade(empty, [plugin], shards=4)
    assert await table_names(empty) == set()


async def set_revision(database: Database, revision: str) -> None:
    await execute(database, "UPDATE alembic_version_core SET version_num = :revision", revision=revision)


async def test_a_database_from_before_the_first_revision_is_refused_and_stays_as_it_is(database):
    await set_revision(database, "0031")
    with pytest.raises(
        DatabaseUnfit, match=r"^The tables of 'core' are at revision 0031, and .* from 0032: run"
    ):
        await migrate.upgrade(database, shards=4)
    await set_revision(database, "0032")  # the last of the revisions that the first one replaces
    [before] = await migrate.upgrade(database, shards=4)
    assert not before.is_ahead


async def test_a_table_that_is_there_already_is_named_and_nothing_is_changed(empty):
    await execute(empty, "CREATE TABLE events (id INTEGER)")
    with pytest.raises(
        DatabaseUnfit, match=r"^There is a table 'events' in the .* that this hub has not made"
    ):
        await migrate.upgrade(empty, shards=4)
    assert await table_names(empty) == {"events"}


async def test_statistics_that_somebody_left_in_a_file_are_forgotten_at_the_next_start(sqlite_database):
    """Old statistics have the sizes of tables on one day, and SQLite would plan by them for ever."""
    async with sqlite_database.write() as connection:
        await connection.execute(text("INSERT INTO erasures VALUES ('era_1', 1, '{}', NULL, NULL, 1, 1, 1)"))
        await connection.execute(text("ANALYZE"))
    await migrate.upgrade(sqlite_database, shards=16)
    assert await count(sqlite_database, "sqlite_stat1") == 0


async def test_the_ledger_is_vacuumed_when_a_hundredth_of_it_is_dead(postgres_database):
    wanted = {"autovacuum_vacuum_scale_factor": 0.01, "autovacuum_analyze_scale_factor": 0.01}
    async with postgres_database.read() as connection:
        options = "SELECT reloptions FROM pg_class WHERE oid = 'deliveries'::regclass"
        found = (await connection.execute(text(options))).scalar_one()
    assert {name: float(value) for name, _, value in (each.partition("=") for each in found)} == wanted
