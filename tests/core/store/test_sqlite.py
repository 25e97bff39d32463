"""SQLite under SQLAlchemy: rows, errors, interrupted transactions, and files that several processes open at once."""

import asyncio
import contextlib
import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.core.store.conftest import column
from tests.few_files import at_most
from tests.some import some
from tests.statements import execute, scalar

from trunkline.errors import StoreUnavailable
from trunkline.store import sqlite
from trunkline.store.database import Database
from trunkline.store.database_file import DatabaseFile
from trunkline.store.engines import EngineDatabase

SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
    "INSERT INTO things SELECT max(i), 'slow' FROM n"
)


@pytest.fixture
async def things(tmp_path: Path):
    async with EngineDatabase(f"sqlite:///{tmp_path}/things.db") as database:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
        yield database


async def names(database: Database) -> list[str]:
    return await column(database, "SELECT name FROM things ORDER BY id")


@pytest.mark.parametrize("way", ["engines", "direct"])
async def test_a_file_that_cannot_be_opened_for_want_of_descriptors_is_no_corrupt_one(tmp_path, way):
    async with EngineDatabase(f"sqlite:///{tmp_path}/new.db") as database:
        lent = database.direct(1) if way == "direct" else database
        assert database.engine.name == "sqlite"  # its modules are files, too
        with (
            at_most(3),
            pytest.raises(StoreUnavailable, match=r"can open no more files or sockets \(ulimit -n"),
        ):
            await names(lent)
        assert await scalar(lent, "SELECT 1") == 1
        await lent._lender.close()


async def test_rows_counts_and_returned_values_come_back(things):
    insert = text("INSERT INTO things (name) VALUES (:name) RETURNING id, name")
    async with things.write() as connection:
        assert (await connection.execute(insert, {"name": "é"})).one() == (1, "é")
        many = text("INSERT INTO things (name) VALUES (:name)")
        await connection.execute(many, [{"name": "b"}, {"name": "c"}])
        changed = await connection.execute(text("UPDATE things SET name = name || '!' WHERE id > 1"))
        assert changed.rowcount == 2
    assert await names(things) == ["é", "b!", "c!"]


@pytest.mark.parametrize("count", [2, 7, 1025, 3000])
async def test_many_rows_are_inserted_in_their_order_and_counted(things, count):
    rows = [(number, f"thing {number}") for number in range(count)]
    insert = "INSERT OR IGNORE INTO things (id, name) VALUES (?, ?)"
    async with things.write() as connection:
        assert (await connection.exec_driver_sql(insert, rows)).rowcount == count
        assert (await connection.exec_driver_sql(insert, [*rows, (count, "new")])).rowcount == 1
    assert await names(things) == [name for _, name in rows] + ["new"]


async def test_rows_may_be_as_wide_as_a_statement_takes(things):
    columns = [f"c{number}" for number in range(100)]
    insert = f"INSERT INTO wide ({', '.join(columns)}) VALUES ({', '.join('?' * 100)})"
    async with things.write() as connection:
        await connection.execute(text(f"CREATE TABLE wide ({', '.join(columns)})"))
        await connection.exec_driver_sql(insert, [tuple(range(row, row + 100)) for row in range(2000)])
        assert (await connection.execute(text("SELECT count(*), sum(c99) FROM wide"))).one() == (
            2000,
            sum(range(99, 2099)),
        )


async def test_one_row_that_is_refused_undoes_the_transaction_of_many(things):
    async def insert() -> None:
        async with things.write() as connection:
            rows = [(1, "a"), (2, "b"), (3, None)]
            await connection.exec_driver_sql("INSERT INTO things (id, name) VALUES (?, ?)", rows)

    with pytest.raises(IntegrityError, match="NOT NULL"):
        await insert()
    assert await names(things) == []


async def test_a_statement_that_fails_undoes_its_transaction_and_the_next_one_works(things):
    async def write_twice() -> None:
        async with things.write() as connection:
            await connection.execute(text("INSERT INTO things VALUES (1, 'a')"))
            await connection.execute(text("INSERT INTO things VALUES (1, 'b')"))

    for _ in range(3):
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await write_twice()
    await execute(things, "INSERT INTO things VALUES (1, 'c')")
    assert await names(things) == ["c"]


async def test_a_transaction_without_statements_leaves_the_next_one_as_it_should_be(things):
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


