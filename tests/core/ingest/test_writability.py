"""Whether the log can be written: appends show it, and so do rehearsals, which leave nothing behind."""

import asyncio
import contextlib
import shutil

import pytest
from sqlalchemy import text
from tests.core.store.test_stream import draft
from tests.small_disks import database_on, small_disk
from tests.statements import execute

from trunkline.errors import WritesRefused
from trunkline.ingest.writability import Writability
from trunkline.store import stream
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase

FULL = "the disk that holds the database is full: free space on it, and the hub goes on by itself"


@pytest.fixture(params=["sqlite", "postgresql"])
async def small(request, tmp_path, migrated_databases, postgres_server):
    """Open a database on a small disk with the connections of appends; give it with the disk."""
    async with contextlib.AsyncExitStack() as stack:
        url = await migrated_databases.fresh(request.param, folder=tmp_path, stack=stack)
        disk = stack.enter_context(small_disk(megabytes=40))
        if request.param == "sqlite":
            url = f"sqlite:///{shutil.copy(tmp_path / 'trunkline.db', disk.folder)}"
        else:
            template = migrated_databases.pool.template
            url = await stack.enter_async_context(database_on(disk, postgres_server, template=template))
        database = await stack.enter_async_context(EngineDatabase(url))
        yield await stack.enter_async_context(database.direct(2)), disk


async def append(database: Database, count: int = 1) -> None:
    async with database.write() as connection:
        await stream.append(connection, [draft()] * count, shards=1)


async def append_until_refused(database: Database) -> None:
    for _ in range(100):
        await append(database, 20)


async def test_a_full_disk_is_seen_without_an_append_and_so_is_room_on_it(small):
    database, disk = small
    log = Writability(database)
    await log.look()
    assert log.fault is None
    disk.fill()
    await log.look()
    assert log.fault == FULL
    await log.look()
    assert log.fault == FULL
    disk.make_room()
    async with asyncio.timeout(15):
        while log.fault is not None:  # a connection that is still closing can refuse the first look
            await log.look()
            await asyncio.sleep(0.05)


async def test_an_append_that_meets_a_full_disk_says_so_and_no_write_in_place_disproves_it(small):
    database, disk = small
    log = Writability(database)
    disk.fill()
    with pytest.raises(WritesRefused) as caught:
        await append_until_refused(database)
    assert caught.value.reason == "the disk that holds the database is full"
    log.refused(caught.value)
    for _ in range(5):
        with contextlib.suppress(WritesRefused):
            await execute(database, "UPDATE routing SET version = version")
        await log.look()
        assert log.fault == FULL
    disk.make_room()
    await append(database)
    log.appended()
    assert log.fault is None


async def test_the_other_connections_name_the_full_disk_too(small):
    database, disk = small
    async with EngineDatabase(database.url) as other:
        disk.fill()
        with pytest.raises(WritesRefused, match="disk that holds the database is full"):
            await append(other, 10_000)


async def test_a_rehearsal_leaves_nothing_behind_and_uses_no_position_up(database):
    async with database.read() as connection:
        before = await stream.head(connection)
    log = Writability(database)
    log.fault = "anything"  # to make it rehearse
    await log.look()
    assert log.fault is None
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one() == 0
        assert await stream.head(connection) == before


async def test_an_append_since_the_last_look_is_proof_enough():
    log = Writability(EngineDatabase("postgresql://nobody@127.0.0.1:1/none"))
    log.appended()
    await log.look()
    assert log.fault is None
    await log.look()
    assert log.fault == "the database does not answer"


async def test_a_database_that_takes_reads_only_is_named_as_such(postgres_database_url):
    async with EngineDatabase(postgres_database_url) as database, database.write() as connection:
        name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
        await connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    async with EngineDatabase(postgres_database_url) as database:
        log = Writability(database)
        log.fault = "anything"
        await log.look()
        assert log.fault is not None
        assert log.fault.startswith("the database takes reads only: ")
