"""The division of the connections that PostgreSQL allows one process."""

import asyncpg
import pytest
from tests.few_files import at_most

from trunkline import settings
from trunkline.errors import SettingsInvalid, StoreUnavailable
from trunkline.store.connections import FOR_COMMANDS, LEAST, Connections, allowed
from trunkline.store.dialects.dialect import ConnectionRoom
from trunkline.store.engines import EngineDatabase


@pytest.mark.parametrize("most", range(LEAST, 40))
def test_it_takes_no_more_than_it_may_and_some_of_each_kind(most):
    within = Connections.of(10).within(most)
    assert within.total <= most
    assert within.total == 28 or within.total > most - 6
    assert min(within.pool, within.plugins, within.operations, within.door, within.reading, within.lanes) >= 2


async def test_processes_share_the_connections_or_are_told_how_many_they_need(postgres_database_url, caplog):
    chosen = settings.Database(url=postgres_database_url)
    assert await allowed(chosen, processes=1) == Connections.of(10)
    connection = await asyncpg.connect(postgres_database_url)
    try:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 40")
    finally:
        await connection.close()
    assert await allowed(chosen, processes=1) == Connections.of(10)
    assert not caplog.messages
    assert (await allowed(chosen, processes=2)).total <= (40 - FOR_COMMANDS) // 2
    assert caplog.messages[0].startswith(
        "PostgreSQL allows 40 connections here: a process takes 18 of them instead of 28"
    )
    needed = "PostgreSQL allows 40 connections here .+ needs 48: raise max_connections by 8, or start fewer"
    with pytest.raises(SettingsInvalid, match=needed):
        await allowed(chosen, processes=3)


async def test_sessions_of_other_roles_are_not_counted_as_free(postgres_database_url):
    others = [await asyncpg.connect(postgres_database_url) for _ in range(3)]
    name = await others[0].fetchval("SELECT current_database()")
    await others[0].execute(f"CREATE ROLE {name}_own LOGIN; ALTER DATABASE {name} CONNECTION LIMIT 20")
    try:
        url = postgres_database_url.replace("//postgres:", f"//{name}_own:")
        async with EngineDatabase(url) as database, database.read() as connection:
            room = await database.dialect.connection_room(connection)
            assert room == ConnectionRoom(most=20, free=17)
    finally:
        await others[0].execute(f"DROP ROLE {name}_own")
        for other in others:
            await other.close()


async def test_who_finds_no_connection_is_told_which_settings_say_so(postgres_database_url):
    connection = await asyncpg.connect(postgres_database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"CREATE ROLE {name}_few LOGIN CONNECTION LIMIT 0")
    url = postgres_database_url.replace("//postgres:", f"//{name}_few:")
    try:
        for direct in (False, True):
            async with EngineDatabase(url) as database:
                lent = database.direct(1) if direct else database
                with pytest.raises(
                    StoreUnavailable,
                    match=r"raise max_connections of PostgreSQL, .+ lower database.pool_size",
                ):
                    async with lent.read():
                        pass
    finally:
        await connection.execute(f"DROP ROLE {name}_few")
        await connection.close()


async def test_a_server_that_cannot_be_reached_for_want_of_descriptors_is_not_blamed(postgres_database_url):
    async with EngineDatabase(postgres_database_url) as database:
        with (
            at_most(3),
            pytest.raises(StoreUnavailable, match=r"can open no more files or sockets \(ulimit -n"),
        ):
            async with database.direct(1).read():
                pass
