"""The ledger on both databases: recording, claiming, settling, and changes of many deliveries at once."""

import asyncio

from sqlalchemy import text
from tests.core.store.conftest import read_with, write_with

from trunkline.model.deliveries import Key
from trunkline.store import deliveries as ledger
from trunkline.store import delivery_log, due, open_deliveries
from trunkline.store.database import Database
from trunkline.store.deliveries import Attempt, Claim, Settled
from trunkline.store.open_deliveries import Change

LONG = 60_000


def pending(position: int, no: int = 1, **more) -> Settled:
    return Settled(position, no, "pending", **{"attempts": 0, "last_status_code": None, "wait_ms": 0, **more})


def attempt(position: int, no: int = 1, number: int = 1, **more) -> Attempt:
    values = {"outcome": "retry", "status_code": 500, "response_body": "no", "error": None}
    return Attempt(position, no, number, 1, 2, **(values | more))


async def record(
    database: Database, *rows: Settled, attempts: tuple[Attempt, ...] = (), now_ms: int = 1
) -> None:
    async with database.write() as connection:
        await ledger.record(connection, rows, now_ms=now_ms)
        await ledger.insert_attempts(connection, attempts)


async def claim(
    database: Database, worker: str = "wrk_a", *, limit: int = 100, lease_ms: int = LONG
) -> list[Claim]:
    keys = await read_with(database, due.oldest, limit=limit)
    claims = await write_with(database, due.claim, due.FREE, worker, keys, lease_ms=lease_ms)
    return sorted(claims, key=lambda c: (c.position, c.subscription_no))


async def settle(database: Database, *rows: Settled, worker: str = "wrk_a") -> set[Key]:
    return await write_with(database, ledger.settle, worker, rows)


async def row_of(database: Database, position: int, no: int = 1):
    async with database.read() as connection:
        statement = text("SELECT * FROM deliveries WHERE position = :position AND subscription_no = :no")
        return (await connection.execute(statement, {"position": position, "no": no})).mappings().one()


async def test_a_recorded_delivery_is_due_after_its_wait_by_the_databases_clock(database):
    await record(database, pending(1, wait_ms=700), pending(2, wait_ms=None), now_ms=1_000)
    assert (await row_of(database, 1))["due_ms"] == 1_700
    assert (await row_of(database, 2))["due_ms"] is None


async def test_recording_what_the_ledger_has_already_changes_nothing(database):
    first = attempt(1, status_code=200, outcome="delivered")
    await record(
        database, pending(1)._replace(status="delivered", attempts=1, wait_ms=None), attempts=(first,)
    )
    await record(database, pending(1), attempts=(attempt(1),))
    await record(database)
    assert await settle(database) == set()
    assert (await row_of(database, 1))["status"] == "delivered"
    assert await read_with(database, delivery_log.attempts_of, Key(1, 1), limit=9) == [first]


async def test_the_newest_attempts_are_read_in_their_order(database):
    await record(database, pending(1), attempts=tuple(attempt(1, number=number) for number in range(1, 6)))
    newest = await read_with(database, delivery_log.attempts_of, Key(1, 1), limit=2)
    assert [each.number for each in newest] == [4, 5]


async def test_what_is_due_is_claimed_oldest_first_and_what_is_not_stays(database):
    await record(database, *(pending(n, wait_ms=10 - n) for n in range(1, 6)))
    await record(database, pending(6, wait_ms=LONG), now_ms=2**42)
    await record(database, pending(7, wait_ms=None))
    assert [c.position for c in await claim(database, limit=3)] == [3, 4, 5]
    assert [c.position for c in await claim(database)] == [1, 2]
    assert await claim(database) == []


async def test_each_claim_of_a_delivery_has_the_next_number(database):
    await record(database, pending(1, attempts=4))
    [first] = await claim(database, lease_ms=-1)
    [second] = await claim(database, "wrk_b")
    assert (first.claim, second.claim) == (1, 2)
    assert first.attempts == second.attempts == 4
    assert second.key == Key(1, 1)


async def test_subscriptions_with_something_to_claim_are_listed_in_turn_with_their_first_due_time(database):
    await record(database, *(pending(n, no) for no in (2, 5, 7) for n in range(1, 9)))
    await record(database, pending(9, 6, wait_ms=LONG), now_ms=2**42)
    await record(database, pending(10, 8, wait_ms=None))
    async with database.read() as connection:
        first = await due.waiting(connection, due.FREE, after=0, limit=2)
        then = await due.waiting(connection, due.FREE, after=5, limit=9)
        assert await due.waiting(connection, due.PACED, after=0, limit=9) == []
    assert [(each.subscription_no, each.wait_ms <= 0) for each in first + then] == [
        *((2, True), (5, True), (6, False), (7, True)),
    ]


async def test_the_oldest_and_the_newest_of_each_subscription_are_picked_as_many_as_are_wanted(database):
    await record(database, *(pending(n, no, wait_ms=n) for no in (1, 2, 3) for n in range(1, 11)))
    picked = await read_with(database, due.pick, due.FREE, {1: 4, 3: 1})
    assert picked == [Key(1, 1), Key(2, 1), Key(10, 1), Key(9, 1), Key(1, 3)]


async def test_workers_that_claim_at_the_same_time_never_get_the_same_delivery(database):
    await record(database, *(pending(n) for n in range(1, 101)))
    claimed_by_workers = await asyncio.gather(*(claim(database, f"wrk_{n}", limit=30) for n in range(6)))
    claimed = [c.position for claims in claimed_by_workers for c in claims]
    assert len(claimed) == len(set(claimed))
    rest = [c.position for c in await claim(database)]
    assert sorted(claimed + rest) == list(range(1, 101))