async def test_a_transaction_holds_the_files_lock_from_its_first_statement(things):
    with contextlib.closing(sqlite3.connect(things.url.removeprefix("sqlite:///"), timeout=0)) as other:
        async with things.write() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


@pytest.mark.slow
async def test_a_writer_that_is_cancelled_in_a_statement_leaves_neither_rows_nor_a_lock(things):
    async def write() -> None:
        async with things.write() as connection:
            await connection.execute(text(SLOW))

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await execute(things, "INSERT INTO things VALUES (1, 'next')")
    assert await names(things) == ["next"]


async def test_a_reader_that_is_cancelled_again_while_it_is_closed_leaves_no_task_that_waits_for_good(things):
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
async def test_the_loop_goes_on_while_a_statement_runs(things):
    async with things.write() as connection:
        running = asyncio.create_task(connection.execute(text(SLOW)))
        turns = 0
        while not running.done():
            turns += 1
            await asyncio.sleep(0.001)
    assert turns > 20


async def test_several_may_open_a_new_file_at_once(tmp_path):
    for number in range(20):
        file = DatabaseFile(tmp_path / f"{number}.db", creates=True)
        connections = await asyncio.gather(*(sqlite.connect(file) for _ in range(4)))
        for connection in some(connections):
            cursor = await connection.cursor().execute("PRAGMA journal_mode")
            assert await cursor.fetchall() == [("wal",)]
            await connection.close()


async def test_a_connection_whose_opening_is_cancelled_is_closed(tmp_path):
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Watched(sqlite3.Connection):
        def close(self) -> None:
            super().close()
            loop.call_soon_threadsafe(closed.set)

    async def open_file() -> None:
        await sqlite.connect(DatabaseFile(tmp_path / "hub.db", creates=True), factory=Watched)

    opening = asyncio.create_task(open_file())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(60):
        await closed.wait()


async def test_a_connection_opens_while_the_last_other_one_closes(tmp_path, monkeypatch):
    """SQLite deletes the write-ahead log as the last connection closes, which must not look like a foreign deletion."""
    file = DatabaseFile(tmp_path / "a.db", creates=True)
    forget = file.forget

    def forget_slowly(connection: sqlite3.Connection) -> None:
        time.sleep(0.1)
        forget(connection)

    monkeypatch.setattr(file, "forget", forget_slowly)
    for _ in range(3):
        last = await sqlite.connect(file)
        await last.execute("CREATE TABLE IF NOT EXISTS a (b)")
        last.abandon()
        await asyncio.sleep(0.05)
        async with sqlite.connect(file) as other:
            await other.execute("INSERT INTO a VALUES (1)")


@pytest.mark.slow
def test_a_loop_that_closes_before_a_statement_ends_leaves_no_trace_and_no_lock(tmp_path, recwarn):
    file = str(tmp_path / "things.db")

    async def leave() -> None:
        connection = await sqlite.connect(DatabaseFile(Path(file), creates=True))
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


INSERT = "INSERT INTO things (name) VALUES ('new')"


async def insert(database: Database) -> None:
    await execute(database, INSERT)


@contextlib.asynccontextmanager
async def both(things: Database):
    """Use the file in both ways of a process: each has a connection already, and one of them an open transaction."""
    async with things.direct(2) as direct:
        await insert(direct)
        await names(direct)
        await insert(things)
        yield things, direct


async def test_a_file_that_is_away_is_never_made_anew_and_nothing_is_lost_when_it_is_back(things, tmp_path):
    file, elsewhere = tmp_path / "things.db", tmp_path / "elsewhere.db"
    async with both(things) as databases:
        file.rename(elsewhere)
        for database in (*databases, things.direct(1, is_separate=True)):
            async with database:
                for use in (insert, names):
                    with pytest.raises(
                        StoreUnavailable, match=r"was moved or deleted .*: put it back, or stop the hub"
                    ):
                        await use(database)
        assert not file.exists()
        elsewhere.rename(file)
        for database in databases:
            await insert(database)
            assert await names(database) == ["new"] * (3 + databases.index(database))


async def test_a_connection_opened_while_the_write_ahead_log_is_away_makes_no_other(things, tmp_path):
    log = tmp_path / "things.db-wal"
    async with both(things):
        log.rename(tmp_path / "elsewhere")
        for database in (things, things.direct(1, is_separate=True)):
            async with database:
                with pytest.raises(StoreUnavailable, match=r"things\.db-wal was moved or deleted"):
                    await insert(database)
        assert not log.exists()
        (tmp_path / "elsewhere").rename(log)
        await insert(things)
        assert await names(things) == ["new"] * 3


