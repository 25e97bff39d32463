"""A worker was held up so long that its leases lapsed, and no other worker took them."""

from tests.statements import execute

from trunkline.dispatch.leases import leases as leases_module
from trunkline.dispatch.leases.leases import Leases
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.parts import Slice
from trunkline.store.wakeup import Signal


async def test_a_shard_that_a_worker_takes_from_itself_is_read_on_and_not_begun_again(database):
    owned = OwnedShards("wrk_1", 16)
    leases = Leases(database, owned, Signal(), mark_hot=lambda _: None)
    await leases.renew()
    before = dict(owned.progress)
    before[Slice(3)].open(1000, 1)
    await execute(database, "UPDATE shards SET lease_until_ms = 0")
    await leases._claim(leases_module._Shares(32, 8))
    assert owned.progress == before
    assert {progress.lease.epoch for progress in owned.progress.values()} == {2}
    await leases.renew()
    assert owned.progress == before, "the new epoch is the one that is prolonged"
    assert not any(progress.lost for progress in owned.progress.values())
