"""The log on both databases: order, no gaps, and the result of each way of reading."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from msgspec import structs
from tests.core.store.conftest import read_with, write_with
from tests.statements import execute

from trunkline.model.events import Draft, Event, shard_of
from trunkline.store import idempotency, migrate, operation_keys, stream, subscriptions
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline.store.sql import text

HOUR_MS = 3_600_000
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

SHARDS = 16
NONE = migrate.RESERVED_POSITIONS  # the newest position of a log without events


def draft(company_id: int = 92, type: str = "lead.created", number: int = 1) -> Draft:
    return Draft(company_id, type, "2026-01-28T10:30:00Z", b'{"n":%d}' % number)


async def append(database: Database, drafts: Sequence[Draft]) -> list[Event]:
    return (await write_with(database, stream.append, drafts, shards=SHARDS)).events


async def test_a_new_log_is_empty_also_after_an_append_of_nothing(database):
    assert await append(database, []) == []
    async with database.read() as connection:
        assert await stream.head(connection) == stream.Head(NONE, 1)
        assert await stream.read_company(connection, 92, types=(), after=0, limit=10) == []


async def test_events_come_back_as_they_were_appended(database):
    written = await append(
        database,
        [draft(number=1), draft(93), structs.replace(draft(type="client.created"), traceparent=TRACE)],
    )

    async with database.read() as connection:
        assert [event.position for event in written] == [NONE + 1, NONE + 2, NONE + 3]
        assert (await stream.head(connection)).position == NONE + 3
        _, read = await stream.read_on(connection, range(SHARDS), after=0, up_to=NONE + 3, limit=10)
    assert read == written
    assert [event.traceparent for event in read] == [None, None, TRACE]
    assert written[0].body == (
        b'{"id":%d,"type":"lead.created","createdUtc":"2026-01-28T10:30:00Z","companyId":92,"payload":{"n":1}}'
        % (NONE + 1)
    )


async def test_a_rolled_back_append_leaves_no_gap(database):
    async def append_and_fail() -> None:
        async with database.write() as connection:
            await stream.append(connection, [draft()], shards=SHARDS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await append_and_fail()

    assert [event.position for event in await append(database, [draft()])] == [NONE + 1]


async def test_an_append_knows_of_each_subscription_that_was_made_before_it(database):
    """The append gets the log's lock after the subscriptions, however long it has waited."""
    async with database.write() as connection:
        version = await subscriptions.next_version(connection)
        head, _ = await subscriptions.lock_head(connection)
        appending = asyncio.create_task(write_with(database, stream.append, [draft()], shards=SHARDS))
        await asyncio.sleep(0.2)
        assert not appending.done()
    appended = await appending
    assert appended.events[0].position == head + 1
    assert appended.routing_version == version


async def test_shards_are_read_within_bounds_and_on_with_the_head_of_the_same_moment(database):
    written = await append(database, [draft(company) for company in (1, 2, 3, 92, 93, 94, 1, 2)])
    mine = sorted({shard_of(company, SHARDS) for company in (1, 92)})
    ours = [event for event in written if shard_of(event.company_id, SHARDS) in mine]
    head = stream.Head(NONE + 8, 1)

    async with database.read() as connection:
        read_on = partial(stream.read_on, connection)
        assert await read_on(mine, after=NONE, up_to=NONE + 50, limit=10) == (head, ours)
        up_to_7 = [event for event in ours if event.position <= NONE + 7]
        assert await read_on(mine, after=NONE, up_to=NONE + 7, limit=10) == (head, up_to_7)
        assert await read_on(mine, after=NONE + 1, up_to=NONE + 50, limit=1) == (head, ours[1:2])
        between = [event for event in written[1:7] if event in ours]
        assert await read_on(mine, after=NONE + 1, up_to=NONE + 7, limit=10) == (head, between)
        assert await read_on(mine, after=NONE + 8, up_to=NONE + 50, limit=10) == (head, [])
        assert await read_on([], after=0, up_to=NONE + 50, limit=10) == (head, [])


async def test_reading_a_company_merges_its_types_in_order(database):
    types = ["lead.created", "client.created", "payment.failed"]
    await append(database, [draft(92 + n % 2, types[n % 3]) for n in range(24)])
    chosen = types[:2]

    async with database.read() as connection:
        everything = await stream.read_company(connection, 92, types=(), after=0, limit=100)
        some = await stream.read_company(connection, 92, types=chosen, after=NONE + 3, limit=100)
        page = await stream.read_company(connection, 92, types=chosen, after=NONE + 3, limit=3)

    assert [event.position for event in everything] == list(range(NONE + 1, NONE + 25, 2))
    assert some == [event for event in everything if event.type in chosen and event.position > NONE + 3]
    assert page == some[:3]


async def test_the_newest_come_newest_first(database):
    await append(database, [draft(type="lead.created" if n % 2 else "client.created") for n in range(1, 7)])

    async def newest(company: int, *types: str, **bounds: int) -> list[int]:
        events = await read_with(database, stream.newest_of_company, company, types=types, limit=2, **bounds)
        return [event.position - NONE for event in events]

    assert await newest(92) == [6, 5]
    assert await newest(92, up_to=NONE + 4) == [4, 3]
    assert await newest(92, after=NONE + 5) == [6]
    assert await newest(92, "lead.created") == [5, 3]
    assert await newest(92, "lead.created", "client.created") == [6, 5]
    assert await newest(7) == []


