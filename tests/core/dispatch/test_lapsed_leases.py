"""A worker that was held up, so that its own leases lapsed with nobody to take them."""

from sqlalchemy import text

from trunkline.dispatch.leases import Leases
from trunkline.dispatch.progress import Progress


async def test_a_shard_that_a_worker_takes_from_itself_is_read_on_and_not_begun_again(database):
    owned: dict[int, Progress] = {}
    leases = Leases(database, "wrk_1", owned, shards=16, on_taken=lambda: None)
    await leases.look_after()
    before = dict(owned)
    before[3].open(1000, 1)
    async with database.write() as connection:
        await connection.execute(text("UPDATE shards SET lease_until_ms = 0"))
    await leases._take(16)
    assert owned == before
    assert {progress.lease.epoch for progress in owned.values()} == {2}
    await leases.look_after()
    assert owned == before, "the new epoch is the one that is prolonged"
    assert not any(progress.lost for progress in owned.values())
