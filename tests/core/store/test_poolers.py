"""A real pgbouncer in front of PostgreSQL: the hub works through it, or names the setting to change at the start."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from tests.core.store.conftest import check_wakes
from tests.databases import migrate as migrate_database
from tests.postgres_servers import SystemPostgres, started_pooler
from tests.reliability import later, migrating

from trunkline.cli.processes import migrate_database as migrate_hub
from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.settings import load
from trunkline.store import migrate
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline.store.servers import Server
from trunkline.store.wakeup import Wakeup
from trunkline.store.worker_locks import WorkerLock


@pytest.fixture
async def name(system_postgres: SystemPostgres) -> AsyncIterator[str]:
    await system_postgres.execute("CREATE DATABASE pooled")
    yield "pooled"
    await system_postgres.execute("DROP DATABASE pooled WITH (FORCE)")


@pytest.mark.slow
async def test_processes_share_connections_in_transaction_mode(system_postgres, name, caplog):
    with started_pooler(system_postgres, mode="transaction") as pooler:
        url = pooler.url(name)
        async with EngineDatabase(url, pool_size=4) as first, EngineDatabase(url, pool_size=4) as second:
            await first.check_pooler()
            assert "carries no LISTEN" in caplog.text
            assert first.notifications() is None
            assert not first.keeps_sessions

            async def work(database: Database, number: int) -> None:
                for turn in range(20):
                    async with database.read() as connection:
                        await connection.execute(text(f"SELECT {(number + turn) % 7}, :x + 1"), {"x": turn})
                    async with database.write() as connection:
                        await connection.execute(text(f"SELECT {(number * turn) % 5}, :x + 1"), {"x": turn})

            await asyncio.gather(*(work((first, second)[number % 2], number) for number in range(12)))


@pytest.mark.slow
async def test_a_hub_runs_behind_it(system_postgres, name, make_hub, receiver):
    with started_pooler(system_postgres, mode="transaction") as pooler:
        url = pooler.url(name)
        await migrate_database(url)
        settings = {"database.listen_url": system_postgres.url(name=name), "database.pool_size": "4"}
        accepting = await make_hub(url, settings, dispatch=False)
        await make_hub(url, settings)
        await accepting.subscribe(f"{receiver.url}/h")
        await asyncio.gather(*(accepting.emit("lead.created") for _ in range(30)))
        assert len(await receiver.wait_for(30)) == 30


@pytest.mark.slow
async def test_a_database_in_use_is_migrated_through_it(system_postgres, name):
    """The lock of the migration is held in a transaction, for which the pooler reserves a connection."""
    with started_pooler(system_postgres, mode="transaction") as pooler:
        async with EngineDatabase(pooler.url(name), pool_size=2) as database:
            await migrating.fill(database, 10)
            assert (await migrate.upgrade(database, [later.HISTORY], shards=4))[1].current == "0001"
            _, added = await migrate.states(database, [later.HISTORY])
    assert added.current == added.newest


@pytest.mark.slow
async def test_one_whose_connections_are_taken_does_not_answer_in_the_time_to_connect(system_postgres, name):
    with started_pooler(system_postgres, mode="transaction") as pooler:
        server = Server(f"{pooler.url(name)}?connect_timeout=1")
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(5):
                connection = await server.connect()
                stack.push_async_callback(connection.close)
                await connection.execute("BEGIN")
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                await asyncio.wait_for(server.connect(), 30)


async def test_other_processes_are_woken_over_the_server_itself(system_postgres, name, caplog):
    with started_pooler(system_postgres, mode="transaction") as pooler:
        direct = system_postgres.url(name=name)
        async with EngineDatabase(pooler.url(name), listen_url=direct) as database:
            await database.check_pooler()
            assert Wakeup(database, WorkerLock()).lock is None
            assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
            async with Wakeup(database) as here, Wakeup(database) as there:
                await check_wakes(here, there)


async def test_a_pooler_that_loses_prepared_statements_is_refused(system_postgres, name, make_hub):
    with started_pooler(system_postgres, mode="transaction", prepared_statements=0) as pooler:
        async with EngineDatabase(pooler.url(name)) as database:
            with pytest.raises(DatabaseUnfit, match=r"set max_prepared_statements = 200 in pgbouncer\.ini"):
                await database.check_pooler()
        with pytest.raises(DatabaseUnfit):
            await make_hub(pooler.url(name))
        with pytest.raises(DatabaseUnfit):
            await migrate_hub(load(environment={"TRUNKLINE_DATABASE__URL": pooler.url(name)}))


async def test_one_that_gives_each_client_its_own_connection_is_as_good_as_none(system_postgres, name):
    with started_pooler(system_postgres, mode="session", prepared_statements=0) as pooler:
        async with EngineDatabase(pooler.url(name), pool_size=2) as database:
            await database.check_pooler()
            assert database.keeps_sessions
            async with Wakeup(database) as here, Wakeup(database) as there:
                await check_wakes(here, there)


async def test_without_a_pooler_nothing_is_said(postgres_database, caplog):
    await postgres_database.check_pooler()
    assert postgres_database.notifications() is not None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_schema_that_it_does_not_pass_on_is_refused_with_what_to_set(system_postgres, name):
    with started_pooler(system_postgres, mode="transaction") as pooler:
        async with EngineDatabase(pooler.url(name), schema="hub") as database:
            with pytest.raises(DatabaseUnfit, match=r"ALTER ROLE … SET search_path = hub"):
                await database.check_pooler()
    with started_pooler(system_postgres, mode="transaction", ignoring="search_path") as pooler:
        async with EngineDatabase(pooler.url(name), schema="hub") as database:
            with pytest.raises(DatabaseUnfit, match=r"ALTER ROLE … SET search_path = hub"):
                await database.check_pooler()
