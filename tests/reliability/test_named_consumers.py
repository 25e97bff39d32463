"""kill -9 of the hub and of pollers that share a consumer: each event is committed once, and none is skipped."""

import asyncio
import itertools
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from trunkline.model import cursors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

POLLER = Path(__file__).with_name("stream_poller.py")
HUB_EVERY = 5
"""Every fifth kill is the hub's, because the hub takes seconds to start."""


class Pollers:
    """Pollers that are restarted whenever they are killed; each process has a separate journal."""

    def __init__(self, folder: Path, key: str):
        self.folder = folder
        self.key = key
        self.numbers = itertools.count()
        self.running: list[subprocess.Popen] = []

    def start(self, url: str) -> None:
        journal = self.folder / f"journal-{next(self.numbers)}.txt"
        self.running.append(subprocess.Popen([sys.executable, "-I", POLLER, url, self.key, journal]))

    def kill(self, poller: subprocess.Popen) -> None:
        self.running.remove(poller)
        poller.kill()
        poller.wait()

    def kill_all(self) -> None:
        for poller in [*self.running]:
            self.kill(poller)

    def read(self) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """Read the committed pages, and the pages whose commit was never answered."""
        done, open_ = [], []
        for journal in self.folder.glob("journal-*.txt"):
            tried = None
            for line in journal.read_text().splitlines():
                word, *ids = line.split()
                page = tuple(map(int, ids))
                if tried is not None and word == "try":
                    open_.append(tried)
                if word == "done":
                    done.append(page)
                tried = page if word == "try" else None
            if tried is not None:
                open_.append(tried)
        return done, open_


@pytest.mark.parametrize("kills", [10, 100], ids=["ten", "hundred"])
async def test_two_pollers_of_one_consumer_commit_each_event_once_whoever_is_killed(
    deploy, database_url, tmp_path, until, kills
):
    chance = random.Random(kills)
    deployment = deploy(database_url)
    await deployment.set_up(92)
    hub = await deployment.serve()
    pollers = Pollers(tmp_path, deployment.keys[92])
    stored: list[int] = []

    async def emit(count: int) -> None:
        events = [deployment.event(1 + number) for number in range(count)]
        async with deployment.client(hub, 92) as client:
            answer = await client.post("/events/batch", json={"events": events})
            stored.extend(event["id"] for event in answer.json()["events"])

    async with deployment.client(hub, 92) as client:
        assert (await client.put("/consumers/shared", json={"start": "beginning"})).status_code == 201
    try:
        for number in range(kills):
            await emit(100)
            while len(pollers.running) < 2:
                pollers.start(hub.url)
            before = len(pollers.read()[0])
            await until(lambda before=before: len(pollers.read()[0]) > before, what="a commit")
            await asyncio.sleep(chance.uniform(0, 0.1))
            if number % HUB_EVERY == HUB_EVERY - 1:
                hub.kill()
                pollers.kill_all()
                hub = await deployment.serve()
            else:
                pollers.kill(chance.choice(pollers.running))
        while len(pollers.running) < 2:
            pollers.start(hub.url)

        async def is_read() -> bool:
            async with deployment.client(hub, 92) as client:
                return (await client.get("/consumers/shared")).json()["lag"] == 0

        await until(is_read, what="the end of the log")
    finally:
        pollers.kill_all()
    async with deployment.client(hub, 92) as client:
        assert cursors.decode((await client.get("/consumers/shared")).json()["cursor"]) == stored[-1]
    done, unknown = pollers.read()
    committed = Counter(position for page in done for position in page)
    assert [position for position, count in committed.items() if count > 1] == []
    assert set(stored) <= set(committed) | {position for page in unknown for position in page}
    assert len(done) > kills, "the pollers were at it"
    assert hub.stop() == 0
