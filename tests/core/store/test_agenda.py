"""A worker's due work, read by one statement."""

import pytest
from msgspec import structs
from sqlalchemy import text
from tests.core.store.conftest import read_with
from tests.statements import execute

from trunkline.store import agenda
from trunkline.store.agenda import Agenda
from trunkline.store.database import Database

DELIVERY = "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms, due_ms, order_shard) "
REPLAY = (
    "INSERT INTO replays (no, id, subscription_no, company_id, kind, position, end_position, matched, created_ms, "
    "updated_ms, status, withdrawing) VALUES (1, 'rpl_1', 1, 92, 'all', 0, 9, 0, 0, 0, {})"
)
ERASURE = "INSERT INTO erasures (id, company_id, removed, created_ms, updated_ms, completed_ms) VALUES ('era', 1, '{{}}', 0, 0, {})"


async def look(database: Database) -> Agenda:
    return await read_with(database, agenda.read)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("UPDATE stream_head SET position = 2000", {"head": 2000}),
        ("UPDATE routing SET version = 7", {"routing_version": 7}),
        (REPLAY.format("'running', NULL"), {"has_replays": True}),
        (REPLAY.format("'cancelled', 1"), {"has_replays": True}),
        (REPLAY.format("'completed', NULL"), {}),
        ("INSERT INTO unsettled VALUES (1, 'park', 0, 9)", {"has_unsettled": True}),
        ("INSERT INTO unreleased VALUES (1, -7)", {"has_unsettled": True}),
        (ERASURE.format("NULL"), {"has_erasures": True}),
        (ERASURE.format("1"), {}),
        (f"{DELIVERY} VALUES (1, 1, 'pending', 0, 0, 0, 1, 3)", {}),
    ],
)
async def test_each_kind_of_work_is_seen_and_what_has_ended_is_not(database, what, expected):
    nothing = await look(database)
    found = (nothing.due_in_ms, nothing.has_replays, nothing.has_unsettled, nothing.has_erasures)
    assert found == (None, False, False, False)
    await execute(database, what)
    assert await look(database) == structs.replace(nothing, **expected)


async def test_the_time_until_the_next_delivery_is_told(database):
    now = database.dialect.now_ms
    async with database.write() as connection:
        for no, wait_ms in enumerate((60_000, 30_000), 1):
            await connection.execute(
                text(f"{DELIVERY} VALUES (1, {no}, 'pending', 0, 0, 0, {now} + {wait_ms}, NULL)")
            )
    due_in_ms = (await look(database)).due_in_ms
    assert due_in_ms is not None
    assert 20_000 < due_in_ms <= 30_000
