"""SQLite under SQLAlchemy: rows, errors, transactions that are cut short, and files that several open at once."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.few_files import at_most

from trunkline.errors import StoreUnavailable
from trunkline.store import sqlite
from trunkline.store.database import Database

SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
    "INSERT INTO things SELECT max(i), 'slow' FROM n"
)


@pytest.fixture
async def things(tmp_path: Path):
    async with Database(f"sqlite:///{tmp_path}/things.db") as database:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
        yield database


async def names(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(text("SELECT name FROM things ORDER BY id"))).scalars())


@pytest.mark.parametrize("way", ["engines", "direct"])
async def test_a_file_that_cannot_be_opened_for_want_of_descriptors_is_no_corrupt_one(tmp_path: Path, way):
    async with Database(f"sqlite:///{tmp_path}/new.db") as database:
        lent = database.direct(1) if way == "direct" else database
        with (
            at_most(3),
            pytest.raises(StoreUnavailable, match=r"can open no more files or sockets \(ulimit -n"),
        ):
            await names(lent)
        async with lent.read() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        await lent._lender.close()


async def test_rows_counts_and_returned_values_come_back(things: Database):
    insert = text("INSERT INTO things (name) VALUES (:name) RETURNING id, name")
    async with things.write() as connection:
        assert (await connection.execute(insert, {"name": "é"})).one() == (1, "é")
        many = text("INSERT INTO things (name) VALUES (:name)")
        await connection.execute(many, [{"name": "b"}, {"name": "c"}])
        changed = await connection.execute(text("UPDATE things SET name = name || '!' WHERE id > 1"))
        assert changed.rowcount == 2
    assert await names(things) == ["é", "b!", "c!"]


@pytest.mark.parametrize("count", [2, 7, 1025, 3000])
async def test_many_rows_are_inserted_in_their_order_and_counted(things: Database, count: int):
    rows = [(number, f"thing {number}") for number in range(count)]
    insert = "INSERT OR IGNORE INTO things (id, name) VALUES (?, ?)"
    async with things.write() as connection:
        assert (await connection.exec_driver_sql(insert, rows)).rowcount == count
        assert (await connection.exec_driver_sql(insert, [*rows, (count, "new")])).rowcount == 1
    assert await names(things) == [name for _, name in rows] + ["new"]


async def test_rows_may_be_as_wide_as_a_statement_takes(things: Database):
    columns = [f"c{number}" for number in range(100)]
    insert = f"INSERT INTO wide ({', '.join(columns)}) VALUES ({', '.join('?' * 100)})"
    async with things.write() as connection:
        await connection.execute(text(f"CREATE TABLE wide ({', '.join(columns)})"))
        await connection.exec_driver_sql(insert, [tuple(range(row, row + 100)) for row in range(2000)])
        assert (await connection.execute(text("SELECT count(*), sum(c99) FROM wide"))).one() == (
            2000,
            sum(range(99, 2099)),
        )


async def test_one_row_that_is_refused_undoes_the_transaction_of_many(things: Database):
    async def insert() -> None:
        async with things.write() as connection:
            rows = [(1, "a"), (2, "b"), (3, None)]
            await connection.exec_driver_sql("INSERT INTO things (id, name) VALUES (?, ?)", rows)

    with pytest.raises(IntegrityError, match="NOT NULL"):
        await insert()
    assert await names(things) == []


async def test_a_statement_that_fails_undoes_its_transaction_and_the_next_one_works(things: Database):
    async def write_twice() -> None:
        async with things.write() as connection:
            await connection.execute(text("INSERT INTO things VALUES (1, 'a')"))
            await connection.execute(text("INSERT INTO things VALUES (1, 'b')"))

    for _ in range(3):
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await write_twice()
    async with things.write() as connection:
        await connection.execute(text("INSERT INTO things VALUES (1, 'c')"))
    assert await names(things) == ["c"]


async def test_a_transaction_without_statements_leaves_the_next_one_as_it_should_be(things: Database):
    async with things.write():
        pass

    async def fail(*statements: str) -> None:
        async with things.write() as connection:
            for statement in statements:
                await connection.execute(text(statement))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(ZeroDivisionError):
        await fail("INSERT INTO things VALUES (1, 'undone')")
    assert await names(things) == []


async def test_a_transaction_holds_the_files_lock_from_its_first_statement(things: Database):
    with contextlib.closing(sqlite3.connect(things.url.removeprefix("sqlite:///"), timeout=0)) as other:
        async with things.write() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


@pytest.mark.slow
async def test_a_writer_that_is_cancelled_in_a_statement_leaves_neither_rows_nor_a_lock(things: Database):
    async def write() -> None:
        async with things.write() as connection:
            await connection.execute(text(SLOW))

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with things.write() as connection:
        await connection.execute(text("INSERT INTO things VALUES (1, 'next')"))
    assert await names(things) == ["next"]


async def test_a_reader_that_is_cancelled_again_while_it_is_closed_leaves_no_task_that_waits_for_good(
    things: Database,
):
    async def read() -> None:
        async with things.read() as connection:
            await connection.execute(text(SLOW.replace("INSERT INTO things ", "")))

    before = asyncio.all_tasks()
    reading = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    for _ in range(2):
        reading.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await reading
    closing = asyncio.all_tasks() - before
    assert closing
    _, waiting = await asyncio.wait(closing, timeout=10)
    assert not waiting


@pytest.mark.slow
async def test_the_loop_goes_on_while_a_statement_runs(things: Database):
    async with things.write() as connection:
        running = asyncio.create_task(connection.execute(text(SLOW)))
        turns = 0
        while not running.done():
            turns += 1
            await asyncio.sleep(0.001)
    assert turns > 20


async def test_several_may_open_a_new_file_at_once(tmp_path: Path):
    for number in range(20):
        file = str(tmp_path / f"{number}.db")
        connections = await asyncio.gather(*(sqlite.connect(file) for _ in range(4)))
        for connection in connections:
            cursor = await connection.cursor().execute("PRAGMA journal_mode")
            assert await cursor.fetchall() == [("wal",)]
            await connection.close()


async def test_what_cannot_be_opened_says_so(tmp_path: Path):
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await sqlite.connect(str(tmp_path / "missing" / "x.db"))


async def test_a_connection_whose_opening_is_cancelled_is_closed(tmp_path: Path):
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Watched(sqlite3.Connection):
        def close(self) -> None:
            super().close()
            loop.call_soon_threadsafe(closed.set)

    async def open_file() -> None:
        await sqlite.connect(str(tmp_path / "hub.db"), factory=Watched)

    opening = asyncio.create_task(open_file())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(20):
        await closed.wait()


@pytest.mark.slow
def test_a_loop_that_closes_before_a_statement_ends_leaves_no_trace_and_no_lock(tmp_path: Path, recwarn):
    file = str(tmp_path / "things.db")

    async def leave() -> None:
        connection = await sqlite.connect(file)
        await connection.cursor().execute("CREATE TABLE things (id INTEGER, name TEXT)")
        task = asyncio.create_task(connection.cursor().execute(SLOW))
        await asyncio.sleep(0.05)
        task.cancel()
        connection.stop()

    asyncio.run(leave())
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as other:
        other.execute("INSERT INTO things VALUES (1, 'next')")
        assert other.execute("SELECT count(*) FROM things").fetchone() == (2,)
    assert not recwarn.list


@pytest.mark.parametrize("replaced", [False, True])
async def test_nothing_is_written_to_a_file_that_was_moved_away(
    things: Database, tmp_path: Path, replaced: bool
):
    file = tmp_path / "things.db"
    insert = text("INSERT INTO things (name) VALUES ('lost')")
    await names(things)
    file.rename(tmp_path / "elsewhere.db")
    if replaced:
        file.touch()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="was moved, deleted or replaced while it was in use"):
            async with things.write() as connection:
                await connection.execute(insert)
    with pytest.raises(StoreUnavailable, match="put it back"):
        await names(things)
    (tmp_path / "elsewhere.db").rename(file)
    assert await names(things) == []


async def test_a_transaction_whose_file_was_deleted_meanwhile_is_not_said_to_be_stored(
    things: Database, tmp_path: Path
):
    async def insert_and_delete() -> None:
        async with things.write() as connection:
            await connection.execute(text("INSERT INTO things (name) VALUES ('lost')"))
            (tmp_path / "things.db").unlink()

    with pytest.raises(StoreUnavailable, match="was moved, deleted or replaced"):
        await insert_and_delete()
