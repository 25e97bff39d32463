"""Connections, transactions, and the errors of an unavailable database."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import exc, text
from tests.statements import count as count_of
from tests.statements import execute

from trunkline.errors import SettingsInvalid, StoreUnavailable
from trunkline.store.database import Database, embedded_file
from trunkline.store.engines import EngineDatabase


@pytest.fixture(params=["engines", "direct"])
async def database(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Open the database with SQLAlchemy's connections, and with the driver's own."""
    async with database.direct(4) if request.param == "direct" else database as opened:
        yield opened


@pytest.fixture(params=["engines", "direct"])
async def postgres_database(
    postgres_database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    async with postgres_database.direct(4) if request.param == "direct" else postgres_database as opened:
        yield opened


async def count(database: Database) -> int:
    return await count_of(database, "workers")


ADD = text("INSERT INTO workers (id, heartbeat_ms, draining) VALUES (:id, 0, false)")


async def add(database: Database, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(ADD, {"id": name})


async def test_a_transaction_that_raises_is_rolled_back(database):
    async def add_and_fail() -> None:
        async with database.write() as connection:
            await connection.execute(ADD, {"id": "w"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    assert await count(database) == 0


async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody(database):
    held = asyncio.Event()

    async def hold() -> None:
        async with database.write() as connection:
            await connection.execute(ADD, {"id": "w"})
            held.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(hold())
    await held.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    await add(database, "w1")
    assert await count(database) == 1


async def test_a_writer_that_is_cancelled_in_the_middle_of_a_statement_leaves_no_lock(database):
    async def write() -> None:
        async with database.write() as connection:
            for _ in range(50):
                await connection.execute(
                    text("UPDATE stream_head SET position = position + 1 WHERE id = 1 RETURNING position")
                )

    # kept, as a dispatcher keeps its tasks, because their tracebacks hold the cursors
    cancelled: list[asyncio.Task[None]] = []
    for step in range(40):
        cancelled.append(asyncio.create_task(write()))
        await asyncio.sleep(step / 8000)
        cancelled[-1].cancel()
        await asyncio.gather(*cancelled, return_exceptions=True)
        async with asyncio.timeout(60):
            await add(database, f"w{step}")
    assert await count(database) == 40


async def test_a_reader_sees_each_commit_at_once_even_on_a_connection_it_keeps(database):
    async with database.read() as connection:
        statement = text("SELECT count(*) FROM workers")
        assert (await connection.execute(statement)).scalar() == 0
        await add(database, "w1")
        assert (await connection.execute(statement)).scalar() == 1


async def test_writers_at_once_all_come_through(database_url):
    async with EngineDatabase(database_url) as first, EngineDatabase(database_url) as second:
        await asyncio.gather(*(add((first, second)[n % 2], f"w{n}") for n in range(20)))
        assert await count(first) == 20


async def test_a_broken_rule_is_not_taken_for_an_absent_database(database):
    await add(database, "w1")
    with pytest.raises((exc.IntegrityError, asyncpg.UniqueViolationError, sqlite3.IntegrityError)):
        await add(database, "w1")
    await add(database, "w2")


async def test_a_wrong_statement_is_not_taken_for_an_absent_database(postgres_database):
    with pytest.raises((exc.ProgrammingError, asyncpg.UndefinedTableError)):
        await execute(postgres_database, "SELECT nothing FROM nowhere")


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@/none?host=/nowhere"]
)
async def test_a_server_that_is_not_there_is_unavailable(url):
    for database in (EngineDatabase(url), EngineDatabase(url).direct(2)):
        async with database:
            with pytest.raises(StoreUnavailable):
                await count(database)
            with pytest.raises(StoreUnavailable):
                await execute(database, "SELECT 1")


async def test_a_embedded_file_in_no_folder_is_unavailable():
    async with EngineDatabase("sqlite:////nowhere/at/all.db") as database:
        with pytest.raises(StoreUnavailable, match="cannot be opened: there is no folder /nowhere/at"):
            async with database.read():
                pass
        with pytest.raises(StoreUnavailable):
            await add(database, "w1")
    for thread in threading.enumerate():
        # aiosqlite stops the thread of a connection that it could not open without waiting for it; the thread
        # still reports to this test's loop.
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


async def test_a_database_that_does_not_exist_on_the_server_is_unavailable(postgres_url):
    async with EngineDatabase(postgres_url.replace("/postgres?", "/missing?")) as database:
        with pytest.raises(StoreUnavailable, match="missing"):
            async with database.read():
                pass


async def test_a_cut_connection_is_unavailable_and_the_next_call_works(postgres_database):
    with pytest.raises(StoreUnavailable):
        await execute(postgres_database, "SELECT pg_terminate_backend(pg_backend_pid())")
    for _ in range(3):  # idle connections in the pool are found to be broken one by one
        try:
            assert await count(postgres_database) == 0
            return
        except StoreUnavailable:
            continue
    pytest.fail("the pool did not recover")


async def test_connections_that_were_cut_while_nobody_used_them_are_replaced_unnoticed(postgres_database):
    async with postgres_database.read(), postgres_database.read(), postgres_database.write() as connection:
        pass
    async with postgres_database.read() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        cut = await connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) {others}"))
        assert len(cut.all()) == 2
    for _ in range(3):
        assert await count(postgres_database) == 0


async def test_two_writers_that_wait_for_each_other_are_told_apart_and_one_may_come_again(postgres_database):
    holds = [asyncio.Event(), asyncio.Event()]
    await add(postgres_database, "w0")
    await add(postgres_database, "w1")

    async def lock(first: int) -> None:
        async with postgres_database.write() as connection:
            for number in (first, 1 - first):
                await connection.execute(
                    text("UPDATE workers SET heartbeat_ms = 2 WHERE id = :id"), {"id": f"w{number}"}
                )
                holds[number].set()
                await holds[1 - first].wait()

    results = await asyncio.gather(lock(0), lock(1), return_exceptions=True)
    assert sorted(type(result) for result in results if result is not None) == [StoreUnavailable]


def test_the_file_of_an_embedded_database_is_known(tmp_path):
    assert embedded_file(EngineDatabase(f"sqlite:///{tmp_path}/a.db")) == tmp_path / "a.db"
    assert embedded_file(EngineDatabase("postgresql://db/x")) is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense"])
def test_a_url_that_names_no_database_is_refused(url):
    with pytest.raises(SettingsInvalid, match=r"database\.url"):
        EngineDatabase(url)
