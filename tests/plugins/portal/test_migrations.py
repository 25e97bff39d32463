"""The plugin's own migration history, on both engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import trunkline_portal
from trunkline.database import Database
from trunkline.store import migrate, upgrading
from trunkline_portal import tables

HISTORY = migrate.History("portal", Path(trunkline_portal.__file__).parent / "migrations")


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    async with Database(empty_database_url) as opened:
        yield opened


async def names(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        found = await connection.run_sync(lambda sync: set(sqlalchemy.inspect(sync).get_table_names()))
    return {name for name in found if "portal" in name}


async def test_the_plugin_gives_this_history():
    (given,) = trunkline_portal.register_migrations()
    assert migrate.folder_of(given.location) == HISTORY.folder


async def test_the_migrated_schema_is_the_one_in_tables(empty: Database):
    await migrate.upgrade(empty, [HISTORY], shards=4)

    def is_ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or str(name).startswith("portal_")

    def compare(connection: sqlalchemy.Connection) -> list[object]:
        options = {"version_table": HISTORY.version_table, "compare_type": True, "include_name": is_ours}
        return compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def test_it_goes_up_down_and_up_again(empty: Database):
    await migrate.upgrade(empty, [HISTORY], shards=4)
    assert await names(empty) == {*tables.metadata.tables, HISTORY.version_table}
    async with empty.write() as connection:
        await connection.run_sync(_downgrade)
    assert await names(empty) == {HISTORY.version_table}
    assert (await migrate.upgrade(empty, [HISTORY], shards=4))[1].current is None
    assert await names(empty) == {*tables.metadata.tables, HISTORY.version_table}


async def test_every_table_carries_the_plugins_name():
    assert all(name.startswith("portal_") for name in tables.metadata.tables)


def _downgrade(connection: sqlalchemy.Connection) -> None:
    history = HISTORY
    config = upgrading.config(connection, folder=history.folder, version_table=history.version_table)
    command.downgrade(config, "base")
