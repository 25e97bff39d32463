"""Cases: one row, one database. Each has a hub of its own, which is left alone first, then attacked, then left alone again."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deployment import Deployment, Meter, Templates, environment_of
from fill import World
from furniture import Furniture
from names import NameServer
from row import Row
from scale import RECOVERY_SECONDS, Scale
from sqlalchemy import text
from verdict import Figures, Verdict, blame
from victim import Sample, Target, Victim

from trunkline.store.database import Database

MIB = 2**20
SETTLING_SECONDS = 1.5
"""How long the hub is used before anything is timed."""
_FIRST_ATTEMPTS = (
    "SELECT count(*) FROM attempts WHERE subscription_no = :no AND number = 1 AND outcome <> 'delivered'"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One attack on one database."""

    row: str
    engine: str

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"python tests/reliability/isolation --row {self.row} --engine {self.engine}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case."""

    case: Case
    scale: str
    verdict: Verdict
    seconds: float


class Matrix:
    """Runs cases, one after the other. Enter it to start what they share."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._target = await stack.enter_async_context(Target())
            transport, self._name_server = await NameServer.start()
            stack.callback(transport.close)
            self._templates = await stack.enter_async_context(
                Templates(target_url=f"{self._target.url}/hook", name_server=self._name_server)
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    async def run_one(self, row: Row, engine: str) -> Outcome:
        """Run one case."""
        began = time.monotonic()
        number = next(self._numbers)
        async with self._templates.lend(engine, number) as (url, furniture):
            environment = environment_of(url, self._name_server, **row.settings)
            if row.prepare is not None:
                await row.prepare(World(url, environment, furniture, self._scale))
                await asyncio.to_thread(os.sync)  # else the hub's first commits wait for what was prepared
            async with Deployment(environment, self._templates.folder, number=number) as deployment:
                run = _Run(row, deployment, furniture, self._target, self._scale)
                verdict = await run.run(url)
        return Outcome(Case(row.name, engine), self._scale.name, verdict, time.monotonic() - began)


class _Run:
    """One case on its way."""

    def __init__(
        self, row: Row, deployment: Deployment, furniture: Furniture, target: Target, scale: Scale
    ) -> None:
        self._row = row
        self._deployment = deployment
        self._furniture = furniture
        self._scale = scale
        self._victim = Victim(deployment.url, furniture, target)

    async def run(self, url: str) -> Verdict:
        """Go through the phases, and judge."""
        meter = Meter(self._deployment.process)
        async with meter, self._victim.at_work():
            await asyncio.sleep(SETTLING_SECONDS)
            quiet_at = time.monotonic()
            await asyncio.sleep(self._scale.quiet_seconds)
            attack_at, cpu_at = time.monotonic(), meter.cpu_seconds()
            noted = await self._attack()
            over_at, cpu_over = time.monotonic(), meter.cpu_seconds()
            await asyncio.sleep(RECOVERY_SECONDS)
            after_at, cpu_after = time.monotonic(), meter.cpu_seconds()
            await asyncio.sleep(self._scale.after_seconds)
            end_at, cpu_end = time.monotonic(), meter.cpu_seconds()
            await asyncio.sleep(0.3)  # for the answers that are on their way
            samples = self._victim.samples()
        attacked = _between(samples, attack_at, over_at)
        after = _between(samples, after_at, end_at)
        before = meter.memory(quiet_at, attack_at)
        verdict = Verdict(
            quiet=Figures.of(_between(samples, quiet_at, attack_at)),
            attacked=Figures.of(attacked),
            after=Figures.of(after),
            slowest_by_kind=_slowest(_between(samples, attack_at, end_at)),
            memory_mib=max(meter.memory(attack_at, end_at) - before, 0) / MIB,
            cpu_share=(cpu_over - cpu_at) / max(over_at - attack_at, 0.1),
            cpu_share_after=(cpu_end - cpu_after) / max(end_at - after_at, 0.1),
            descriptors=meter.descriptors(attack_at, over_at),
            failed_first_attempts=await self._failed_first_attempts(url),
            attack=noted,
        )
        blame(verdict, _between(samples, attack_at, end_at), scale=self._scale)
        if not self._deployment.is_alive:
            verdict.faults.append(f"the hub ended: {self._deployment.log()}")
        verdict.faults += [note for note in noted if note.startswith("broken")]
        return verdict

    async def _attack(self) -> dict[str, int]:
        """Run the row in a process of its own; gives what it noted."""
        order = {
            "row": self._row.name,
            "url": self._deployment.url,
            "scale": self._scale.name,
            "furniture": json.loads(self._furniture.to_json()),
        }
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            Path(__file__).with_name("attacker.py"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        )
        try:
            async with asyncio.timeout(self._scale.attack_seconds + 30):
                said, _ = await program.communicate(json.dumps(order).encode() + b"\n")
        except TimeoutError:
            program.kill()
            await program.wait()
            return {"broken: the attacker did not end": 1}
        return json.loads(said) if said else {"broken: the attacker said nothing": 1}

    async def _failed_first_attempts(self, url: str) -> int:
        async with Database(url, pool_size=2) as database, database.read() as connection:
            found = await connection.execute(text(_FIRST_ATTEMPTS), {"no": self._furniture.subscription_no})
            return int(found.scalar_one())


def _between(samples: Sequence[Sample], since: float, until: float) -> list[Sample]:
    return [sample for sample in samples if since <= sample.at < until]


def _slowest(samples: Sequence[Sample]) -> dict[str, float]:
    slowest: dict[str, float] = {}
    for sample in samples:
        slowest[sample.kind] = max(slowest.get(sample.kind, 0.0), sample.seconds)
    return slowest