async def test_a_claim_is_settled_once_and_by_its_holder(database):
    await record(database, pending(1))
    [held] = await claim(database)
    done = Settled(1, 1, "delivered", 1, 200, claim=held.claim)
    assert await settle(database, done, worker="wrk_b") == set()
    assert await settle(database, done._replace(claim=0)) == set()
    assert await settle(database, done) == {Key(1, 1)}
    assert await settle(database, done._replace(status="pending", wait_ms=0)) == set()
    settled = {"status": "delivered", "attempts": 1, "last_status_code": 200, "due_ms": None}
    assert (settled | {"claimed_by": None}).items() <= (await row_of(database, 1)).items()


async def test_a_stale_claim_cannot_settle_what_another_worker_has_claimed_since(database):
    await record(database, pending(1))
    [stale] = await claim(database, lease_ms=-1)
    [fresh] = await claim(database, "wrk_b")
    assert await settle(database, Settled(1, 1, "exhausted", 1, 500, claim=stale.claim)) == set()
    assert await settle(database, Settled(1, 1, "exhausted", 1, 500, claim=fresh.claim)) == set()
    assert (await row_of(database, 1))["status"] == "pending"
    assert await settle(database, Settled(1, 1, "delivered", 1, 200, claim=fresh.claim), worker="wrk_b")


async def test_two_workers_that_both_began_a_delivery_with_claim_one_do_not_settle_for_each_other(database):
    await record(database, pending(1, wait_ms=LONG, claimed_by="wrk_b", claim=1), now_ms=2**42)
    assert await settle(database, Settled(1, 1, "delivered", 1, 200, claim=1), worker="wrk_a") == set()
    assert await settle(database, Settled(1, 1, "delivered", 1, 200, claim=1), worker="wrk_b") == {Key(1, 1)}


async def test_a_failure_without_an_answer_keeps_the_last_status_code(database):
    await record(database, pending(1, last_status_code=502))
    [held] = await claim(database)
    await settle(database, Settled(1, 1, "pending", 2, None, wait_ms=0, claim=held.claim))
    assert (await row_of(database, 1))["last_status_code"] == 502


async def test_the_next_due_time_is_told_in_milliseconds_from_now(database):
    assert await read_with(database, ledger.next_due_ms) is None
    await record(database, pending(1, wait_ms=None))
    assert await read_with(database, ledger.next_due_ms) is None
    await record(database, pending(2))
    [_] = await claim(database, lease_ms=5_000)
    assert 4_000 < await read_with(database, ledger.next_due_ms) <= 5_000
    await record(database, pending(3))
    assert await read_with(database, ledger.next_due_ms) == 0


async def test_parked_deliveries_wait_until_woken_and_claimed_ones_are_left_alone(
    database,
):
    await record(database, pending(1), pending(2), pending(3, 2))
    [held] = await claim(database, limit=1)
    assert held.position == 1
    await write_with(database, open_deliveries.apply, 1, Change.PARK)
    assert [c.key for c in await claim(database, "wrk_b")] == [Key(3, 2)]
    assert await settle(database, Settled(1, 1, "delivered", 1, 200, claim=held.claim)) == {Key(1, 1)}
    await write_with(database, open_deliveries.apply, 1, Change.WAKE)
    assert [c.key for c in await claim(database)] == [Key(2, 1)]


async def test_waking_makes_held_deliveries_due_and_leaves_what_has_ended(database):
    waiting = pending(1, wait_ms=None)
    await record(database, waiting._replace(status="held"), waiting._replace(position=2, status="gone"))
    await write_with(database, open_deliveries.apply, 1, Change.WAKE)
    assert [c.key for c in await claim(database)] == [Key(1, 1)]
    assert (await row_of(database, 2))["status"] == "gone"


async def test_everything_open_of_a_deleted_subscription_ends_as_gone_and_no_claim_can_undo_it(database):
    waiting = pending(2, wait_ms=None)
    held, ended = (
        waiting._replace(position=3, status="held"),
        waiting._replace(position=4, status="delivered"),
    )
    await record(database, pending(1), waiting, held, ended, pending(5, 2))
    [held] = await claim(database, limit=1)
    await write_with(database, open_deliveries.apply, 1, Change.END)
    assert await settle(database, Settled(1, 1, "pending", 1, 500, wait_ms=0, claim=held.claim)) == set()
    statuses = [(await row_of(database, n))["status"] for n in (1, 2, 3, 4)]
    assert statuses == ["gone", "gone", "gone", "delivered"]
    assert [c.key for c in await claim(database)] == [Key(5, 2)]


async def test_a_delivery_is_asked_for_again_in_any_state_unless_it_is_being_tried(database):
    states = ["delivered", "exhausted", "rejected", "gone", "held"]
    await record(database, *(pending(n, wait_ms=None)._replace(status=s) for n, s in enumerate(states, 1)))
    for number in range(1, 6):
        assert await write_with(database, ledger.retry_now, Key(number, 1))
    assert [c.position for c in await claim(database)] == [1, 2, 3, 4, 5]
    assert not await write_with(database, ledger.retry_now, Key(1, 1))
    assert not await write_with(database, ledger.retry_now, Key(77, 1))


async def test_what_the_ledger_has_of_events_is_listed_by_their_positions(database):
    assert await read_with(database, ledger.newest_position) == 0
    await record(database, pending(11), pending(12), pending(12, 2), pending(14))
    async with database.read() as connection:
        assert await ledger.newest_position(connection) == 14
        assert await ledger.keys_at(connection, [11, 12, 13]) == {Key(11, 1), Key(12, 1), Key(12, 2)}
        assert await ledger.keys_at(connection, [13]) == set()
