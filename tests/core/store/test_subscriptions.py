"""Subscriptions as rows on both databases: versions, counting failures, and disabling."""

import asyncio

import pytest
from tests.core.store.conftest import read_with, write_with
from tests.statements import execute

from trunkline.model.events import Draft
from trunkline.store import migrate, new_subscriptions, streaks, stream, subscriptions
from trunkline.store.database import Database
from trunkline.store.streaks import Ending, Failing, Streak
from trunkline.store.subscriptions import Row

NONE = migrate.RESERVED_POSITIONS
DAY_MS = 24 * 3_600_000


async def insert(database: Database, name: str = "a", **more) -> Row:
    values = {
        "id": f"sub_{name * 20}"[:24],
        "company_id": 92,
        "channel": "webhooks",
        "target_url": "https://example.com/",
        "event_types": '["*"]',
        "signature": "standard",
        "sealed": b"",
        "status": "active",
    }
    async with database.write() as connection:
        version = await subscriptions.next_version(connection)
        return (await new_subscriptions.insert(connection, [values | more], version=version))[0]


async def append(database: Database, count: int = 1) -> None:
    drafts = [Draft(92, "lead.created", "2026-01-28T10:30:00Z", b"{}")] * count
    await write_with(database, stream.append, drafts, shards=16)


async def update(database: Database, no: int, **changes) -> Row:
    return await write_with(database, subscriptions.update, no, changes)


async def failing(database: Database, *counted: Streak) -> list[Failing]:
    return list((await write_with(database, streaks.record_streaks, counted)).failing)


async def read(database: Database, no: int) -> Row:
    return await read_with(database, subscriptions.by_number, no)


async def changed(database: Database, version: int) -> list[str]:
    async with database.read() as connection:
        pages = [rows async for rows in subscriptions.changed_since(connection, version, at_once=2)]
    assert all(pages)
    return sorted(row.id for rows in pages for row in rows)


async def test_a_new_subscription_starts_at_the_head_of_the_log(database):
    await append(database, 3)
    row = await insert(database)
    assert row.start_position == NONE + 3
    assert (row.failures, row.failing_since_ms, row.disabled_reason) == (0, None, None)


async def test_a_subscription_made_while_events_are_appended_starts_exactly_between_two_of_them(database):
    made: list[Row] = []

    async def make(number: int) -> None:
        made.append(await insert(database, f"{number:02}"))

    await asyncio.gather(*(append(database, 2) if n % 2 else make(n) for n in range(20)))
    head = await read_with(database, stream.head)
    assert head.position == NONE + 20
    assert all(row.start_position <= head.position for row in made)
    assert sorted(row.version for row in made) == list(range(2, 12)), "each change has a version of its own"


async def test_a_dispatcher_finds_what_has_changed_since_the_version_it_knows(database):
    first, second = await insert(database, "a"), await insert(database, "b")
    assert await changed(database, 0) == [first.id, second.id]
    assert await changed(database, first.version) == [second.id]
    moved = await update(database, first.no, target_url="https://example.org/")
    assert await changed(database, second.version) == [first.id]
    assert (await read_with(database, stream.head)).routing_version == moved.version


async def test_a_deleted_one_is_told_to_who_knew_it_and_not_to_who_starts(database):
    row = await insert(database)
    await update(database, row.no, status="deleted")
    assert await changed(database, row.version) == [row.id]
    assert await changed(database, 0) == []
    async with database.read() as connection:
        assert await subscriptions.get(connection, row.id) is None
        assert (await subscriptions.by_number(connection, row.no)).status == "deleted"
        assert await new_subscriptions.count(connection, 92) == 0


async def test_who_starts_reads_each_once_by_number_and_then_what_has_changed_meanwhile(database):
    rows = [await insert(database, name) for name in "abcd"]
    before = rows[-1].version
    seen: list[tuple[int, str | None]] = []
    async with database.read() as connection:
        async for page in subscriptions.changed_since(connection, 0, at_once=2):
            seen += [(row.no, row.description) for row in page]
            if len(seen) == 2:
                for row in (rows[0], rows[3]):
                    await update(database, row.no, description="changed")
    assert seen == [(rows[0].no, None), (rows[1].no, None), (rows[2].no, None), (rows[3].no, "changed")]
    assert await changed(database, before) == [rows[0].id, rows[3].id]


async def test_failures_in_a_row_are_counted_from_the_first_of_them(database):
    row = await insert(database)
    [first] = await failing(database, Streak(row.no, succeeded=False, failures=2))
    assert first[:4] == (row.no, row.channel, 2, 0)
    since = (await read(database, row.no)).failing_since_ms
    [second] = await failing(database, Streak(row.no, succeeded=False, failures=3))
    assert (second.failures, (await read(database, row.no)).failing_since_ms) == (5, since)


