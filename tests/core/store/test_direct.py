"""The driver's own connections give the same results as SQLAlchemy's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from sqlite3 import IntegrityError
from typing import Any

import asyncpg
import pytest
from sqlalchemy import LargeBinary, bindparam, exc, select
from tests.some import some
from tests.statements import count, execute

from trunkline.errors import StoreUnavailable
from trunkline.store import sql, tables
from trunkline.store.database import Database
from trunkline.store.direct import _Written
from trunkline.store.drivers_postgresql import PostgreSQLDriver
from trunkline.store.sql import text
from trunkline.store.sqlite import OneWayConnection

ADD = text("INSERT INTO workers (id, heartbeat_ms, draining) VALUES (:id, 0, false)")


@pytest.fixture
async def both(database: Database) -> AsyncIterator[tuple[Database, Database]]:
    async with database.direct(2) as direct:
        yield database, direct


async def test_results_are_read_as_those_of_sqlalchemy(both):
    two = text("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL ORDER BY 1")
    none = text("SELECT 1 WHERE 1 = 0")
    for database in some(both):
        async with database.read() as connection:
            rows = (await connection.execute(two)).all()
            assert [tuple(row) for row in rows] == [(1, "x"), (2, None)]
            assert [row[1] for row in await connection.execute(two)] == ["x", None]
            assert (await connection.execute(two)).first()[0] == 1
            assert (await connection.execute(two)).scalar() == 1
            assert (await connection.execute(none)).first() is None
            assert (await connection.execute(none)).scalar() is None
            assert (await connection.execute(none)).one_or_none() is None
            assert (await connection.execute(none)).scalar_one_or_none() is None
            assert await connection.scalar(text("SELECT :n + 0"), {"n": 5}) == 5
            with pytest.raises(exc.NoResultFound):
                (await connection.execute(none)).one()
            with pytest.raises(exc.MultipleResultsFound):
                (await connection.execute(two)).scalar_one()


async def test_a_statement_tells_how_many_rows_it_changed(both):
    for database in some(both):
        async with database.write() as connection:
            await connection.execute(ADD, [{"id": "a"}, {"id": "b"}])
            changed = await connection.execute(text("UPDATE workers SET heartbeat_ms = :n"), {"n": 7})
            assert changed.rowcount == 2
            gone = await connection.execute(text("DELETE FROM workers RETURNING id"))
            assert sorted(row[0] for row in gone) == ["a", "b"]
            assert (await connection.execute(text("DELETE FROM workers"))).rowcount == 0


async def test_values_of_every_type_come_back_as_they_went(both):
    values: dict[str, Any] = {
        "no": 7, "id": "sub_1", "company_id": 92, "channel": "webhooks", "target_url": "https://example.com/ä",
        "event_types": "[]", "filter": None, "signature": "standard", "sealed": b"\x00sealed", "status": "active",
        "start_position": 2**40, "failures": 0, "created_ms": 1, "updated_ms": 2, "version": 3, "notes": None,
        "ordering": {"key": "/payload/a"}, "timeout_seconds": 2.5, "retry": {"schedule_seconds": [1, 2]},
    }  # fmt: skip
    table = tables.subscriptions
    for writer in some(both):
        async with writer.write() as connection:
            await connection.execute(table.insert().values(**values))
        for reader in some(both):
            async with reader.read() as connection:
                row: Any = (await connection.execute(table.select().where(table.c.no == 7))).one()
                assert {name: getattr(row, name) for name in values} == values
        async with writer.write() as connection:
            await connection.execute(table.delete())


async def test_a_list_is_bound_whatever_its_length(both):
    for database in some(both):
        async with database.read() as connection:
            condition, parameter = sql.one_of(connection, "digest", "digests", LargeBinary)
            statement = text(f"SELECT count(*) FROM api_keys WHERE {condition}").bindparams(parameter)
            for count in (1, 3, 0):
                found = await connection.execute(statement, {"digests": [b"x"] * count})
                assert found.scalar_one() == 0


async def test_a_statement_is_written_once_whatever_its_values(both, monkeypatch):
    class Counted(_Written):
        written = 0

        def __init__(self, *details: Any) -> None:
            super().__init__(*details)
            Counted.written += 1

    monkeypatch.setattr("trunkline.store.direct._Written", Counted)
    workers = tables.workers
    wanted = select(workers.c.id).where(workers.c.id == bindparam("id"), workers.c.heartbeat_ms != 0)
    workers_a_and_b = (
        "INSERT INTO workers (id, heartbeat_ms, draining) VALUES ('a', 1, false), ('b', 2, false)"
    )
    await execute(both[0], workers_a_and_b)
    for database in both:
        async with database.read() as connection:
            found = [(await connection.execute(wanted, {"id": name})).all() for name in "abc"]
            assert [[row[0] for row in rows] for rows in found] == [["a"], ["b"], []]
    assert Counted.written == 1
    async with both[1].read() as connection:
        for name in "abc":
            literal = select(workers.c.id).where(workers.c.id == name)
            assert (await connection.execute(literal)).scalar() == (name if name in "ab" else None)
        for names in (["a"], ["a", "b"], ["c"]):
            among = select(workers.c.id).where(workers.c.id.in_(names)).order_by(workers.c.id)
            assert [row[0] for row in await connection.execute(among)] == [n for n in names if n in "ab"]
    assert Counted.written == 3


async def test_a_text_that_lacks_a_value_is_refused(database):
    """A statement is written once and cached, so a literal value in it would be the first caller's."""
    statement = text("SELECT :a + :b").bindparams(bindparam("b", value=4))
    async with database.direct(2) as direct, direct.read() as connection:
        with pytest.raises(KeyError):
            await connection.execute(statement, {"a": 3})


