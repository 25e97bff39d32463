"""The guard of the clock over both databases: one process notices a step, and every other process knows it."""

import asyncio
import logging

from sqlalchemy import text
from tests.clock_steps import DAY_MS, step
from tests.core.store.conftest import read_with

from trunkline.store import clock
from trunkline.store.clock import ClockGuard
from trunkline.store.database import Database


async def kept(database: Database):
    state, _ = await read_with(database, clock.read, "")
    return state


async def test_a_steady_clock_is_trusted_and_seldom_written(database):
    guard = ClockGuard(database)
    first = await guard.look()
    seen = (await kept(database)).seen
    assert first == seen.now_ms
    assert await guard.look() >= first
    assert (await kept(database)).seen == seen
    assert first - 1000 < guard.aged_ms(first) <= first


async def test_a_step_is_told_once_and_known_to_who_starts_after_it(database, caplog):
    caplog.set_level(logging.INFO, "trunkline.store.clock")
    guard = ClockGuard(database)
    await guard.look()
    await step(database)
    assert await guard.look() is None
    assert await guard.look() is None
    assert (guard.is_trusted, guard.aged_ms(DAY_MS)) == (False, 0)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told == f"the database's clock {guard.fault}"

    later = ClockGuard(database)
    async with later:
        assert later.fault == guard.fault
    async with database.write() as connection:
        assert await clock.confirm(connection)
        assert not await clock.confirm(connection)
    assert None not in {await later.look(), await guard.look()}
    assert (guard.is_trusted, guard.fault) == (True, None)


async def test_what_only_the_step_has_made_due_waits_as_long_as_it_would_have(database, monkeypatch):
    monkeypatch.setattr(clock, "PUT_OFF_AT_ONCE", 2)
    guard = ClockGuard(database)
    now_ms = await guard.look()
    await step(database)
    lanes = [(None, None), (3, None), (3, 7)]
    waits = [-9 * DAY_MS, -7 * DAY_MS, -6 * DAY_MS, -1000, DAY_MS]
    rows = [
        {"position": position, "due": now_ms + wait, "shard": shard, "key": key}
        for position, (wait, (shard, key)) in enumerate((wait, lane) for wait in waits for lane in lanes)
    ]
    async with database.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms, due_ms, order_shard, order_key) "
                "VALUES (:position, 1, 'pending', 1, 0, 0, :due, :shard, :key)"
            ),
            rows,
        )
    assert await guard.look() is None
    async with database.read() as connection:
        found = await connection.execute(text("SELECT due_ms FROM deliveries ORDER BY position"))
        moved = [round((row[0] - one["due"]) / DAY_MS) for row, one in zip(found, rows, strict=True)]
    assert moved == [0] * 3 + [8] * 9 + [0] * 3


async def test_a_machine_whose_own_clock_is_ahead_removes_nothing_sooner(database):
    guard = ClockGuard(database)
    guard.ahead_seconds = 3600.0
    assert guard.aged_ms(DAY_MS) == DAY_MS - 3_600_000
    guard.ahead_seconds = -3600.0
    assert guard.aged_ms(DAY_MS) == DAY_MS
    await guard.look()
    assert abs(guard.ahead_seconds) < 1


async def test_who_starts_after_a_step_that_nobody_saw_notices_it(database):
    await ClockGuard(database).look()
    await step(database)
    assert await ClockGuard(database).look() is None


async def test_processes_that_look_at_once_agree(database):
    guards = [ClockGuard(database) for _ in range(8)]
    await asyncio.gather(*(guard.look() for guard in guards))
    await step(database)
    assert await asyncio.gather(*(guard.look() for guard in guards)) == [None] * 8
    assert (await kept(database)).step_ms > 7 * DAY_MS
