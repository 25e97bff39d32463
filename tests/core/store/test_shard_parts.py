"""Divided shards: their parts are held, renewed, moved and lost as whole shards are."""

from msgspec import structs
from sqlalchemy import text
from tests.core.store.conftest import write_with
from tests.core.store.test_shards import LONG, NONE, claim
from tests.statements import execute

from trunkline.model.parts import PARTS, Slice
from trunkline.store import cursors, shard_parts, shards, status
from trunkline.store.database import Database
from trunkline.store.shards import Lease, Reached


async def claim_parts(database: Database, worker: str, *, share: int, lease_ms: int = LONG) -> list[Lease]:
    """Claim as many parts of each shard as ``Leases`` would for *share*."""
    async with database.write() as connection:
        limits = await shard_parts.lacking(connection, worker, share=share)
        leases = await shard_parts.claim(connection, worker, limits, lease_ms=lease_ms)
    return sorted(leases, key=lambda lease: lease.slice)


async def divide(database: Database, shard: int = 0, *, reached: Reached | None = None) -> None:
    lease = next(lease for lease in await claim(database, "wrk_0") if lease.shard == shard)
    moved = structs.replace(lease, reached=reached or Reached(NONE))
    async with database.write() as connection:
        await shards.advance(connection, "wrk_0", [moved])
        await shard_parts.divide(connection, "wrk_0", [moved])
        await shards.disown(connection, "wrk_0", [])


async def heartbeat(database: Database, worker: str, lease_ms: int = LONG) -> shards.Heartbeat:
    return await write_with(database, shards.heartbeat, worker, lease_ms=lease_ms)


async def test_the_parts_of_a_shard_begin_where_it_was_and_nobody_takes_it_whole_again(database):
    reached = Reached(NONE + 7, stretch_end=NONE + 20, live_cursor=NONE + 30)
    await divide(database, 3, reached=reached)
    assert {lease.shard for lease in await claim(database, "wrk_a")} == {*range(16)} - {3}
    leases = await claim_parts(database, "wrk_a", share=PARTS)
    assert sorted(lease.slice for lease in leases) == [Slice(3, part) for part in range(PARTS)]
    assert {(lease.epoch, lease.reached) for lease in leases} == {(1, reached)}


async def test_a_holder_that_was_overtaken_divides_nothing(database):
    async with database.write() as connection:
        [old] = await shards.claim(connection, "wrk_a", limit=1, lease_ms=-1)
        await shards.claim(connection, "wrk_b", limit=1, lease_ms=LONG)
        await shard_parts.divide(connection, "wrk_a", [old])
    assert await claim_parts(database, "wrk_c", share=PARTS) == []


async def test_workers_share_the_parts_of_each_shard_and_leave_each_other_theirs(database):
    await divide(database, 3)
    await divide(database, 5)
    first = await claim_parts(database, "wrk_a", share=PARTS // 2)
    second = await claim_parts(database, "wrk_b", share=PARTS // 2)
    assert {lease.shard for lease in first} == {lease.shard for lease in second} == {3, 5}
    held = [lease.slice for lease in (*first, *second)]
    assert len(held) == len(set(held)) == 2 * PARTS
    assert await claim_parts(database, "wrk_c", share=3) == []


async def test_a_part_is_moved_renewed_and_given_back_by_its_holder_alone(database):
    await divide(database, 3)
    [old, other] = await claim_parts(database, "wrk_a", share=2, lease_ms=-1)
    [new] = await claim_parts(database, "wrk_b", share=1)
    assert new.slice == old.slice
    async with database.write() as connection:
        moved, _ = await shards.advance(
            connection, "wrk_a", [structs.replace(old, reached=Reached(NONE + 9)), other]
        )
        assert moved == {other.slice}
        assert await shards.renew(connection, "wrk_a", [old, other], lease_ms=LONG) == {other.slice}
        await shards.release(connection, "wrk_a", [old, other])
        assert await shards.renew(connection, "wrk_b", [new], lease_ms=LONG) == {new.slice}
    taken = await claim_parts(database, "wrk_c", share=PARTS)
    assert {lease.slice for lease in taken} == {Slice(3, part) for part in range(PARTS)} - {new.slice}


async def test_a_beat_renews_shards_and_parts_and_counts_what_is_divided(database):
    await divide(database, 3)
    await heartbeat(database, "wrk_a")
    leases = [
        *await claim(database, "wrk_a", limit=2),
        *await claim_parts(database, "wrk_a", share=2, lease_ms=-1),
    ]
    async with database.write_once() as connection:
        beat = await shards.beat(connection, "wrk_a", leases, lease_ms=LONG, lock_no=None)
    assert beat == shards.Heartbeat(1, 1, {lease.slice for lease in leases})
    assert [lease.part for lease in await claim_parts(database, "wrk_b", share=1)] == [2], "they are renewed"
    async with database.write_once() as connection:
        known = leases[:-1]
        assert await shards.beat(connection, "wrk_a", known, lease_ms=LONG, lock_no=None) is None, (
            "it does not know of its part"
        )


async def test_what_a_worker_does_not_know_of_and_what_a_dead_one_had_is_free(database):
    await divide(database, 3)
    [known, _] = await claim_parts(database, "wrk_a", share=2)
    await write_with(database, shards.disown, "wrk_a", [known])
    await heartbeat(database, "wrk_b")
    await claim_parts(database, "wrk_b", share=PARTS)
    await execute(database, "UPDATE workers SET heartbeat_ms = heartbeat_ms - 200000")
    assert (await heartbeat(database, "wrk_c")).divided == 1
    assert len(await claim_parts(database, "wrk_c", share=PARTS)) == PARTS - 1


async def test_each_subscription_is_as_far_as_its_part_and_the_shard_as_far_as_the_last_one(database):
    await divide(database, 3)
    leases = {lease.part: lease for lease in await claim_parts(database, "wrk_a", share=PARTS)}
    async with database.write() as connection:
        ahead = [
            structs.replace(lease, reached=Reached(NONE + 10 + part))
            for part, lease in leases.items()
            if part
        ]
        await shards.advance(connection, "wrk_a", ahead)
    async with database.read() as connection:
        assert await cursors.cursor_of(connection, 3, 2 * PARTS + 1) == NONE + 11
        assert await cursors.cursor_of(connection, 4, 2 * PARTS + 1) == NONE
        of_each = await cursors.cursors_of(connection, {PARTS: 3, PARTS + 5: 3, 7: 9})
        rows = await connection.execute(text(f"SELECT shard, cursor FROM {cursors.LOWEST} AS s"))
        lowest = {row[0]: row[1] for row in rows}
        shown = {row.slice: row.cursor for row in await status.shards(connection)}
    assert of_each == {PARTS: NONE, PARTS + 5: NONE + 15, 7: NONE}
    assert lowest == dict.fromkeys(range(16), NONE), "part 0 has not moved"
    assert len(shown) == 15 + PARTS
    assert shown[Slice(3, 5)] == NONE + 15
