"""Cases: one point, one seed, one database. Each deployment runs, crashes at the point, runs again, and is judged."""

import asyncio
import contextlib
import itertools
import random
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from actor import Actor
from databases import Databases
from eraser import Eraser
from furniture import RETRY_SECONDS, Furniture
from load import EVENT, Extras, Load
from maker import Maker
from nursery import LATER, PLUGINS, Nursery, Process
from target import Target
from tenant import Tenant
from verdict import Judge, Verdict

from trunkline.store.engines import EngineDatabase
from trunkline_kit.databases import started_postgres

ENGINES = ("sqlite", "postgresql")
AT_ONCE = 8
PATIENCE_SECONDS = 120.0
LEASE_MS = 600
LEASE_OF_TWO_MS = 3_000
"""Lease of two workers: longer than the delays of a busy machine."""
IDLE_SECONDS = 3.0
"""Time for an idle process to pass its point before it is killed."""
OFTEN = 12
FEW = {
    "accept.before_commit": 6,
    "read.after_refresh": 1,
    "read.after_going_on": 2,
    "stretch": 2,
    "deliver.after_defer": 2,
    "settle": 6,
    "retry": 6,
    "order": 2,
    "order.after_release": 1,
    "pace": 1,
    "replay.after_withdraw": 1,
    "replay": 3,
    "replay.after_begin": 2,
    "replay.after_make_due": 2,
    "renew": 6,
    "lapse": 2,
    "news": 2,
    "gap": 1,
    "erase": 6,
    "erase.after_claim": 1,
    "once": 8,
    "lease": 8,
    "lease.after_heartbeat": 1,
    "lease.after_claim": 1,
    "lease.after_claim_commit": 1,
    "lease.after_release": 1,
    "lease.after_release_commit": 1,
    "lease.after_divide": 1,
    "lease.after_divide_commit": 1,
    "lease.before_leave": 1,
    "lease.after_leave": 1,
    "advance": 1,
    "migrate": 1,
    "migrate.after_step": 5,
}
"""Minimum number of passes of a point, or of a family of points; other points have at least ``OFTEN``."""


@dataclass(frozen=True, slots=True)
class Case:
    """One crash."""

    point: str
    engine: str
    seed: int

    @property
    def command(self) -> str:
        return (
            f"python tests/reliability/crash --point {self.point} --engine {self.engine} --seed {self.seed}"
        )

    @property
    def hands_over(self) -> bool:
        """Whether the process passes the point only if another worker asks for a share."""
        return self.point.startswith(("lease.after_release", "lease.after_divide"))

    @property
    def has_two_workers(self) -> bool:
        """Whether a second worker shares the load: if the point needs it, or for one seed in eight on PostgreSQL."""
        return self.hands_over or (self.engine == "postgresql" and self.seed % 8 == 3)

    @property
    def acts(self) -> bool:
        """Whether actions are part of the load, because they pass the point."""
        return self.point.startswith(("action.", "accept."))

    @property
    def erases(self) -> bool:
        """Whether a company is deleted during the case."""
        return self.point.startswith("erase.")

    @property
    def renews(self) -> bool:
        """Whether a client renews a subscription and lets it lapse."""
        return self.point.startswith(("renew.", "lapse.", "gap."))

    @property
    def upgrades(self) -> bool:
        """Whether a database in use is migrated."""
        return self.point == "migrate.after_step"

    @property
    def is_new(self) -> bool:
        """Whether the database is empty, so that its first migration crashes."""
        return self.point.startswith("migrate.") and not self.upgrades

    @property
    def advances(self) -> bool:
        """Whether the log's position is advanced during the case, as after a restore."""
        return self.point.startswith("advance.")

    @property
    def plugins(self) -> str:
        if self.upgrades:
            return "later"
        return "acting" if self.acts else "renewing" if self.renews else "plain"

    @property
    def stops(self) -> bool:
        """Whether the process passes the point only if it is asked to stop."""
        return self.point.endswith("_leave")


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    crashed: bool
    verdict: Verdict
    seconds: float