async def test_positions_that_do_not_exist_are_left_out(database):
    written = await append(database, [draft(), draft()])

    async with database.read() as connection:
        assert await stream.by_positions(connection, [NONE + 2, NONE + 9]) == {NONE + 2: written[1]}
        assert await stream.by_positions(connection, []) == {}


async def test_companies_are_listed_for_a_stretch_of_the_log(database):
    await append(database, [draft(1), draft(2), draft(2), draft(3)])

    async with database.read() as connection:
        assert sorted(await stream.companies_after(connection, NONE + 1, NONE + 3)) == [2]
        assert sorted(await stream.companies_after(connection, NONE, NONE + 4)) == [1, 2, 3]


async def test_since_finds_the_place_before_the_first_event_of_that_time(database):
    await append(database, [draft() for _ in range(4)])
    for position, accepted_ms in enumerate((1000, 2000, 2000, 3000), NONE + 1):
        await execute(database, f"UPDATE events SET accepted_ms = {accepted_ms} WHERE position = {position}")

    async with database.read() as connection:
        times = (0, 1000, 1001, 2000, 3000, 3001)
        positions = [await stream.position_before(connection, since) - NONE for since in times]

    assert positions == [0, 0, 1, 1, 3, 4]


async def test_the_time_of_acceptance_never_falls_along_the_log(database):
    ahead = 4_000_000_000_000
    await execute(database, f"UPDATE stream_head SET accepted_ms = {ahead}")

    assert (await append(database, [draft()]))[0].accepted_ms == ahead


async def test_concurrent_writers_leave_no_gap_and_a_reader_never_sees_a_position_late(database_url):
    """Eight writers use separate connections; a reader that has seen position p never finds a new event below it."""
    writers, rounds = 8, 12
    done = asyncio.Event()
    seen: list[int] = []

    async def write(number: int) -> None:
        async with EngineDatabase(database_url, pool_size=2) as own:
            for turn in range(rounds):
                await append(own, [draft(number + 1, number=turn)] * (1 + turn % 3))

    async def poll(own: Database) -> None:
        cursor = 0
        while True:
            last = done.is_set()
            _, page = await read_with(
                own, stream.read_on, range(SHARDS), after=cursor, up_to=2**62, limit=1000
            )
            seen.extend(event.position for event in page)
            cursor = page[-1].position if page else cursor
            if last:
                return
            await asyncio.sleep(0)

    async with EngineDatabase(database_url, pool_size=2) as reading, asyncio.TaskGroup() as group:
        group.create_task(poll(reading))
        async with asyncio.TaskGroup() as writing:
            for number in range(writers):
                writing.create_task(write(number))
        done.set()

    total = writers * sum(1 + turn % 3 for turn in range(rounds))
    assert seen == list(range(NONE + 1, NONE + total + 1))


async def test_an_idempotency_key_is_found_for_its_namespace_only(database):
    now = await clock_ms(database)
    use = idempotency.Use(92, "order-1", b"f" * 32, 7, 2)
    await write_with(database, idempotency.remember, [use], now_ms=now, lifetime_ms=HOUR_MS)

    async with database.read() as connection:
        uses = await idempotency.find(
            connection, {(92, "order-1"), (93, "order-1"), (92, "order-2")}, lifetime_ms=HOUR_MS
        )
        assert uses == {(92, "order-1"): use}
        assert await idempotency.find(connection, set(), lifetime_ms=HOUR_MS) == {}


@pytest.mark.parametrize("hours", [24, 720])
async def test_an_idempotency_key_can_be_used_again_after_its_lifetime(database, hours):
    lifetime_ms = hours * HOUR_MS
    now = await clock_ms(database)
    old = idempotency.Use(92, "order-1", b"a" * 32, 1, 1)
    new = idempotency.Use(92, "order-1", b"b" * 32, 9, 1)
    async with database.write() as connection:
        for age_ms, found in ((lifetime_ms - HOUR_MS, {(92, "order-1"): old}), (lifetime_ms + 1000, {})):
            await idempotency.forget(connection, {(92, "order-1")})
            await idempotency.remember(connection, [old], now_ms=now - age_ms, lifetime_ms=lifetime_ms)
            assert await idempotency.find(connection, {(92, "order-1")}, lifetime_ms=lifetime_ms) == found
        await idempotency.remember(connection, [new], now_ms=now, lifetime_ms=lifetime_ms)
        found = await idempotency.find(connection, {(92, "order-1")}, lifetime_ms=lifetime_ms)
        assert found == {(92, "order-1"): new}


async def test_a_key_of_an_action_lives_as_long_as_it_is_said(database):
    key = operation_keys.Key(92, "k", b"a" * 32)
    async with database.write() as connection:
        take = partial(operation_keys.take, connection, key, lease_ms=HOUR_MS)
        assert await take(holder="first", lifetime_ms=720 * HOUR_MS) is None
        await connection.execute(text(f"UPDATE operation_keys SET created_ms = created_ms - {700 * HOUR_MS}"))
        assert await take(holder="second", lifetime_ms=720 * HOUR_MS) is not None
        assert await take(holder="third", lifetime_ms=24 * HOUR_MS) is None


async def clock_ms(database: Database) -> int:
    return (await append(database, [draft()]))[0].accepted_ms
