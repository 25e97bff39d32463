"""Ids are never issued twice: after a restore, after ``log advance``, after a promotion, on both databases."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from tests.core.store.conftest import insert_subscription, read_with, write_with
from tests.core.store.test_stream import NONE, append, draft
from tests.postgres_servers import COPIED, primary_and_standby
from tests.statements import execute, scalar

from trunkline.store import companies, epochs, migrate
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline.store.epochs import STEP, STEP_PER_MS, Advanced


async def advance(database: Database, *, past: int = 0) -> Advanced:
    return await write_with(database, epochs.advance, past=past)


async def add_subscription(database: Database, identifier: str) -> int:
    return await insert_subscription(database, identifier)


async def new_company(database: Database) -> int:
    return await write_with(database, companies.new_id)


async def test_the_log_moves_on_past_what_may_have_been_accepted_since_its_newest_event(database):
    await append(database, [draft()])
    hour_ms = 3_600_000
    await execute(database, f"UPDATE stream_head SET accepted_ms = accepted_ms - {hour_ms}")

    advanced = await advance(database)

    least = NONE + 1 + STEP + hour_ms * STEP_PER_MS
    assert advanced.before == NONE + 1
    assert least <= advanced.after < least + 60_000 * STEP_PER_MS
    following = [event.position for event in await append(database, [draft(), draft()])]
    assert following == [advanced.after + 1, advanced.after + 2]


async def test_skipped_positions_are_not_counted_however_often_the_log_moved_on(database):
    before = (await append(database, [draft()]))[0].position
    for count in (2, 0, 3):
        await append(database, [draft()] * count)
        after = (await advance(database)).after
    async with database.read() as connection:
        assert await epochs.count_between(connection, before, after) == 5
        assert await epochs.count_between(connection, before - 1, after) == 6
        assert await epochs.count_between(connection, after, after) == 0
    newest = (await append(database, [draft()]))[0].position
    assert await read_with(database, epochs.count_between, before, newest) == 6


async def test_a_log_without_events_moves_on_by_the_step_alone(database):
    assert await advance(database) == Advanced(NONE, NONE + STEP)


async def test_an_id_that_a_client_has_seen_is_passed_if_it_is_further(database):
    seen = 7 * STEP
    assert (await advance(database, past=seen)).after == seen
    assert (await advance(database, past=seen)).after == seen + STEP


async def test_numbers_of_subscriptions_and_companies_move_on_too(database):
    first = await add_subscription(database, "sub_1")
    company = await new_company(database)
    await advance(database)
    assert await add_subscription(database, "sub_2") > first + STEP
    assert await new_company(database) >= company + STEP


async def test_numbers_of_a_table_that_had_no_row_yet_move_on_too(database):
    await advance(database)
    assert await add_subscription(database, "sub_1") > STEP


async def test_the_number_of_the_newest_subscription_is_not_given_again_after_it_is_removed(database):
    first = await add_subscription(database, "sub_1")
    await execute(database, "DELETE FROM subscriptions WHERE no = :no", no=first)
    assert await add_subscription(database, "sub_2") > first


async def test_a_file_has_no_timeline(sqlite_database):
    assert not await read_with(sqlite_database, epochs.note_timeline)
    await append(sqlite_database, [draft()])
    assert await scalar(sqlite_database, "SELECT timeline FROM stream_head") is None


async def test_an_append_on_another_timeline_moves_on_once(postgres_database):
    assert not await read_with(postgres_database, epochs.note_timeline)
    await append(postgres_database, [draft()])
    await execute(postgres_database, "UPDATE stream_head SET timeline = '00000009'")
    assert await read_with(postgres_database, epochs.note_timeline)

    [first, second] = await append(postgres_database, [draft(), draft()])
    [third] = await append(postgres_database, [draft()])

    assert first.position > NONE + 1 + STEP
    assert (second.position, third.position) == (first.position + 1, first.position + 2)


async def test_a_role_that_may_not_read_the_timeline_notes_none(postgres_database_url):
    role = f"{make_url(postgres_database_url).database}_plain"
    owner = await asyncpg.connect(postgres_database_url)
    try:
        await owner.execute(
            f"CREATE ROLE {role} LOGIN; GRANT SELECT, UPDATE ON stream_head TO {role};"
            "REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC"
        )
        url = postgres_database_url.replace("//postgres:", f"//{role}:")
        async with EngineDatabase(url) as engines, engines.direct(1) as direct:
            for database in (engines, direct):
                assert not await read_with(database, epochs.note_timeline)
    finally:
        await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await owner.close()


@pytest.mark.slow
async def test_after_a_standby_that_lagged_is_promoted_no_id_comes_twice():
    with primary_and_standby() as (first, second, url):
        async with EngineDatabase(url, pool_size=2) as database:
            await migrate.upgrade(database, shards=16)
            assert not await read_with(database, epochs.note_timeline)
            await append(database, [draft()])
            await first.until(COPIED)
            await second.execute("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
            await first.until("NOT EXISTS (SELECT 1 FROM pg_stat_replication)")
            lost = await append(database, [draft() for _ in range(200)])
            number = await add_subscription(database, "sub_lost")
        first.stop()
        second.promote()
        async with EngineDatabase(url, pool_size=2) as database:
            async with database.read() as connection:
                head = (await connection.execute(text("SELECT position FROM stream_head"))).scalar_one()
                assert head == NONE + 1, "the standby did not lag"
            [event] = await append(database, [draft()])
            await advance(database)

            assert event.position > lost[-1].position
            assert await add_subscription(database, "sub_new") > number
