"""Keys of an order that no longer wait get their first deliveries a batch at a time, on both databases."""

import pytest
from tests.core.store.conftest import column, insert_subscription, read_with, write_with
from tests.statements import execute

from trunkline.store import open_deliveries, ordering, shards
from trunkline.store import releasing as store
from trunkline.store.database import Database
from trunkline.store.open_deliveries import Change

LAST = 9_000
"""The last position. Key 0 has the deliveries from 101 on, the keys -4 to 4 have one delivery each before them."""


@pytest.fixture
async def queued(database: Database) -> Database:
    """Make a database with a subscription whose deliveries all wait, most of them under one key."""
    await insert_subscription(database, no=1, ordering="x")
    await execute(
        database,
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LAST}) INSERT INTO deliveries "
        "(position, subscription_no, status, attempts, claim, updated_ms, order_key, order_shard, queued) "
        "SELECT i, 1, 'held', 0, 0, 0, CASE WHEN i < 10 THEN i - 5 ELSE 0 END, 3, 1 FROM n WHERE i < 10 OR i > 100",
    )
    return database


async def release(database: Database) -> None:
    async with database.write() as connection:
        await ordering.lock(connection, [1])
        await store.release(connection, 1)


async def go_on(database: Database) -> bool:
    """Do the next batch; tell whether anything is left."""
    await write_with(database, store.go_on, 1)
    return await read_with(database, store.unreleased, limit=10) == [1]


async def fronts(database: Database) -> list[int]:
    return await column(
        database, "SELECT position FROM deliveries WHERE status = 'pending' AND due_ms > 0 ORDER BY 1"
    )


async def busy_keys(database: Database) -> list[int] | None:
    return await read_with(database, ordering.busy_keys, 1, limit=10)


async def run_replay(database: Database, *, after: int, up_to: int) -> None:
    await execute(
        database,
        "INSERT INTO replays (id, subscription_no, company_id, kind, position, end_position, matched, status, "
        f"created_ms, updated_ms) VALUES ('rpl_1', 1, 92, 'all', {after}, {up_to}, 0, 'running', 0, 0)",
    )


async def test_the_first_of_each_key_has_its_turn_some_keys_at_a_time(queued, monkeypatch):
    monkeypatch.setattr(store, "KEYS", 4)
    await release(queued)
    assert await fronts(queued) == [1, 2, 3, 4]
    assert await busy_keys(queued) is None
    assert await go_on(queued)
    assert await fronts(queued) == [*range(1, 9)]
    assert not await go_on(queued)
    assert await fronts(queued) == [*range(1, 10)]
    assert sorted(await busy_keys(queued)) == [*range(-4, 5)]
    await go_on(queued)  # nothing is left to do


async def test_what_a_dead_worker_had_claimed_behind_one_that_has_ended_has_its_turn(queued):
    """The delivery waits for none any more: the worker that claimed it would have begun it, but is dead."""
    await execute(
        queued, "UPDATE deliveries SET claimed_by = 'dead', claim = 1, queued = NULL WHERE position = 1"
    )
    await release(queued)
    await write_with(queued, shards.release_claims, "dead")
    assert await fronts(queued) == [*range(1, 10)]


async def test_who_lets_go_again_begins_anew(queued, monkeypatch):
    monkeypatch.setattr(store, "KEYS", 4)
    await release(queued)
    await execute(
        queued, "UPDATE deliveries SET queued = 1, status = 'held', due_ms = NULL WHERE position = 1"
    )
    await release(queued)
    assert await go_on(queued)
    assert not await go_on(queued)
    assert await fronts(queued) == [*range(1, 10)]


async def test_a_replay_that_reads_on_holds_back_what_is_beyond_it(queued):
    await run_replay(queued, after=6, up_to=100)
    await release(queued)
    assert await fronts(queued) == [*range(1, 7)]
    assert await busy_keys(queued) is None


async def test_any_key_of_a_deleted_subscription_may_be_open_until_all_its_deliveries_have_ended(
    queued, monkeypatch
):
    """The first delivery of a key ends in an earlier piece than those behind it, which stay queued."""
    monkeypatch.setattr(open_deliveries, "PIECE", 5_000)
    await write_with(queued, open_deliveries.apply, 1, Change.END)
    assert await busy_keys(queued) is None
    await write_with(queued, open_deliveries.go_on, 1)
    assert await busy_keys(queued) == []


async def test_a_note_about_a_subscription_that_is_not_there_any_more_is_dropped(queued, monkeypatch):
    monkeypatch.setattr(store, "KEYS", 1)
    await release(queued)
    await execute(queued, "DELETE FROM subscriptions")
    assert not await go_on(queued)


async def test_what_was_put_back_while_a_replay_read_on_has_its_turn_when_that_is_cancelled(queued):
    """The delivery was claimed behind one that has ended since, so it is the first of its key, and nothing queued it."""
    await run_replay(queued, after=0, up_to=LAST)
    await execute(queued, "UPDATE deliveries SET queued = NULL, claim = 1 WHERE position = 2")
    await write_with(queued, ordering.arrange, [ordering.Place(1, -3)])
    assert await fronts(queued) == []
    await execute(queued, "UPDATE replays SET status = 'cancelled'")
    await release(queued)
    assert 2 in await fronts(queued)
