"""Leases on shards: which worker may read a shard, and which may write its cursor."""

import asyncio

import pytest
from msgspec import structs
from sqlalchemy import text
from tests.core.store.conftest import read_with, write_with
from tests.statements import execute

from trunkline.model.events import Draft, shard_of
from trunkline.model.parts import Slice
from trunkline.store import cursors, due, migrate, shards, stream
from trunkline.store import deliveries as ledger
from trunkline.store.database import Database
from trunkline.store.deliveries import Settled
from trunkline.store.shards import Reached

NONE = migrate.RESERVED_POSITIONS
LONG = 60_000


async def claim(database: Database, worker: str, limit: int = 16, lease_ms: int = LONG) -> list[shards.Lease]:
    return await write_with(database, shards.claim, worker, limit=limit, lease_ms=lease_ms)


async def heartbeat(database: Database, worker: str, lease_ms: int = LONG) -> int:
    return (await write_with(database, shards.heartbeat, worker, lease_ms=lease_ms)).alive


async def advance(database: Database, worker: str, *leases: shards.Lease) -> set[Slice]:
    return (await write_with(database, shards.advance, worker, leases))[0]


async def cursor(database: Database, shard: int) -> int:
    return await read_with(database, cursors.cursor_of, shard, 7)


async def test_a_new_database_has_the_shards_it_was_set_up_with_all_before_the_first_event(database):
    assert await read_with(database, shards.count) == 16
    assert await cursor(database, 0) == NONE


async def test_a_claim_takes_as_many_as_it_asks_for_and_nobody_else_gets_those(database):
    first = await claim(database, "wrk_a", limit=5)
    second = await claim(database, "wrk_b")
    assert sorted(lease.shard for lease in first) == [0, 1, 2, 3, 4]
    assert sorted(lease.shard for lease in second) == list(range(5, 16))
    assert await claim(database, "wrk_c") == []


async def test_workers_that_claim_at_the_same_time_never_get_the_same_shard(database):
    claims = await asyncio.gather(*(claim(database, f"wrk_{n}", limit=3) for n in range(8)))
    claimed = [lease.shard for leases in claims for lease in leases]
    assert len(claimed) == len(set(claimed))


async def test_a_lapsed_lease_goes_to_the_next_claimant_under_a_new_epoch(database):
    [old, *_] = await claim(database, "wrk_a", lease_ms=-1)
    [new, *_] = await claim(database, "wrk_b")
    assert (new.shard, new.epoch) == (old.shard, old.epoch + 1)


async def test_the_holder_moves_the_cursor_and_one_that_was_overtaken_does_not(database):
    [old] = await claim(database, "wrk_a", limit=1, lease_ms=-1)
    reached = Reached(1005, stretch_end=1050, live_cursor=1060)
    assert await advance(database, "wrk_a", structs.replace(old, reached=reached)) == {Slice(0)}
    [new] = await claim(database, "wrk_b", limit=1)
    assert new.reached == reached
    assert await advance(database, "wrk_a", structs.replace(old, reached=Reached(1009))) == set()
    assert await advance(database, "wrk_a", structs.replace(new, reached=Reached(1009))) == set(), (
        "the epoch alone is not enough"
    )
    assert await cursor(database, 0) == 1005


async def test_advancing_tells_the_databases_time(database):
    leases = await claim(database, "wrk_a")
    held, now_ms = await write_with(database, shards.advance, "wrk_a", leases)
    assert held == {Slice(number) for number in range(16)}
    assert now_ms > 1_700_000_000_000


async def test_only_what_is_still_held_is_renewed(database):
    leases = await claim(database, "wrk_a", limit=3, lease_ms=-1)
    await claim(database, "wrk_b", limit=1)
    assert await write_with(database, shards.renew, "wrk_a", leases, lease_ms=LONG) == {Slice(1), Slice(2)}
    assert [lease.shard for lease in await claim(database, "wrk_c", limit=1)] == [3]


async def test_a_released_shard_is_free_at_once_and_a_stale_release_frees_nothing(database):
    [old] = await claim(database, "wrk_a", limit=1, lease_ms=-1)
    [new] = await claim(database, "wrk_b", limit=1)
    await write_with(database, shards.release, "wrk_a", [old])
    assert [lease.shard for lease in await claim(database, "wrk_c", limit=1)] == [1]
    await write_with(database, shards.release, "wrk_b", [new])
    assert [lease.shard for lease in await claim(database, "wrk_c", limit=1)] == [0]


async def test_what_a_worker_does_not_know_of_is_free_at_once_and_what_it_knows_stays_its_own(database):
    known = await claim(database, "wrk_a", limit=2)
    await claim(database, "wrk_a", limit=1)
    await claim(database, "wrk_b", limit=1)
    await write_with(database, shards.disown, "wrk_a", known)
    assert sorted(lease.shard for lease in await claim(database, "wrk_c", limit=3)) == [2, 4, 5]
    await write_with(database, shards.disown, "wrk_a", [])
    assert sorted(lease.shard for lease in await claim(database, "wrk_c", limit=2)) == [0, 1]


