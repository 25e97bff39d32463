"""The clock steps by an hour, a day, a week: no needed row is deleted, no subscription ends, and the hub reports the step."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

import pytest
from tests.reliability.clocks import NEEDS_FAKETIME
from tests.reliability.events import EVENTS

QUICK_HUB = (str(Path(__file__).with_name("quick_hub.py")),)
NOBODY = "http://127.0.0.1:9/h"
"""A target that refuses every connection."""
ROUNDS_SECONDS = 1.2
"""Time for two rounds of retention."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90), NEEDS_FAKETIME]


async def test_on_the_embedded_database(deploy, sqlite_database_url, *, clock, receiver, until):
    trial = Trial(deploy(sqlite_database_url, breaker_failures=3), clock, receiver, until)
    await trial.run(back=("-1h", "-1d"), forward=("+0", "+1h"), far="+100d")


async def test_on_postgresql_with_two_nodes(deploy, url_on_clock, *, clock, receiver, until):
    trial = Trial(deploy(url_on_clock, breaker_failures=3), clock, receiver, until, nodes=2)
    trial.deployment.environment["TRUNKLINE_EVENTS__RETENTION_DAYS"] = "7"
    await trial.run(back=("-1d",), forward=("+0",), far="+8d")


async def test_where_the_databases_clock_is_another_one(deploy, url_on_clock, *, clock, receiver, until):
    clock.set("-1h")
    deployment = deploy(url_on_clock)
    trial = Trial(deployment, clock, receiver, until, nodes=2, is_apart=True)
    await trial.start()
    first, *others = [await trial.emit(1) for _ in range(10)]
    since = first["createdUtc"]
    assert abs(time.time() - 3600 - datetime.fromisoformat(since).timestamp()) < 600
    async with deployment.client(trial.nodes[1], 1) as client:
        found = (await client.get("/events", params={"since": since})).json()["events"]
    assert [event["id"] for event in found] == [first["id"], *(event["id"] for event in others)]
    await until(lambda: receiver.count >= 10, what="the pushes")
    assert abs(int(receiver.requests[0].headers["webhook-timestamp"]) - time.time()) < 600
    assert "ahead of the database's" in trial.nodes[0].errors.read_text()
    ahead = await trial.metric(trial.nodes[0], "trunkline_clock_ahead_seconds")
    assert 3590 < ahead < 3610
    doctor = deployment.run("doctor")
    assert doctor.popen.wait(60) == 2
    assert "ahead of the database's" in doctor.output.read_text()

    clock.set("+100d")
    await trial.until_trusted(trusted=0)
    await trial.nothing_is_lost()
    for node in trial.nodes:
        assert node.errors.read_text().count("the database's clock stepped forward") == 1


async def test_a_retry_waits_as_long_as_it_would_have(deploy, sqlite_database_url, *, clock, until):
    deployment = deploy(sqlite_database_url, retry_schedule_seconds="8,60")
    await deployment.set_up(1, target_url=NOBODY)
    deployment.program = QUICK_HUB
    deployment.environment |= clock.environment
    node = await deployment.serve()
    async with deployment.client(node, 1) as client:
        assert (await client.post("/events", json=deployment.event(1))).status_code == 201

    async def attempts(count):
        return await deployment.query("SELECT attempts FROM deliveries") == [(count,)]

    await until(lambda: attempts(1), what="the first attempt")
    clock.set("+1h")
    began = time.monotonic()
    await until(lambda: attempts(2), what="the retry")
    assert time.monotonic() - began > 4


