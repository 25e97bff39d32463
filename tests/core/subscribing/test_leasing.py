"""Several processes that serve one consumer: each knows the stored leases of the others before it leases a page."""

import asyncio

import orjson
import pytest
from tests.plugins.polling.test_routes import emit, lead
from tests.statements import execute, scalar

from trunkline.errors import CursorExpired, NotFound, PageLeaseLost
from trunkline.model import cursors
from trunkline.model.reach import Reach
from trunkline.subscribing.leasing import Leasing


@pytest.fixture
async def both(running):
    """Give the hub's leasing, and a second one with a separate cache, as in another process."""
    hub = running.hub
    shared = {"streaming": hub.streaming, "schema_versions": hub.schema_versions}
    other = Leasing(hub._door_database, reading=hub._reading_database, **shared)
    await hub.readers.consumers.put(running.company_id, "shared", {"start": "beginning"}, versions={})
    await other.load((running.company_id, "shared"))
    return hub.readers.leasing, other


async def test_pollers_of_two_processes_commit_each_event_once(running, both):
    ids = await emit(running.client, *(lead(number) for number in range(1, 61)))
    committed: list[int] = []

    async def poll(leasing: Leasing) -> None:
        while (page := await leasing.lease(running.company_id, "shared", limit=3)).lease:
            await asyncio.sleep(0)
            await leasing.commit(running.company_id, "shared", cursor=page.cursor, lease=page.lease)
            committed.extend(orjson.loads(body)["id"] for body in page.bodies)

    await asyncio.gather(*(poll(leasing) for leasing in (*both, *both)))
    assert sorted(committed) == ids


async def test_a_page_of_events_that_are_suddenly_long_is_cut_and_its_rest_comes_next(running, both):
    ids = await emit(running.client, *(lead(number) for number in range(1, 8)))
    for number in range(1, 7):
        ids += await emit(running.client, lead(number, metadata={"note": "n" * 250_000}))
    company, (leasing, other) = running.company_id, both
    pages = [await leasing.lease(company, "shared", limit=6)]
    pages += [await leasing.lease(company, "shared", limit=6) for _ in range(3)]
    read = [[orjson.loads(body)["id"] for body in page.bodies] for page in pages]
    assert read == [ids[:6], ids[6:11], ids[11:12], ids[12:]]
    for page in reversed(pages):
        await other.commit(company, "shared", cursor=page.cursor, lease=page.lease)
    assert (await leasing.load((company, "shared"))).reach.cursor == ids[-1]


async def test_a_poller_that_is_behind_what_was_removed_is_told(running, both):
    ids = await emit(running.client, *(lead(number) for number in range(1, 10)))
    leasing, company = both[0], running.company_id
    assert len((await leasing.lease(company, "shared", limit=3)).bodies) == 3
    before = await scalar(running.hub.engines, "SELECT edge FROM retention")
    await execute(running.hub.engines, "UPDATE retention SET edge = :edge", edge=ids[5])
    try:
        with pytest.raises(CursorExpired):
            await leasing.lease(company, "shared", limit=3)
        assert (await leasing.load((company, "shared"))).reach.position == ids[2]
    finally:
        await execute(running.hub.engines, "UPDATE retention SET edge = :edge", edge=before)


async def test_what_another_process_has_moved_or_deleted_is_noticed(running, both):
    ids = await emit(running.client, lead(1), lead(2))
    one, other = both
    page = await one.lease(running.company_id, "shared", limit=1)
    with pytest.raises(PageLeaseLost):
        await other.commit(running.company_id, "shared", cursor=page.cursor, lease="nobody's")
    await other.commit(running.company_id, "shared", cursor=page.cursor, lease=page.lease)
    await one.commit(running.company_id, "shared", cursor=page.cursor, lease=page.lease)
    assert (await other.lease(running.company_id, "shared")).cursor == cursors.encode(ids[1])
    await other.move((running.company_id, "shared"), Reach(0))
    assert len((await one.lease(running.company_id, "shared")).bodies) == 2
    await running.hub.readers.consumers.delete(running.company_id, "shared")
    for leasing in both:
        with pytest.raises(NotFound):
            await leasing.lease(running.company_id, "shared")


async def test_a_filter_that_is_set_after_a_full_page_holds_from_the_next_page(running, both):
    ids = await emit(running.client, *(lead(number) for number in range(1, 10)))
    leasing, company = both[0], running.company_id
    await leasing.lease(company, "shared", limit=3)
    wanted = {"filter": {"payload.client_id": 8}}
    await running.hub.readers.consumers.put(company, "shared", wanted, versions={})
    page = await leasing.lease(company, "shared", limit=3)
    assert [orjson.loads(body)["id"] for body in page.bodies] == [ids[7]]
