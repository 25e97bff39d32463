"""The events that may be removed, and the rows that are removed with them, on both databases."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import pytest
from sqlalchemy import text
from tests.core.store.conftest import column, insert_subscription, read_with, write_with
from tests.statements import execute

from trunkline.model.events import Draft, shard_of
from trunkline.store import deliveries as ledger
from trunkline.store import idempotency, migrate, replays, retention, sql, stream
from trunkline.store.database import Database
from trunkline.store.deliveries import Attempt, Settled
from trunkline.store.retention import LogBounds, Page

SHARDS = 16
NONE = migrate.RESERVED_POSITIONS
DAY = 24 * 60 * 60 * 1000


async def append(database: Database, count: int, *, company: int = 92) -> list[int]:
    """Append events that were settled by the live lane."""
    drafts = [Draft(company, "lead.created", "2026-01-28T10:30:00Z", b"{}")] * count
    events = (await write_with(database, stream.append, drafts, shards=SHARDS)).events
    await execute(database, "UPDATE shards SET cursor = :head", head=events[-1].position)
    return [event.position for event in events]


async def age(database: Database, positions: Sequence[int], *, days: float = 100) -> None:
    aged = f"accepted_ms - {int(days * DAY)} WHERE position BETWEEN {positions[0]} AND {positions[-1]}"
    await execute(database, f"UPDATE events SET accepted_ms = {aged}")


async def record(
    database: Database, positions: Iterable[int], *, no: int = 1, status: str = "delivered"
) -> None:
    """Put deliveries into the ledger, with one attempt each."""
    async with database.write() as connection:
        await ledger.record(connection, [Settled(p, no, status, 1, 200) for p in positions], now_ms=1)
        await ledger.insert_attempts(
            connection, [Attempt(p, no, 1, 1, 2, "delivered", 200, None, None) for p in positions]
        )


async def replay(
    database: Database, *, after: int, up_to: int, company: int = 92, status: str = "running"
) -> int:
    columns = {
        "id": f"rpl_{after}_{up_to}_{company}", "subscription_no": 1, "company_id": company, "kind": "all",
        "event_types": None, "position": after, "end_position": up_to,
    }  # fmt: skip
    row = await write_with(database, replays.insert, columns)
    if status != "running":
        await write_with(database, replays.end, row.no, status)
    return row.no


async def removable(
    database: Database, *, after: int = 0, limit: int = 1000, rows: int = 1000, days: int = 90
) -> Page:
    async with database.read() as connection:
        before_ms = await sql.clock_ms(connection) - days * DAY
        old = await retention.horizon(connection, before_ms=before_ms)
        return await retention.removable(connection, old, after=after, limit=limit, rows=rows)


async def remove(database: Database, positions: Sequence[int]) -> Mapping[str, int]:
    async with database.write() as connection:
        assert await retention.take_turn(connection)
        return await retention.remove(connection, positions)


async def left(database: Database, table: str = "events") -> list[int]:
    return await column(database, f"SELECT position FROM {table} ORDER BY position")


async def log_bounds(database: Database) -> LogBounds:
    return await read_with(database, retention.log_bounds)


async def test_what_is_old_and_settled_may_go_and_what_is_new_stays(database):
    written = await append(database, 6)
    await record(database, written[:5:2])
    await age(database, written[:4])
    await age(database, written[4:5], days=89)
    assert list((await removable(database)).positions) == written[:4]


async def test_a_new_log_has_nothing_to_remove(database):
    assert await removable(database) == Page([], 0)
    assert await remove(database, []) == {"events": 0, "deliveries": 0, "attempts": 0}
    assert await log_bounds(database) == LogBounds(0, NONE)


@pytest.mark.parametrize("status", ["pending", "held"])
async def test_an_open_delivery_keeps_its_event_and_no_other(database, status):
    written = await append(database, 3)
    await record(database, written)
    await record(database, written[1:2], no=2, status=status)
    await age(database, written)
    assert list((await removable(database)).positions) == [written[0], written[2]]


async def test_an_ended_delivery_keeps_nothing(database):
    written = await append(database, 4)
    for position, status in zip(written, ("delivered", "exhausted", "rejected", "gone"), strict=True):
        await record(database, [position], status=status)
    await age(database, written)
    assert list((await removable(database)).positions) == written


async def test_what_lies_beyond_its_shards_cursor_stays(database):
    written = await append(database, 3)
    other = await append(database, 1, company=93)
    await age(database, [*written, *other])
    assert shard_of(92, SHARDS) != shard_of(93, SHARDS)
    await execute(
        database, "UPDATE shards SET cursor = :c WHERE shard = :s", c=written[1], s=shard_of(92, SHARDS)
    )
    assert list((await removable(database)).positions) == [*written[:2], *other]


async def test_a_running_replay_keeps_what_it_is_still_to_come_to_of_its_company(database):
    written = await append(database, 4)
    other = await append(database, 1, company=93)
    await age(database, [*written, *other])
    await replay(database, after=written[0], up_to=written[2])
    await replay(database, after=0, up_to=other[0], status="completed")
    assert list((await removable(database)).positions) == [written[0], written[3], *other]


async def test_a_page_is_as_long_as_asked_and_the_next_goes_on_after_it(database):
    written = await append(database, 5)
    await age(database, written)
    first = await removable(database, limit=2)
    assert first == Page(written[:2], written[1])
    assert await removable(database, limit=2, after=first.reached) == Page(written[2:4], written[3])
    assert await removable(database, limit=2, after=written[3]) == Page(written[4:], written[4])


async def test_a_page_ends_early_where_its_events_have_many_rows(database):
    written = await append(database, 3)
    for no in range(1, 6):
        await record(database, written, no=no)  # ten rows an event: five deliveries, five attempts
    await age(database, written)
    assert await removable(database, rows=25) == Page(written[:2], written[1])
    assert await removable(database, rows=1) == Page(written[:1], written[0])


async def test_an_event_goes_with_its_deliveries_and_attempts_and_moves_the_edge(database):
    written = await append(database, 4)
    await record(database, written)
    await record(database, written, no=2)
    assert await remove(database, [written[0], written[2]]) == {"events": 2, "deliveries": 4, "attempts": 4}
    kept = [written[1], written[3]]
    assert await left(database) == kept
    twice = [position for position in kept for _ in "ab"]
    assert await left(database, "deliveries") == await left(database, "attempts") == twice
    assert await log_bounds(database) == LogBounds(written[2], written[3])


async def test_the_edge_never_goes_back(database):
    written = await append(database, 3)
    await remove(database, written[2:])
    await remove(database, written[:1])
    assert (await log_bounds(database)).edge == written[2]


async def test_what_became_needed_since_it_was_chosen_is_left_alone(database):
    written = await append(database, 3)
    await record(database, written, status="exhausted")
    assert await write_with(database, ledger.retry_now, ledger.Key(written[0], 1))
    await replay(database, after=written[1], up_to=written[2])
    assert await remove(database, written) == {"events": 1, "deliveries": 1, "attempts": 1}
    assert await left(database) == [written[0], written[2]]


async def test_a_delivery_that_somebody_is_changing_is_passed_over_at_once(postgres_database):
    written = await append(postgres_database, 2)
    await record(postgres_database, written, status="exhausted")
    async with postgres_database.write() as connection:
        await ledger.retry_now(connection, ledger.Key(written[0], 1))
        async with asyncio.timeout(60):
            assert (await remove(postgres_database, written))["events"] == 1
    assert await left(postgres_database) == written[:1]


async def test_one_worker_removes_at_a_time(postgres_database):
    async with postgres_database.write() as first:
        assert await retention.take_turn(first)
        async with postgres_database.write() as other:
            assert not await retention.take_turn(other)
    async with postgres_database.write() as other:
        assert await retention.take_turn(other)


async def test_the_plan_reads_a_range_of_the_primary_key(postgres_database):
    async with postgres_database.write() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))  # small tables are scanned
        for table in ("events", "deliveries", "attempts"):
            within = retention.within_positions(connection)
            plan = await connection.execute(
                text(f"EXPLAIN DELETE FROM {table} WHERE {within}"),
                retention.position_parameters([1000, 1001]),
            )
            lines = "\n".join(row[0] for row in plan)
            assert f"{table}_pkey" in lines, lines
            assert f"Seq Scan on {table}" not in lines, lines


async def purge(database: Database, table: str, *, before_ms: int, limit: int = 10) -> int:
    return await write_with(database, retention.purge, table, before_ms=before_ms, limit=limit)


async def test_idempotency_keys_go_when_they_have_lived_their_time_a_few_at_once(database):
    for number in range(3):
        use = idempotency.Use(92, f"k{number}", b"f" * 32, 1000, 1)
        await write_with(database, idempotency.remember, [use], now_ms=number, lifetime_ms=DAY)
    assert await purge(database, "idempotency_keys", before_ms=1, limit=1) == 1
    assert await column(database, "SELECT key FROM idempotency_keys ORDER BY key") == ["k1", "k2"]
    assert await purge(database, "idempotency_keys", before_ms=1) == 1
    assert await column(database, "SELECT key FROM idempotency_keys") == ["k2"]


async def test_replays_go_when_they_ended_long_ago_and_no_delivery_names_them(database):
    written = await append(database, 1)
    ended = await replay(database, after=0, up_to=1, status="completed")
    named = await replay(database, after=0, up_to=2, status="cancelled")
    running = await replay(database, after=0, up_to=3)
    await record(database, written)
    await execute(database, "UPDATE deliveries SET replay_no = :no", no=named)
    later = (await column(database, "SELECT max(updated_ms) FROM replays"))[0] + 1
    assert await purge(database, "replays", before_ms=0) == 0
    assert await purge(database, "replays", before_ms=later) == 1
    assert await column(database, "SELECT no FROM replays ORDER BY no") == [named, running]
    assert ended not in {named, running}


async def test_deleted_subscriptions_go_when_nothing_names_them(database):
    for no, status in enumerate(("deleted", "deleted", "deleted", "paused", "deleted"), 1):
        at = 100 if no == 5 else 1
        await insert_subscription(database, f"sub_{no}", no=no, status=status, updated_ms=at)
    written = await append(database, 1)
    await record(database, written, no=2)
    await replay(database, after=0, up_to=1, status="completed")
    await execute(database, "UPDATE replays SET subscription_no = 3")
    assert await purge(database, "subscriptions", before_ms=50) == 1
    assert await column(database, "SELECT no FROM subscriptions ORDER BY no") == [2, 3, 4, 5]


async def test_ended_deliveries_before_the_oldest_event_go(database):
    written = await append(database, 4)
    await record(database, written)
    await execute(database, "UPDATE deliveries SET status = 'pending' WHERE position = :p", p=written[1])
    await execute(database, "DELETE FROM events WHERE position < :p", p=written[2])
    assert await purge(database, "deliveries", before_ms=0) == 1
    assert await left(database, "deliveries") == written[1:]


async def test_ended_deliveries_of_a_log_that_was_emptied_go(database):
    written = await append(database, 2)
    await remove(database, written)
    await record(database, written[:1])
    assert await purge(database, "deliveries", before_ms=0) == 1
    assert await left(database, "deliveries") == []
