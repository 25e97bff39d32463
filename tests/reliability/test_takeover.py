"""A worker is killed: its share is delivered again within seconds, and no other worker loses any of its own."""

import asyncio
import random
import time
from collections import Counter

import asyncpg
import pytest
from tests.answers import json_of

from trunkline.dispatch.leases.leases import JUDGE_SECONDS, RENEW_SECONDS
from trunkline.model.events import shard_of
from trunkline.model.workers import LEASE_MS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SHARDS = 16
HELD = "SELECT holder, count(*) AS shards FROM shards WHERE holder IS NOT NULL GROUP BY holder"
EPOCHS = "SELECT shard, holder, epoch FROM shards ORDER BY shard"
SHOWN = "SELECT count(*) FROM workers WHERE lock_no IS NOT NULL"
NUMBERS = "SELECT lock_no FROM workers ORDER BY id"
END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND CAST(objid AS bigint) = $1
"""


async def _id_of(deployment, process) -> str:
    [(name,)] = await deployment.query(f"SELECT id FROM workers WHERE id LIKE 'wrk_%_{process.popen.pid}_%'")
    return name


@pytest.fixture
async def three(deploy, postgres_database_url, receiver, until):
    """Start a server that does not deliver, and two workers that have run for a while; give them with a company of each shard."""
    deployment = deploy(postgres_database_url)
    of_shard = {shard_of(company, SHARDS): company for company in range(200, 0, -1)}
    companies = [of_shard[shard] for shard in range(SHARDS)]
    await deployment.set_up(*companies, target_url=f"{receiver.url}/h")
    deployment.environment["TRUNKLINE_LOGGING__LEVEL"] = "info"
    workers = [await deployment.work(), await deployment.work()]
    server = await deployment.serve()

    async def shared() -> bool:
        shares = [row.shards for row in await deployment.query(HELD)]
        [(shown,)] = await deployment.query(SHOWN)
        return sorted(shares) == [4, 6, 6] and shown == 3

    await until(shared, what="an even share of shards")
    await asyncio.sleep(JUDGE_SECONDS + RENEW_SECONDS)
    return deployment, server, workers, companies


class Load:
    """Emits events of each company, twenty times a second, and notes when each was stored."""

    def __init__(self, deployment, server, companies):
        self._deployment = deployment
        self._server = server
        self._companies = companies
        self.stored: dict[int, tuple[int, float]] = {}
        """By event: its company, and the time when its storing was confirmed."""
        self._task = asyncio.create_task(self._emit())

    async def _emit(self):
        clients = {company: self._deployment.client(self._server, company) for company in self._companies}
        try:
            for number in range(1, 1_000_000):
                for company, client in clients.items():
                    answer = json_of(
                        await client.post("/events", json=self._deployment.event(number % 7 + 1)), 201
                    )
                    self.stored[answer["id"]] = company, time.monotonic()
                await asyncio.sleep(0.05)
        finally:
            for client in clients.values():
                await client.aclose()

    async def stop(self):
        assert not self._task.done() or not self._task.exception()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_the_share_of_a_killed_worker_flows_again_within_seconds(three, receiver, until):
    deployment, server, (killed, survivor), companies = three
    load = Load(deployment, server, companies)
    await until(lambda: receiver.count > 100, what="the flow of events")
    holders = [row.holder for row in await deployment.query(EPOCHS)]
    mine = await _id_of(deployment, killed)
    killed.kill()
    kill = time.monotonic()

    def waits() -> dict[int, float]:
        """Give the waiting time of each company: from the kill to the push of its first event stored after the kill."""
        after = {position: company for position, (company, at) in load.stored.items() if at > kill}
        found: dict[int, float] = {}
        for request in receiver.requests:
            company = after.get(int(request.headers["webhook-id"]))
            if company is not None:
                found.setdefault(company, request.received_at / 1e9 - kill)
        return found

    await until(lambda: len(waits()) == len(companies), what="the flow of every company")
    await load.stop()
    after: dict[bool, list[float]] = {True: [], False: []}
    for company, seconds in waits().items():
        after[holders[companies.index(company)] == mine].append(seconds)
    longest, usual = max(after[True]), max(after[False])
    print(f"flows again after {longest:.2f} s; of the living after {usual:.2f} s")
    await deployment.check_ledger(set(load.stored))
    await deployment.check_balance()
    assert longest < 4 + usual, "a slow machine delays both"
    words = f"the process of {mine} has ended"
    assert any(words in process.errors.read_text() for process in (server, survivor)), (
        "not its lease: its lock"
    )


async def test_a_worker_whose_connections_are_ended_again_and_again_sends_nothing_twice_and_keeps_the_order(
    three, postgres_database_url, receiver, until
):
    deployment, server, _, companies = three
    for company in companies[::2]:
        async with deployment.client(server, company) as client:
            [made] = (await client.get("/webhooks/subscriptions")).json()["subscriptions"]
            changed = await client.patch(
                f"/webhooks/subscriptions/{made['id']}", json={"ordering": "subscription"}
            )
            assert changed.status_code == 200
    load = Load(deployment, server, companies)
    await until(lambda: receiver.count > 100, what="the flow of events")
    numbers = [row.lock_no for row in await deployment.query(NUMBERS)]
    epochs = await deployment.query(EPOCHS)
    chance = random.Random(16)
    knife = await asyncpg.connect(postgres_database_url)
    ended = []
    try:
        for turn in range(30):
            ended.append(await knife.fetchval(END, numbers[turn % len(numbers)]))
            await asyncio.sleep(chance.uniform(0.1, 0.9))
    finally:
        await knife.close()
    await load.stop()
    await deployment.check_ledger(set(load.stored))
    assert ended.count(2) > 10, "the lock was ended whole"
    arrived = [int(request.headers["webhook-id"]) for request in receiver.requests]
    assert [position for position, times in Counter(arrived).items() if times > 1] == []
    for company in companies[::2]:
        mine = {position for position, (other, _) in load.stored.items() if other == company}
        assert [position for position in arrived if position in mine] == sorted(mine)
    assert await deployment.query(EPOCHS) == epochs, "nothing was taken from anybody"


async def test_a_frozen_worker_keeps_its_shards_until_its_lease_has_run_out(three, until):
    deployment, _, (frozen, _), _ = three
    mine = await _id_of(deployment, frozen)
    frozen.freeze()
    began = time.monotonic()

    async def was_taken() -> bool:
        return mine not in {row.holder for row in await deployment.query(HELD)}

    await until(was_taken, what="the take-over")
    assert time.monotonic() - began > LEASE_MS / 1000 - RENEW_SECONDS - 0.5
    frozen.thaw()

    async def shared() -> bool:
        return sorted(row.shards for row in await deployment.query(HELD)) == [4, 6, 6]

    await until(shared, what="an even share of shards, with the one that woke")
