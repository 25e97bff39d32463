"""Deployments of real processes: started, killed, frozen and started again, and judged from outside."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from trunkline import settings
from trunkline.database import Database
from trunkline.hub import Hub
from trunkline.schema_files import installed_event_types
from trunkline.testing.receiver import Receiver

FINAL = {"delivered", "exhausted", "rejected", "gone"}
_LISTENS = re.compile(r"listens on (http://\S+)")


async def until(condition, *, seconds: float, what: str):
    """Wait until *condition*, which may be async, is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.05)


class Process:
    """One process of a deployment."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path, number: int):
        self.output, self.errors = folder / f"out-{number}.txt", folder / f"err-{number}.txt"
        with self.output.open("wb") as out, self.errors.open("wb") as err:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "trunkline.cli", *command],
                cwd=folder,
                env=environment,
                stdout=out,
                stderr=err,
            )
        self.url = ""

    async def ready(self, word: str) -> None:
        def says_so() -> bool:
            assert self.popen.poll() is None, self.errors.read_text()[-3000:]
            return word in self.output.read_text()

        await until(says_so, seconds=20, what=f"'{word}'")
        if found := _LISTENS.search(self.output.read_text()):
            self.url = found[1]

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.popen.kill()
        self.popen.wait()

    def freeze(self) -> None:
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end, as an init system does; returns its exit code."""
        self.popen.terminate()
        return self.popen.wait(20)


class Deployment:
    """One database, its processes, and a company that uses them."""

    def __init__(self, url: str, folder: Path, **delivery: object):
        self.environment = {
            "TRUNKLINE_DATABASE__URL": url,
            "TRUNKLINE_PLUGINS__ENABLED": "webhooks,polling",
            "TRUNKLINE_AUTH__PEPPER": "p" * 32,
            "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
            "TRUNKLINE_LIMITS__ENABLED": "false",
            "TRUNKLINE_LOGGING__LEVEL": "warning",
            "TRUNKLINE_DELIVERY__ALLOW_HTTP": "true",
            "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
            "TRUNKLINE_DELIVERY__RETRY_SCHEDULE_SECONDS": "0.2,0.5,1,1,1",
        } | {f"TRUNKLINE_DELIVERY__{name.upper()}": str(value) for name, value in delivery.items()}
        self.url = url
        self.folder = folder
        self.processes: list[Process] = []
        self._kind = next(kind for kind in installed_event_types() if kind.name == "lead.created")
        self.numbers: dict[int, int] = {}
        self.keys: dict[int, str] = {}

    async def set_up(self, *companies: int, target_url: str | None = None) -> None:
        """Migrate, and give each company a key, and a subscription to everything where there is a target."""
        async with Hub(settings.load(environment=self.environment), dispatch=False) as hub:
            for company in companies:
                _, self.keys[company] = await hub.keys.create(
                    company, name="test", scopes=["events:read", "events:write", "webhooks:write"]
                )
                if target_url:
                    request = {"target_url": target_url, "event_types": ["*"]}
                    view = await hub.subscriptions.create(company, request, channel="webhooks")
                    found = await hub.subscriptions.find(company, view["id"], channel="webhooks")
                    self.numbers[company] = found.no

    async def serve(self, *arguments: str) -> Process:
        process = self._start(["serve", "--port", "0", *arguments])
        await process.ready("listens on")
        return process

    async def work(self) -> Process:
        process = self._start(["worker"])
        await process.ready("delivers")
        return process

    def _start(self, command: list[str]) -> Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
        process = Process(command, inherited | self.environment, self.folder, len(self.processes))
        self.processes.append(process)
        return process

    def event(self, number: int) -> dict[str, object]:
        """The body of a request that emits an event; *number* tells it from others."""
        return {"type": self._kind.name, "payload": {**self._kind.example, "client_id": number}}

    def client(self, process: Process, company: int) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=f"{process.url}/api/v1", headers={"X-Api-Key": self.keys[company]}, timeout=15
        )

    async def query(self, statement: str):
        async with Database(self.url) as database, database.read() as connection:
            return (await connection.execute(text(statement))).all()

    async def statuses(self) -> Counter:
        found = await self.query("SELECT status, count(*) AS rows FROM deliveries GROUP BY status")
        return Counter({row.status: row.rows for row in found})

    async def check_ledger(self, accepted: set[int], *, seconds: float) -> None:
        """Every event in the log has its one delivery, all have ended, and the accepted ones are among them."""

        async def is_over() -> bool:
            [(matched, rows, ended)] = await self.query(
                "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries), "
                "(SELECT count(*) FROM deliveries WHERE status IN ('delivered','exhausted','rejected','gone'))"
            )
            return matched == rows == ended

        await until(is_over, seconds=seconds, what="the end of every delivery")
        pairs = await self.query(
            "SELECT d.position, d.subscription_no, e.company_id FROM deliveries d JOIN events e USING (position)"
        )
        assert all(self.numbers[company] == no for _, no, company in pairs)
        positions = {position for position, *_ in pairs}
        assert len(positions) == len(pairs)
        assert accepted <= positions
        wrong = await self.query(
            "SELECT d.position, d.attempts, count(a.number) FROM deliveries d LEFT JOIN attempts a "
            "ON a.position = d.position AND a.subscription_no = d.subscription_no "
            "GROUP BY d.position, d.attempts HAVING count(a.number) <> d.attempts"
        )
        assert wrong == []

    def close(self) -> None:
        for process in self.processes:
            if process.popen.poll() is None:
                process.thaw()
                process.kill()


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator:
    """Make deployments whose processes end with the test."""
    made: list[Deployment] = []

    def deploy_(url: str, **delivery: object) -> Deployment:
        made.append(Deployment(url, tmp_path, **delivery))
        return made[-1]

    yield deploy_
    for deployment in made:
        deployment.close()


@pytest.fixture
async def receiver():
    """A receiver on a real socket."""
    async with Receiver() as started:
        yield started


@pytest.fixture(name="until")
def _until():
    return until