async def beat(database: Database, worker: str, leases: list[shards.Lease]) -> shards.Heartbeat | None:
    async with database.write_once() as connection:
        return await shards.beat(connection, worker, leases, lease_ms=LONG, lock_no=None)


async def test_a_beat_counts_the_living_and_renews_what_is_still_owned(database):
    await heartbeat(database, "wrk_a")
    await heartbeat(database, "wrk_b")
    leases = await claim(database, "wrk_a", limit=3, lease_ms=-1)
    await claim(database, "wrk_b", limit=1)
    assert await beat(database, "wrk_a", leases) == shards.Heartbeat(2, 0, {Slice(1), Slice(2)})
    assert [lease.shard for lease in await claim(database, "wrk_c", limit=1)] == [3]
    assert await beat(database, "wrk_b", []) is None, "it does not know of its shard"


@pytest.mark.parametrize(
    "what",
    [
        "UPDATE workers SET heartbeat_ms = heartbeat_ms + 200000 WHERE id = 'wrk_b'",
        "UPDATE workers SET heartbeat_ms = heartbeat_ms - 200000 WHERE id = 'wrk_b'",
        "UPDATE workers SET lock_no = 7 WHERE id = 'wrk_b'",
        "UPDATE shards SET holder = 'wrk_a' WHERE shard = 9",
        "DELETE FROM workers WHERE id = 'wrk_a'",
    ],
    ids=["the clock was set back", "one is dead", "one shows no lock", "an unknown shard", "not in the list"],
)
async def test_a_beat_writes_nothing_where_there_is_more_to_do(database, what):
    async def written() -> list[list[object]]:
        statements = ("SELECT id, heartbeat_ms FROM workers", "SELECT shard, lease_until_ms FROM shards")
        async with database.read() as connection:
            return [sorted(await connection.execute(text(statement))) for statement in statements]

    await heartbeat(database, "wrk_a")
    await heartbeat(database, "wrk_b")
    leases = await claim(database, "wrk_a", limit=3)
    await execute(database, what)
    before = await written()
    assert await beat(database, "wrk_a", leases) is None
    assert await written() == before


async def test_the_living_are_counted_and_the_dead_forgotten(database):
    assert await heartbeat(database, "wrk_a") == 1
    assert await heartbeat(database, "wrk_b") == 2
    assert await heartbeat(database, "wrk_a") == 2
    await asyncio.sleep(0.01)
    assert await heartbeat(database, "wrk_b", lease_ms=1) == 1


async def test_the_claims_of_a_dead_worker_are_due_at_once_and_those_of_the_living_are_not(database):
    async with database.write() as connection:
        rows = [
            Settled(1000, no, "pending", 0, None, wait_ms=LONG, claimed_by=worker, claim=1)
            for no, worker in ((1, "wrk_dead"), (2, "wrk_alive"))
        ]
        await ledger.record(connection, rows, now_ms=2**50)
    await heartbeat(database, "wrk_dead")
    await asyncio.sleep(0.01)
    await heartbeat(database, "wrk_alive", lease_ms=1)
    async with database.write() as connection:
        keys = await due.oldest(connection, limit=10)
        claims = await due.claim(connection, due.FREE, "wrk_alive", keys, lease_ms=LONG)
    assert [(c.subscription_no, c.claim) for c in claims] == [(1, 2)]


async def test_workers_that_bury_each_other_at_the_same_time_do_not_wait_for_each_other(postgres_database):
    names = [f"wrk_{n}" for n in range(4)]
    for name in names:
        await heartbeat(postgres_database, name)
    for _ in range(10):
        await asyncio.sleep(0.005)
        async with asyncio.timeout(60):
            counts = await asyncio.gather(*(heartbeat(postgres_database, name, lease_ms=1) for name in names))
        assert all(1 <= count <= 4 for count in counts)


async def test_leaving_gives_everything_back(database):
    await heartbeat(database, "wrk_a")
    await claim(database, "wrk_a")
    await write_with(database, shards.leave, "wrk_a")
    assert len(await claim(database, "wrk_b")) == 16
    assert await heartbeat(database, "wrk_b") == 1


@pytest.mark.parametrize("count", [1, 16, 1024])
def test_companies_spread_over_the_shards(count):
    shares = [0] * count
    for company in range(1, 20_001):
        shares[shard_of(company, count)] += 1
    assert min(shares) > 20_000 / count * 0.5
    assert max(shares) < 20_000 / count * 2


async def test_a_claimant_waits_for_nobody_and_leaves_out_what_is_being_written(postgres_database):
    [held, *_] = await claim(postgres_database, "wrk_a", lease_ms=-1)
    async with postgres_database.write() as connection:
        await stream.append(connection, [Draft(92, "lead.created", "2026-01-28T10:30:00Z", b"{}")], shards=16)
        await shards.advance(connection, "wrk_a", [held])
        async with asyncio.timeout(60):
            taken = await claim(postgres_database, "wrk_b")
    assert {lease.shard for lease in taken} == set(range(16)) - {held.shard}  # claims have no order