@pytest.mark.parametrize("step_ms", [DAY_MS, -DAY_MS])
async def test_a_step_of_the_clock_adds_nothing_to_the_time_for_which_one_fails(database, step_ms):
    row = await insert(database)
    failed = Streak(row.no, succeeded=False, failures=1, passed_ms=30)
    await failing(database, failed)
    await execute(database, f"UPDATE subscriptions SET failed_ms = failed_ms - {step_ms}")
    [again] = await failing(database, failed)
    assert (again.failures, again.failing_ms) == (2, 30)


async def test_the_failures_that_two_processes_see_count_once(database):
    row = await insert(database)
    await failing(database, Streak(row.no, succeeded=False, failures=1))
    await execute(database, "UPDATE subscriptions SET failed_ms = failed_ms - 5000")
    [first] = await failing(database, Streak(row.no, succeeded=False, failures=1, passed_ms=9000))
    [both] = await failing(database, Streak(row.no, succeeded=False, failures=1, passed_ms=9000))
    assert 5000 <= first.failing_ms <= both.failing_ms < 7000


async def test_a_success_ends_the_row_of_failures(database):
    row = await insert(database)
    await failing(database, Streak(row.no, succeeded=False, failures=7))
    assert await failing(database, Streak(row.no, succeeded=True, failures=0)) == []
    stored = await read(database, row.no)
    assert (stored.failures, stored.failing_since_ms) == (0, None)


async def test_failures_after_a_success_in_the_same_batch_are_a_new_row(database):
    row = await insert(database)
    await failing(database, Streak(row.no, succeeded=False, failures=7))
    [anew] = await failing(database, Streak(row.no, succeeded=True, failures=1, passed_ms=500))
    assert (anew.failures, anew.failing_ms) == (1, 0)


async def test_only_the_gap_that_was_told_is_forgotten(database):
    row = await insert(database)
    async with database.write() as connection:
        await subscriptions.update(connection, row.no, {"gap_position": 7})
        await subscriptions.forget_gap(connection, row.no, position=6)
        kept = await subscriptions.by_number(connection, row.no)
        await subscriptions.forget_gap(connection, row.no, position=7)
        gone = await subscriptions.by_number(connection, row.no)
    assert (kept.options.get("gap_position"), gone.options.get("gap_position")) == (7, None)
    assert gone.version > kept.version


async def test_only_an_active_one_is_disabled_and_it_says_why_and_since_when(database):
    row = await insert(database)
    (disabled,) = await write_with(database, streaks.disable, [Ending(row.no, "failing", 1234)])
    shown = (disabled.status, disabled.disabled_reason, disabled.resume_position)
    assert shown == ("disabled", "failing", 1234)
    assert disabled.disabled_ms >= row.created_ms
    assert disabled.version > row.version
    assert await write_with(database, streaks.disable, [Ending(row.no, "gone", 1)]) == []


async def test_many_are_disabled_at_once_each_with_its_reason_and_those_that_are_active(database):
    rows = [await insert(database, name) for name in "abc"]
    reached = {"x": 1005, "y": 0, "z": 1009}.items()
    endings = [Ending(row.no, *why) for row, why in zip(rows, reached, strict=True)]
    async with database.write() as connection:
        await subscriptions.update(connection, rows[2].no, {"status": "paused"})
        disabled = await streaks.disable(connection, endings[::-1])
    assert [(row.no, row.disabled_reason, row.resume_position) for row in disabled] == [
        (rows[0].no, "x", 1005),
        (rows[1].no, "y", rows[1].start_position),  # never before its beginning
    ]
    assert {row.id for row in disabled} < set(await changed(database, 1))


async def test_counting_failures_and_changing_subscriptions_never_deadlock(
    postgres_database,
):
    rows = [await insert(postgres_database, name) for name in "abcdef"]

    async def change(row: Row) -> None:
        async with postgres_database.write() as connection:
            await subscriptions.get(connection, row.id, to_change=True)
            await subscriptions.update(connection, row.no, {"description": "changed"})

    async def count_failures(order: list[Row]) -> None:
        async with postgres_database.write() as connection:
            failed = [Streak(row.no, succeeded=False, failures=1) for row in order]
            for no, *_ in (await streaks.record_streaks(connection, failed)).failing:
                await streaks.disable(connection, [Ending(no, "failing", 1)])

    async with asyncio.timeout(60):
        for _ in range(10):
            await asyncio.gather(
                *(change(row) for row in rows),
                count_failures(rows),
                count_failures(rows[::-1]),
                count_failures(rows[3:]),
            )
    async with postgres_database.read() as connection:
        stored = [await subscriptions.by_number(connection, row.no) for row in rows]
    assert [row.failures for row in stored] == [20, 20, 20, 30, 30, 30]


async def test_a_company_sees_its_own_in_the_order_they_were_made(database):
    first = await insert(database, "b")
    second = await insert(database, "a", target_url="https://example.org/")
    await insert(database, "c", company_id=93)
    async with database.read() as connection:
        assert [r.id for r in await subscriptions.of_company(connection, 92)] == [first.id, second.id]
        matches = await subscriptions.of_company(connection, 92, target_url="https://example.org/")
        assert [r.id for r in matches] == [second.id]
        assert await subscriptions.of_company(connection, 92, channel="zapier") == []
