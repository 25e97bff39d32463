"""kill -9 while events are accepted and pushed: accepted events are delivered, polled once, and in the ledger."""

import asyncio
import random
import time
from collections import Counter

import pytest

from trunkline_kit.receiver import Answer, Reset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

COMPANIES = (1, 2, 3, 92)


@pytest.mark.parametrize("seed", [11, 4711])
async def test_a_serving_process_that_is_killed_again_and_again_loses_no_accepted_event(
    deploy, database_url, receiver, writers, seed
):
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def reply(connection):
        act = chance.random()
        delayed = Answer(200 if act > 0.15 else 500, delay_seconds=chance.uniform(0, 0.3))
        await (Reset() if act < 0.03 else delayed)(connection)

    receiver.always(reply)
    deployment = deploy(database_url)
    await deployment.set_up(*COMPANIES, target_url=f"{receiver.url}/h")
    load = writers(deployment, [await deployment.serve()])
    load.start(8)
    for pause in (chance.uniform(0.2, 1.0), chance.uniform(0.0, 2.0)):
        await load.go_on(receiver, count=20)
        await asyncio.sleep(pause)
        load.processes[0].kill()
        load.processes[0] = await deployment.serve()
    restarted = time.monotonic()
    await load.go_on(receiver, count=20)
    print(f"new events are pushed {time.monotonic() - restarted:.1f} s after the last restart")
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) <= {"delivered", "exhausted"}
    attempts = Counter(
        (request.headers["webhook-id"], request.headers["trunkline-attempt"]) for request in receiver.requests
    )
    again = sum(count - 1 for count in attempts.values())
    print(f"{again} of {receiver.count} pushes came a second time")
    assert again <= 2 * 512, "no more than was in flight at each of two crashes"
    assert load.processes[0].stop() == 0


async def test_a_process_frozen_beyond_its_lease_changes_nothing_when_it_wakes(
    deploy, postgres_database_url, receiver, until
):
    deployment = deploy(postgres_database_url)
    await deployment.set_up(*range(1, 25), target_url=f"{receiver.url}/h")
    survivor = await deployment.serve()
    frozen = await deployment.work()
    await until(lambda: _shares(deployment, [8, 8]), what="an even share of shards")
    receiver.answer(200, delay_seconds=0.5)
    accepted = await _write_one_each(deployment, survivor)
    await until(lambda: receiver.count == len(accepted), what="every first push")
    frozen.freeze()
    await until(lambda: _shares(deployment, [16]), what="the take-over")
    for _ in range(3):
        accepted |= await _write_one_each(deployment, survivor)
    await deployment.check_ledger(accepted)
    ledger = await _ledger(deployment)
    cursors = await deployment.query("SELECT shard, cursor FROM shards ORDER BY shard")
    pushed = receiver.count
    frozen.thaw()
    await until(lambda: _shares(deployment, [8, 8]), what="an even share again")
    assert await _ledger(deployment) == ledger
    assert await deployment.query("SELECT shard, cursor FROM shards ORDER BY shard") >= cursors
    assert receiver.count == pushed, "what was delivered meanwhile is not sent again"
    accepted |= await _write_one_each(deployment, survivor)
    await deployment.check_ledger(accepted)
    sent = Counter(request.headers["webhook-id"] for request in receiver.requests)
    print(f"{sum(count - 1 for count in sent.values())} of {len(sent)} were sent twice")
    assert set(await deployment.statuses()) == {"delivered"}
    assert frozen.stop() == 0


async def _write_one_each(deployment, process) -> set[int]:
    async def write(company: int) -> int:
        async with deployment.client(process, company) as client:
            return (await client.post("/events", json=deployment.event(company))).json()["id"]

    return set(await asyncio.gather(*(write(company) for company in deployment.keys)))


async def _ledger(deployment):
    return await deployment.query(
        "SELECT position, subscription_no, status, attempts, claim, updated_ms FROM deliveries ORDER BY position"
    )


async def _shares(deployment, wanted: list[int]) -> bool:
    """Whether the numbers of shards of all holders are *wanted*."""
    found = await deployment.query("SELECT count(*) FROM shards WHERE holder IS NOT NULL GROUP BY holder")
    return sorted(count for (count,) in found) == wanted