async def test_rows_go_to_sqlites_thread_with_the_next_statement_or_the_commit(sqlite_database, monkeypatch):
    ways: list[object] = []
    execute = OneWayConnection._execute

    async def noted(self, *order):
        ways.append(order)
        return await execute(self, *order)

    add = "INSERT INTO workers (id, heartbeat_ms, draining) VALUES (?, 0, false)"
    count = text("SELECT count(*) FROM workers")
    async with sqlite_database.direct(1) as direct:
        async with direct.write() as connection:
            assert await connection.scalar(count) == 0
        monkeypatch.setattr(OneWayConnection, "_execute", noted)
        async with direct.write() as connection:
            await connection.exec_driver_sql(add, [["a"], ["b"]])
        assert len(ways) == 1, "the transaction, its rows and its commit"
        async with direct.write() as connection:
            await connection.exec_driver_sql(add, [["c"]])
            assert await connection.scalar(count) == 3
        assert len(ways) == 3
        with pytest.raises(IntegrityError):
            await _add(direct, add, [["d"]], [["a"]])
        with pytest.raises(RuntimeError):
            await _add(direct, add, [["d"]], error=RuntimeError())
        async with direct.write() as connection:
            assert await connection.scalar(count) == 3


async def _add(
    direct: Database, add: str, *groups: Sequence[Sequence[str]], error: Exception | None = None
) -> None:
    async with direct.write() as connection:
        for rows in groups:
            await connection.exec_driver_sql(add, rows)
        if error is not None:
            raise error


async def test_one_connection_is_lent_to_one_at_a_time(database):
    async with database.direct(1) as direct:
        inside = 0

        async def write(number: int) -> None:
            nonlocal inside
            async with direct.write() as connection:
                inside += 1
                assert inside == 1
                await connection.execute(ADD, {"id": f"w{number}"})
                inside -= 1

        await asyncio.gather(*(write(number) for number in range(20)))
        assert await count(direct, "workers") == 20


async def test_those_that_only_read_have_connections_of_their_own(database):
    """With one writer all other connections are few and shared, so a client's slow read would delay the dispatcher."""
    async with (
        database.direct(2) as shared,
        database.direct(1, is_separate=True) as reading,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(database.dialect.readers(1)):
            await stack.enter_async_context(reading.read())
        async with asyncio.timeout(60), shared.read() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_nobody_waits_for_a_connection_for_ever(postgres_database, monkeypatch):
    monkeypatch.setattr("trunkline.store.direct.TAKE_SECONDS", 0.05)
    async with postgres_database.direct(1) as direct, direct.read():
        with pytest.raises(StoreUnavailable, match="free in time"):
            async with direct.read():
                pass


async def test_a_connection_that_the_server_closed_is_not_lent_again(postgres_database):
    async with postgres_database.direct(1) as direct:
        async with direct.read() as connection:
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await execute(postgres_database, "SELECT pg_terminate_backend(:pid)", pid=pid)
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(StoreUnavailable):  # a loss that the connection has not noticed yet
                    async with direct.read() as connection:
                        if (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one() != pid:
                            return


async def test_a_column_that_another_process_alters_is_read_anew(postgres_database):
    await execute(postgres_database, "CREATE TABLE altered AS SELECT 5 AS value")
    async with postgres_database.direct(1) as direct:

        async def value() -> Any:
            async with direct.write() as connection:
                return await connection.scalar(text("SELECT value FROM altered"))

        assert await value() == 5
        await execute(postgres_database, "ALTER TABLE altered ALTER COLUMN value TYPE text")
        with pytest.raises(StoreUnavailable):
            await value()
        assert await value() == "5"


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_connection_that_the_server_ends_while_it_is_prepared_is_an_outage(database_url):
    connection = await asyncpg.connect(database_url)
    other = await asyncpg.connect(database_url)
    try:
        await other.fetchval("SELECT pg_terminate_backend($1)", connection.get_server_pid())
        with pytest.raises(StoreUnavailable, match=r"terminat|closed|in progress"):
            await PostgreSQLDriver.over(connection)
        assert connection.is_closed()
    finally:
        await other.close()


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_connection_is_kept_if_the_server_goes_on_with_it(database):
    process_id = text("SELECT pg_backend_pid()")
    async with database.direct(1) as direct:

        async def write(statement: str) -> None:
            async with direct.write() as connection:
                await connection.execute(text("CREATE TABLE left_over (a int)"))
                await connection.execute(text(statement))

        async def look() -> tuple[int, bool]:
            async with direct.read() as connection:
                return await connection.scalar(process_id), await sql.has_table(connection, "left_over")

        before, _ = await look()
        with pytest.raises(StoreUnavailable, match="canceling statement"):
            await write("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(10)")
        assert await look() == (before, False)
        with pytest.raises(StoreUnavailable, match="terminating"):
            await write("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)")
        after, is_left = await look()
        assert after != before
        assert not is_left