def cases_of(points: Sequence[str], seeds: Sequence[int], engine: str | None) -> list[Case]:
    """Plan the cases; the seeds alternate between both databases if none is chosen."""
    planned = [
        Case(point, engine or ENGINES[seed % len(ENGINES)], seed) for seed in seeds for point in points
    ]
    return [replace(case, engine="postgresql") if case.hands_over else case for case in planned]


class Matrix:
    """Runs cases. Entering starts the shared parts: a PostgreSQL server, the nursery, the target, two templates."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._folder = Path(tempfile.mkdtemp(prefix="tl-crash-"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._databases = Databases(stack.enter_context(started_postgres()).get_uri())
            self._nursery = await stack.enter_async_context(Nursery())
            self._target = await stack.enter_async_context(Target())
            furnished = await self._databases.create()
            self._furniture = {
                "sqlite": await self._furnish(f"sqlite:///{self._folder / 'furnished.db'}"),
                "postgresql": await self._furnish(self._databases.url_of(furnished)),
            }
            await self._databases.keep(furnished)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    async def run(self, cases: Sequence[Case], tell: Callable[[Outcome], None]) -> list[Outcome]:
        """Run *cases*, ``AT_ONCE`` at a time; then repeat, one at a time, cases that a busy machine may have made fail.

        These are the cases with a fault, unless they have lost an event, and the cases of points that no case has
        reached.
        """
        left = iter(cases)
        outcomes: list[Outcome] = []

        async def work() -> None:
            for case in left:
                outcome = await self.run_one(case)
                outcomes.append(outcome)
                tell(outcome)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
        reached = {outcome.case.point for outcome in outcomes if outcome.crashed}
        for number, first in enumerate(outcomes):
            has_failed = bool(first.verdict.faults) and not first.verdict.lost
            if has_failed or first.case.point not in reached:
                outcomes[number] = await self.run_one(first.case)
                tell(outcomes[number])
        return outcomes

    async def run_one(self, case: Case) -> Outcome:
        """Run one case; an error is reported in its verdict."""
        began = time.monotonic()
        number = next(self._numbers)
        log = self._folder / f"case-{number}.txt"
        run = _Run(self, case, number, log)
        try:
            async with asyncio.timeout(2 * PATIENCE_SECONDS), self._lend(case, number) as url:
                verdict = await run.run(url)
        except Exception as error:  # report an error of the harness like a fault
            verdict = Verdict(faults=[f"{type(error).__name__}: {error}"])
        if verdict.faults and log.exists():
            verdict.faults.append(log.read_text()[-1500:])
        return Outcome(case, run.has_crashed, verdict, time.monotonic() - began)

    async def _furnish(self, url: str) -> Furniture:
        process = self._nursery.start(
            environment_of(url, plugins="all"), log=self._folder / "furnish.txt", target=self._target.url
        )
        said = await process.ready
        await process.signal(signal.SIGTERM)
        await process.ended
        return Furniture.of(said["furniture"])

    @contextlib.asynccontextmanager
    async def _lend(self, case: Case, number: int) -> AsyncGenerator[str]:
        """Make a database for a case: a furnished database, or an empty one if the case crashes the first migration."""
        is_empty = case.is_new
        if case.engine == "sqlite":
            file = self._folder / f"case-{number}.db"
            if not is_empty:
                shutil.copyfile(self._folder / "furnished.db", file)
            url = f"sqlite:///{file}"
            yield url
            for left in self._folder.glob(f"case-{number}.db*"):
                left.unlink()
            return
        async with self._databases.lend_empty() if is_empty else self._databases.lend() as url:
            yield url


class _Run:
    def __init__(self, matrix: Matrix, case: Case, number: int, log: Path) -> None:
        self._matrix = matrix
        self._case = case
        self._log = log
        self._number = number
        self._chance = random.Random(f"{case.point} {case.seed}")
        self._load = Load(number, self._chance, extras=self._extras(number))
        self._processes: list[Process] = []
        self._furniture: Furniture | None = None if case.is_new else matrix._furniture[case.engine]
        self.has_crashed = False

    def _extras(self, number: int) -> Extras:
        case, chance = self._case, self._chance
        return Extras(
            Actor(number, chance) if case.acts else None,
            Eraser(number, chance, EVENT) if case.erases else None,
            Tenant(self._matrix._target.agent(number), chance, EVENT) if case.renews else None,
            Maker(number, chance) if case.point.startswith("once.") else None,
        )

    async def run(self, url: str) -> Verdict:
        writing = asyncio.create_task(self._load.run())
        try:
            return await self._run(url, writing)
        finally:
            writing.cancel()
            for process in self._processes:
                await process.kill()
            self._matrix._target.forget(self._number)

    async def _run(self, url: str, writing: asyncio.Task[None]) -> Verdict:
        case = self._case
        most = FEW.get(case.point) or FEW.get(case.point.partition(".")[0]) or OFTEN
        first = self._start(url, point=case.point, after=self._chance.randint(1, most))
        await self._until_ready(first)
        if case.has_two_workers:
            other = self._start(url, serves=False)
            await other.ready
        await self._until_dead(first, writing)
        self._load.disconnect()
        second = self._start(url)
        await self._until_ready(second)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await writing
        assert self._furniture is not None
        async with EngineDatabase(url, pool_size=2) as database:
            judge = Judge(database, self._furniture, self._load, gaps=2 if case.advances else 0)
            return await judge.judge(
                (await second.ready)["url"],
                self._matrix._target.arrivals[self._number],
                ended_at=first.ended_at,
                patience_seconds=PATIENCE_SECONDS,
            )

    def _start(self, url: str, *, serves: bool = True, point: str | None = None, after: int = 0) -> Process:
        process = self._matrix._nursery.start(
            environment_of(url, plugins=self._case.plugins),
            log=self._log,
            serves=serves,
            lease_ms=LEASE_OF_TWO_MS if self._case.has_two_workers else LEASE_MS,
            divides=self._case.has_two_workers,
            advances=self._case.advances and serves,
            target=self._matrix._target.url if self._furniture is None else None,
            point=point,
            after=after,
        )
        self._processes.append(process)
        return process

    async def _until_ready(self, process: Process) -> None:
        """Connect the load to *process* once it serves, unless it dies first."""
        await asyncio.wait({process.ready, process.ended}, return_when=asyncio.FIRST_COMPLETED)
        if process.ended.done():
            return
        said = process.ready.result()
        if said["furniture"]:
            self._furniture = Furniture.of(said["furniture"])
        assert self._furniture is not None
        self._load.connect(said["url"], self._furniture)

    async def _until_dead(self, process: Process, writing: asyncio.Task[None]) -> None:
        """Wait for the crash; if the point is not passed in time, kill the process."""
        if self._case.stops:
            await asyncio.wait({process.ended}, timeout=self._chance.uniform(0.1, 0.6))
            await process.signal(signal.SIGTERM)
            await asyncio.wait({process.ended}, timeout=60)
        else:
            await asyncio.wait({process.ended, writing}, return_when=asyncio.FIRST_COMPLETED)
            idle_seconds = IDLE_SECONDS if not self._case.hands_over else 2 * LEASE_OF_TWO_MS / 1000
            await asyncio.wait({process.ended}, timeout=idle_seconds)
        self.has_crashed = process.has_crashed
        await process.kill()
        self.has_crashed = process.has_crashed


def environment_of(url: str, *, plugins: str) -> dict[str, str]:
    """Give the settings of a deployment on *url*: retries within a second, and targets on this machine."""
    chosen = {
        "DATABASE__URL": url,
        "DATABASE__POOL_SIZE": "5",
        "PLUGINS__ENABLED": PLUGINS[plugins],
        "PLUGINS__PATHS": LATER,
        "AUTH__PEPPER": "p" * 32,
        "AUTH__ENCRYPTION_KEY": "k" * 32,
        "LIMITS__ENABLED": "false",
        "LOGGING__LEVEL": "warning",
        "DELIVERY__ALLOW_HTTP": "true",
        "DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
        "DELIVERY__RETRY_SCHEDULE_SECONDS": ",".join(map(str, RETRY_SECONDS)),
        "DELIVERY__TIMEOUT_SECONDS": "5",
        "MCP__RETRY_SCHEDULE_SECONDS": "0.05,0.1,0.2,0.5,1",
    }
    return {f"TRUNKLINE_{name}": value for name, value in chosen.items()}
