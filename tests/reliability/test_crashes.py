"""kill -9 while events are accepted and pushed: accepted events are delivered, polled once, and in the ledger."""

import asyncio
import random
import time
from collections import Counter

import httpx2
import pytest
from tests.answers import json_of

from trunkline.model.events import shard_of
from trunkline_kit.receiver import Answer, Reset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

COMPANIES = (1, 2, 3, 92)


class Traffic:
    """Writers that continue through crashes, and remember the accepted events."""

    def __init__(self, deployment, chance: random.Random):
        self.deployment = deployment
        self.chance = chance
        self.accepted: dict[int, set[int]] = {company: set() for company in COMPANIES}
        self.process = None
        self.stop = asyncio.Event()

    @property
    def count(self) -> int:
        return sum(map(len, self.accepted.values()))

    async def write(self, number: int) -> None:
        company = COMPANIES[number % len(COMPANIES)]
        while not self.stop.is_set():
            process = self.process
            if process is None:
                await asyncio.sleep(0.02)
                continue
            async with self.deployment.client(process, company) as client:
                while self.process is process and not self.stop.is_set():
                    try:
                        answer = await client.post("/events", json=self.deployment.event(1 + number))
                    except httpx2.TransportError:
                        break  # the event may be in the log or not: there was no answer
                    if answer.status_code == 201:
                        self.accepted[company].add(answer.json()["id"])
                    await asyncio.sleep(self.chance.uniform(0, 0.02))


@pytest.mark.parametrize("seed", [11, 4711])
async def test_a_serving_process_that_is_killed_again_and_again_loses_no_accepted_event(
    deploy, database_url, receiver, until, seed
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
    traffic = Traffic(deployment, chance)
    writers = [asyncio.create_task(traffic.write(number)) for number in range(8)]
    for pause in (chance.uniform(0.2, 1.0), chance.uniform(0.0, 2.0)):
        process = await deployment.serve()
        before, arrived = traffic.count, receiver.count
        traffic.process = process
        await until(lambda before=before: traffic.count > before + 20, what="acceptance")
        if not arrived:
            await until(lambda: receiver.count > 20, what="pushing")
        await asyncio.sleep(pause)
        process.kill()
        traffic.process = None
    process = await deployment.serve()
    restarted = time.monotonic()
    before = traffic.count
    traffic.process = process
    await until(lambda: traffic.count > before + 20, what="acceptance after the restart")
    newest = str(max(max(promised) for promised in traffic.accepted.values()))
    await until(
        lambda: any(request.headers["webhook-id"] == newest for request in receiver.requests),
        what="the push of an event accepted after the restart",
    )
    print(f"new events are pushed {time.monotonic() - restarted:.1f} s after the last restart")
    traffic.stop.set()
    await asyncio.gather(*writers)

    accepted = set().union(*traffic.accepted.values())
    await deployment.check_ledger(accepted)
    assert set(await deployment.statuses()) <= {"delivered", "exhausted"}
    sent = Counter(int(request.headers["webhook-id"]) for request in receiver.requests)
    assert accepted <= set(sent)
    attempts = Counter(
        (request.headers["webhook-id"], request.headers["trunkline-attempt"]) for request in receiver.requests
    )
    again = sum(count - 1 for count in attempts.values())
    print(f"{len(accepted)} accepted, {receiver.count} pushes, {again} of them a second time")
    assert again <= 2 * 512, "no more than was in flight at each of two crashes"
    for company, promised in traffic.accepted.items():
        polled = await deployment.poll_all(process, company)
        assert polled == sorted(set(polled))
        assert promised <= set(polled)
    assert process.stop() == 0


async def test_the_share_of_a_killed_process_flows_again_within_ten_seconds(
    deploy, postgres_database_url, receiver, until
):
    deployment = deploy(postgres_database_url)
    await deployment.set_up(*range(1, 25), target_url=f"{receiver.url}/h")
    survivor, victim = await asyncio.gather(deployment.serve(), deployment.serve())
    await until(lambda: _shares(deployment, [8, 8]), what="an even share of shards")
    accepted: dict[int, tuple[int, float]] = {}
    stop = asyncio.Event()

    async def write(company: int) -> None:
        async with deployment.client(survivor, company) as client:
            while not stop.is_set():
                sent = time.monotonic()
                answer = json_of(await client.post("/events", json=deployment.event(company)), 201)
                accepted[answer["id"]] = company, sent
                await asyncio.sleep(0.2)

    writers = [asyncio.create_task(write(company)) for company in range(1, 25)]
    await until(lambda: receiver.count > 100, what="pushing")
    held = {row.shard: row.holder for row in await deployment.query("SELECT shard, holder FROM shards")}
    victim.kill()
    killed = time.monotonic()
    await until(lambda: _shares(deployment, [16]), what="the take-over")
    print(f"taken over after {time.monotonic() - killed:.1f} s")
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*writers)
    await deployment.check_ledger(set(accepted))
    first_arrival: dict[int, float] = {}
    for request in receiver.requests:
        first_arrival.setdefault(int(request.headers["webhook-id"]), request.received_at / 1e9)
    [(living,)] = await deployment.query("SELECT DISTINCT holder FROM shards")
    waits: dict[bool, list[float]] = {True: [], False: []}
    for position, (company, sent) in accepted.items():
        waits[held[shard_of(company, 16)] == living].append(first_arrival[position] - sent)
    longest, usual = max(waits[False]), max(waits[True])
    print(f"longest wait of an event: {longest:.1f} s, {usual:.1f} s where nobody was killed")
    assert longest < 10 + usual, "a slow machine delays both"
    assert receiver.count - len(first_arrival) <= 512


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