def replace_by_copy(file: Path) -> None:
    shutil.copyfile(file, file.with_name("copy.db"))
    file.with_name("copy.db").rename(file)


def replace_by_empty(file: Path) -> None:
    file.unlink()
    file.touch()


def replace_its_log(file: Path) -> None:
    log = Path(f"{file}-wal")
    shutil.copyfile(log, f"{log}.copy")
    Path(f"{log}.copy").rename(log)


@pytest.mark.parametrize("replace", [replace_by_copy, replace_by_empty, replace_its_log])
async def test_a_file_that_was_replaced_is_refused_even_when_the_first_one_is_back(things, tmp_path, replace):
    file, kept = tmp_path / "things.db", [tmp_path / f"kept{suffix}" for suffix in ("", "-wal")]
    async with both(things) as databases:
        for name, link in zip((file, Path(f"{file}-wal")), kept, strict=True):
            link.hardlink_to(name)
        replace(file)
        held = file.read_bytes()
        for _ in range(2):
            for database in databases:
                for use in (insert, names):
                    with pytest.raises(
                        StoreUnavailable, match=r"was replaced by another one .*: stop the hub"
                    ):
                        await use(database)
            assert file.read_bytes() == held
            for name, link in zip((file, Path(f"{file}-wal")), kept, strict=True):
                name.unlink(missing_ok=True)
                name.hardlink_to(link)
            held = file.read_bytes()
    async with EngineDatabase(things.url) as again:
        assert await names(again) == ["new"] * 2


@pytest.mark.slow
async def test_a_file_that_is_replaced_at_a_hundred_moments_of_writing_keeps_what_was_stored(tmp_path):
    chance = random.Random(40)
    for number in range(100):
        file, first = tmp_path / f"{number}.db", tmp_path / f"{number}-first.db"
        stored: list[int] = []

        async def write(database: Database, ids: range, stored: list[int] = stored) -> None:
            with contextlib.suppress(StoreUnavailable):
                for new in ids:
                    async with database.write() as connection:
                        await connection.execute(text("INSERT INTO things VALUES (:id, 'new')"), {"id": new})
                    stored.append(new)

        async with EngineDatabase(f"sqlite:///{file}") as database, database.direct(2) as direct:
            async with database.write() as connection:
                await connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)"))
            writing = asyncio.gather(write(database, range(10_000)), write(direct, range(10_000, 20_000)))
            await asyncio.sleep(chance.uniform(0, 0.02))
            first.hardlink_to(file)
            shutil.copyfile(file, copy := tmp_path / "copy.db")
            copy.rename(file)
            held = file.read_bytes()
            await writing
        assert file.read_bytes() == held
        first.replace(file)
        with contextlib.closing(sqlite3.connect(file)) as found:
            assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert set(stored) <= {new for (new,) in found.execute("SELECT id FROM things")}


async def test_a_transaction_whose_file_was_deleted_meanwhile_is_not_said_to_be_stored(things, tmp_path):
    async def insert_and_delete() -> None:
        async with things.write() as connection:
            await connection.execute(text(INSERT))
            (tmp_path / "things.db").unlink()

    with pytest.raises(StoreUnavailable, match="was moved or deleted"):
        await insert_and_delete()


async def test_a_file_that_was_overwritten_in_its_place_takes_nothing_more(things, tmp_path):
    file = tmp_path / "things.db"
    await insert(things)
    await names(things)
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.write_bytes(b"text" * 5000)
    for use in (names, insert, insert):
        with pytest.raises(StoreUnavailable, match="is damaged, or no SQLite database"):
            async with things.direct(2) as direct:
                await use(direct)
    assert file.read_bytes() == b"text" * 5000
    with pytest.raises(StoreUnavailable, match="is damaged, or no SQLite database"):
        await insert(things)


async def test_a_database_has_an_id_from_its_first_start_on(tmp_path):
    found = []
    for name in ("new.db", "new.db", "old.db"):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as other:
            if name == "old.db":
                other.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
            async with (
                EngineDatabase(f"sqlite:///{tmp_path}/{name}") as database,
                database.read(),
                database.read(),
            ):
                found.append(other.execute("PRAGMA application_id").fetchone()[0])
    assert found[0] == found[1] != found[2]
    assert all(found)