class Trial:
    """A deployment whose clock is set while it runs: company 1 has a target, the target of company 2 never answers."""

    def __init__(self, deployment, clock, receiver, until, *, nodes=1, is_apart=False):
        self.deployment = deployment
        self.clock = clock
        self.receiver = receiver
        self.until = until
        self.nodes = [None] * nodes
        self.is_apart = is_apart
        self.ids = []

    async def run(self, *, back, forward, far):
        await self.start()
        for offset in back:
            self.clock.set(offset)
            await self.emit(1)
            await self.nothing_is_lost()
            assert await self.metric(self.nodes[0], "trunkline_clock_trusted") == 1
        for offset in forward:
            await self.step(offset)
        await self.confirm()
        before = await self.emit(1, key="before the step")
        await self.step(far)
        assert (await self.emit(1, key="before the step", status=200))["id"] == before["id"]
        for node in self.nodes:
            assert node.errors.read_text().count("the database's clock stepped forward") == len(forward) + 1
        if len(self.nodes) == 1:
            assert self.nodes[0].stop() == 0
            await self.start_nodes()  # a node that starts after the step knows of it
            await self.nothing_is_lost()
            await self.until_trusted(trusted=0)
        assert set(await self.deployment.poll_all(self.nodes[0], 1)) <= set(self.ids)
        kept = len(self.ids)
        await self.confirm()

        async def are_gone():
            [(count,)] = await self.deployment.query(f"SELECT count(*) FROM {EVENTS}")
            return count < kept

        await self.until(are_gone, what="the removal of old events once an operator says so")

    async def start(self):
        deployment = self.deployment
        await deployment.set_up(1, target_url=f"{self.receiver.url}/h")
        await deployment.set_up(2, target_url=NOBODY)
        deployment.program = QUICK_HUB
        if not self.is_apart:
            deployment.environment |= self.clock.environment
        await self.start_nodes()
        for _ in range(5):
            await self.emit(2)
        await self.emit(1)

        async def is_failing():
            [(failures,)] = await deployment.query(
                f"SELECT failures FROM subscriptions WHERE no = {deployment.numbers[2]}"
            )
            return failures >= 3

        await self.until(is_failing, what="three failures in a row")

    async def start_nodes(self):
        self.nodes = await asyncio.gather(*(self.deployment.serve() for _ in self.nodes))

    async def step(self, offset):
        """Set the clock forward, and check that the hub distrusts it, stays ready, and loses nothing."""
        self.clock.set(offset)
        await self.emit(2)
        await self.emit(1)
        await self.until_trusted(trusted=0)
        async with self.deployment.client(self.nodes[0], 1) as client:
            answer = await client.get(f"{self.nodes[0].url}/readyz")
        assert answer.status_code == 200
        assert "trunkline clock confirm" in answer.json()["clock"]
        await self.nothing_is_lost()

    async def confirm(self):
        command = self.deployment.run("clock", "confirm")
        assert command.popen.wait(60) == 0, command.errors.read_text()
        assert "trusted as it is now" in command.output.read_text()
        await self.until_trusted(trusted=1)

    async def nothing_is_lost(self):
        await asyncio.sleep(ROUNDS_SECONDS)
        stored = await self.deployment.query(f"SELECT position FROM {EVENTS} ORDER BY position")
        assert [row.position for row in stored] == sorted(self.ids)
        statuses = await self.deployment.query("SELECT status, disabled_reason FROM subscriptions")
        assert {tuple(row) for row in statuses} == {("active", None)}

    async def emit(self, company, *, key=None, status=201):
        headers = {"Idempotency-Key": key} if key else {}
        async with self.deployment.client(self.nodes[0], company) as client:
            answer = await client.post("/events", json=self.deployment.event(1), headers=headers)
        assert answer.status_code == status, answer.text
        if status == 201:
            self.ids.append(answer.json()["id"])
        return answer.json()

    async def until_trusted(self, *, trusted):
        for node in self.nodes:

            async def is_so(node=node):
                return await self.metric(node, "trunkline_clock_trusted") == trusted

            await self.until(is_so, what=f"trunkline_clock_trusted {trusted}")

    async def metric(self, node, name):
        async with self.deployment.client(node, 1) as client:
            text = (await client.get(f"{node.url}/metrics")).text
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])
