"""Many open deliveries whose subscription changes: updated a batch at a time, on both databases."""

import pytest
from tests.core.store.conftest import insert_subscription, read_with, write_with
from tests.statements import count as count_of
from tests.statements import execute, scalar

from trunkline.model.deliveries import Key
from trunkline.store import deliveries as ledger
from trunkline.store import open_deliveries as store
from trunkline.store import ordering
from trunkline.store.database import Database
from trunkline.store.deliveries import Settled
from trunkline.store.open_deliveries import PIECE, Change
from trunkline.store.ordering import Place

MANY = 2 * PIECE + 1


@pytest.fixture
async def open_(database: Database) -> Database:
    """Make a database with a subscription that has more open deliveries than two batches."""
    await insert_subscription(database, no=1)
    await record(database, range(1, MANY + 1))
    return database


async def record(database: Database, positions) -> None:
    rows = [Settled(position, 1, "pending", 0, None, wait_ms=0) for position in positions]
    await write_with(database, ledger.record, rows, now_ms=1)


async def begin(database: Database, change: Change) -> None:
    await write_with(database, store.apply, 1, change)


async def go_on(database: Database) -> bool:
    """Do the next batch; tell whether anything is left."""
    await write_with(database, store.go_on, 1)
    return await read_with(database, store.unsettled, limit=10) == [1]


async def count(database: Database, condition: str) -> int:
    return await count_of(database, f"deliveries WHERE {condition}")


async def test_a_change_does_one_piece_and_leaves_the_others_to_workers(open_):
    await begin(open_, Change.PARK)
    assert await count(open_, "due_ms IS NULL") == PIECE
    assert await go_on(open_)
    assert await count(open_, "due_ms IS NULL") == 2 * PIECE
    assert not await go_on(open_)
    assert await count(open_, "due_ms IS NULL") == MANY


async def test_a_change_of_many_subscriptions_is_left_to_workers(open_, monkeypatch):
    monkeypatch.setattr(store, "AT_ONCE", 0)
    await begin(open_, Change.WAKE)
    await write_with(open_, store.apply_to_all, [1, 2], Change.PARK)
    assert await read_with(open_, store.unsettled, limit=10) == [1]
    assert await count(open_, "due_ms IS NULL") == 0
    while await go_on(open_):
        pass
    assert await count(open_, "due_ms IS NULL") == MANY


async def test_the_last_change_holds_wherever_the_one_before_it_was(open_):
    await begin(open_, Change.PARK)
    await begin(open_, Change.WAKE)
    while await go_on(open_):
        pass
    assert await count(open_, "due_ms IS NULL") == 0


async def test_what_comes_after_the_change_is_left_alone(open_):
    await begin(open_, Change.END)
    await record(open_, [MANY + 1])
    while await go_on(open_):
        pass
    assert await count(open_, "status = 'gone' AND due_ms IS NULL") == MANY
    assert await count(open_, "status = 'pending'") == 1


async def test_what_was_queued_meanwhile_behind_one_that_has_ended_has_its_turn(open_):
    await begin(open_, Change.END)
    key = {Key(MANY + 1, 1): (7, 0)}
    held = Settled(MANY + 1, 1, "held", 0, None)
    await execute(open_, f"UPDATE deliveries SET order_key = 7, order_shard = 0 WHERE position = {MANY}")
    async with open_.write() as connection:
        await ledger.record(connection, [held], now_ms=1, places=key)
        await ordering.arrange(connection, [Place(1, 7)])
    assert await count(open_, "queued = 1") == 1
    while await go_on(open_):
        pass
    assert await count(open_, "status = 'pending' AND due_ms IS NOT NULL AND queued IS NULL") == 1


async def test_a_piece_looks_at_some_of_those_that_wait_in_an_order(open_, monkeypatch):
    """A batch is bounded even if few of them must be changed: for one key, all but the first wait."""
    monkeypatch.setattr(store, "LOOKED_AT", 400)
    await execute(
        open_,
        "UPDATE deliveries SET status = 'held', queued = 1, order_key = 0, order_shard = 3, due_ms = NULL "
        "WHERE position BETWEEN 2 AND 1000",
    )
    await begin(open_, Change.PARK)
    assert await count(open_, "due_ms IS NOT NULL") == 1
    assert await scalar(open_, "SELECT position FROM unsettled") == 400
    assert await go_on(open_)
    assert not await go_on(open_)
    assert await count(open_, "due_ms IS NOT NULL") == 0
    await begin(open_, Change.WAKE)
    while await go_on(open_):
        pass
    assert await count(open_, "due_ms IS NOT NULL") == MANY - 999


async def test_a_note_about_a_subscription_that_is_not_there_any_more_is_dropped(open_):
    await begin(open_, Change.END)
    await execute(open_, "DELETE FROM subscriptions")
    assert not await go_on(open_)
