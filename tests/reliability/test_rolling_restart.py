"""Two nodes behind the sample's nginx are restarted in turn while clients make calls: no call fails."""

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from contextlib import ExitStack

import httpx2
import pytest
from tests.nginx_sample import sample_proxy
from tests.programs import free_port
from tests.reliability.events import EVENTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

REQUESTS = int(os.environ.get("TRUNKLINE_TEST_ROLLING_REQUESTS", "2000"))
"""The page `docs/how-to/run-in-production.md` has the figures for 10000 requests."""
PER_SECOND = 100
RESTARTS = 2
"""Minimum number of restarts, however soon the requests are done."""
DRAIN_SECONDS = "2"


class Callers:
    """Clients that begin *per_second* calls a second, whatever the answers, each call once; half of the calls emit, half read."""

    def __init__(self, client: httpx2.AsyncClient, deployment) -> None:
        self._client = client
        self._deployment = deployment
        self._random = random.Random(39)
        self.outcomes: Counter[str] = Counter()
        self.accepted: set[int] = set()
        self.begun = 0
        self.seconds = 0.0

    async def call_on(self, until: asyncio.Event) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            while not until.is_set():
                self.begun += 1
                calls.create_task(self._call(self.begun))
                await asyncio.sleep(max(0, began + self.begun / PER_SECOND - time.monotonic()))
        self.seconds = time.monotonic() - began

    async def _call(self, number: int) -> None:
        try:
            if self._random.random() < 0.5:
                answer = await self._client.post("/events", json=self._deployment.event(number))
            else:
                answer = await self._client.get("/events", params={"limit": 5})
        except httpx2.TransportError as error:
            self.outcomes[repr(error)] += 1
            return
        if answer.is_success:
            self.outcomes["answered"] += 1
        else:
            self.outcomes[f"{answer.status_code} {answer.text[:200]}"] += 1
        if answer.status_code == 201:
            self.accepted.add(answer.json()["id"])


async def test_nodes_restarted_in_turn_fail_no_call(deploy, postgres_database_url, until, tmp_path):
    deployment = deploy(postgres_database_url)
    deployment.environment["TRUNKLINE_SERVER__DRAIN_SECONDS"] = DRAIN_SECONDS
    await deployment.set_up(1)
    ports = [free_port(), free_port()]

    async def start(port: int):
        process = deployment.run("serve", "--port", str(port), "--no-migrate")
        await process.ready("listens on")
        return process

    nodes = [await start(port) for port in ports]
    with ExitStack() as stack:
        proxy = stack.enter_context(sample_proxy(tmp_path, [node.url for node in nodes]))
        async with httpx2.AsyncClient(
            base_url=f"{proxy.url}/api/v1", headers={"X-Api-Key": deployment.keys[1]}, verify=proxy.trust, timeout=120
        ) as client:  # fmt: skip
            callers, ended = Callers(client, deployment), asyncio.Event()
            calling = asyncio.create_task(callers.call_on(ended))
            restarts = 0
            for number in itertools.cycle(range(len(nodes))):
                await asyncio.sleep(1)
                nodes[number].popen.terminate()
                assert await asyncio.to_thread(nodes[number].popen.wait, 120) == 0
                nodes[number] = await start(ports[number])
                restarts += 1
                assert not calling.done()
                if callers.begun >= REQUESTS and restarts >= RESTARTS:
                    break
            ended.set()
            await calling
    print(f"{callers.begun} calls in {callers.seconds:.0f} s, {restarts} restarts: {dict(callers.outcomes)}")
    assert callers.outcomes == {"answered": callers.begun}, proxy.errors.read_text()[-2000:]
    stored = await deployment.query(f"SELECT position FROM {EVENTS}")
    assert {row.position for row in stored} == callers.accepted
