"""A stage: one hub with the victim at work, on which rows run one after the other.

The hub is measured once when it is new, and each row is compared with that measurement, so leftovers of a row count
against later rows. A hub that has not recovered shortly after a row is not used again.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from typing import Self

import aiohttp
import clearing
from attackers import Attackers
from deployment import Deployment, Meter
from furniture import ROWS_OF_A_HUB, Company, Furniture
from row import Row
from scale import RECOVERY_SECONDS, Scale
from sqlalchemy import text
from verdict import Figures, Verdict, blame
from victim import Sample, Target, Victim

from trunkline.store.engines import EngineDatabase

MIB = 2**20
SETTLING_SECONDS = 0.8
"""Time of use before the measurements begin."""
LOOK_SECONDS = 0.3
REST_SHARE = 0.15
"""The share of a core by which a hub at rest may exceed its use when it was new."""
REST_WAIT_SECONDS = 0.25
"""The longest time for which a call of the victim may be in flight at a hub at rest."""
LEFT_BYTES = 50 * MIB
"""Memory that a hub may keep after a row if it is to be used for another row."""
_FIRST_ATTEMPTS = (
    "SELECT count(*) FROM attempts WHERE subscription_no = :no AND number = 1 AND outcome <> 'delivered'"
)


class Stage:
    """A hub on the database at *url*, with the victim. Entering starts both and measures them without an attack."""

    def __init__(
        self, deployment: Deployment, furniture: Furniture, url: str, *, target: Target, scale: Scale
    ) -> None:
        self._deployment = deployment
        self._furniture = furniture
        self._url = url
        self._scale = scale
        self._victim = Victim(deployment.url, furniture, target)
        self._meter = Meter(deployment.process)
        self._failed_attempts = 0
        self._is_as_it_was = True
        self.rows: list[str] = []
        """The rows that ran on the hub."""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._meter)
            await stack.enter_async_context(self._victim.at_work())
            await asyncio.sleep(SETTLING_SECONDS)
            began, cpu = time.monotonic(), self._meter.cpu_seconds()
            await asyncio.sleep(self._scale.quiet_seconds)
            ended = time.monotonic()
            self._cpu_share = (self._meter.cpu_seconds() - cpu) / (ended - began)
            self._memory = self._meter.memory(began, ended)
            self._quiet = Figures.of(_between(self._victim.samples(), began, ended))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    @property
    def is_free(self) -> bool:
        """Whether another row may run: the hub has recovered, and has unused companies."""
        return self._is_as_it_was and len(self.rows) < ROWS_OF_A_HUB

    async def try_row(self, row: Row, attackers: Attackers) -> Verdict:
        """Attack, wait until the hub is at rest, measure it, and judge."""
        companies = self._furniture.attackers_of(len(self.rows), is_prepared=row.prepare is not None)
        self.rows.append(row.name)
        known = await self._subscriptions_of(companies)
        await attackers.make_ready()
        attack_at, cpu_at = time.monotonic(), self._meter.cpu_seconds()
        noted = await attackers.attack(row, self._deployment.url, companies)
        over_at, cpu_over = time.monotonic(), self._meter.cpu_seconds()
        await attackers.make_ready()
        is_at_rest = await self._rest()
        after_at, cpu_after = time.monotonic(), self._meter.cpu_seconds()
        await asyncio.sleep(self._scale.after_seconds)
        end_at, cpu_end = time.monotonic(), self._meter.cpu_seconds()
        await asyncio.sleep(0.2)  # for answers in flight
        samples = _between(self._victim.samples(), attack_at, end_at)
        verdict = Verdict(
            quiet=self._quiet,
            attacked=Figures.of(_between(samples, attack_at, over_at)),
            after=Figures.of(_between(samples, after_at, end_at)),
            free_seconds=after_at - over_at,
            slowest_by_kind=_slowest(samples),
            memory_mib=max(self._meter.memory(attack_at, end_at) - self._memory, 0) / MIB,
            cpu_share=(cpu_over - cpu_at) / max(over_at - attack_at, 0.1),
            cpu_share_after=(cpu_end - cpu_after) / max(end_at - after_at, 0.1),
            descriptors=self._meter.descriptors(attack_at, over_at),
            failed_first_attempts=await self._failed_first_attempts(),
            attack=noted,
        )
        blame(verdict, samples, scale=self._scale)
        if not self._deployment.is_alive:
            verdict.faults.append(f"the hub ended: {self._deployment.log()}")
        verdict.faults += [note for note in noted if note.startswith("broken")]
        self._is_as_it_was = (
            is_at_rest and not verdict.faults and not row.is_alone and await self._clear_up(companies, known)
        )
        return verdict

    async def _clear_up(self, companies: Sequence[Company], known: set[clearing.Made]) -> bool:
        """Delete the attackers' subscriptions; return whether that restored the hub."""
        try:
            made = await self._subscriptions_of(companies) - known
            await clearing.delete(self._deployment.url, made, operator_key=self._furniture.operator_key)
        except (aiohttp.ClientError, TimeoutError):
            return False
        now = time.monotonic()
        is_at_rest = not made or await self._rest()
        return is_at_rest and self._meter.memory(now - 0.5, time.monotonic()) <= self._memory + LEFT_BYTES

    async def _subscriptions_of(self, companies: Sequence[Company]) -> set[clearing.Made]:
        return await clearing.subscriptions_of(
            self._deployment.url, companies, operator_key=self._furniture.operator_key
        )

    async def _failed_first_attempts(self) -> int:
        """Count the victim's first attempts that failed since the last row."""
        async with EngineDatabase(self._url, pool_size=2) as database, database.read() as connection:
            found = await connection.execute(text(_FIRST_ATTEMPTS), {"no": self._furniture.subscription_no})
            failed = int(found.scalar_one())
        new, self._failed_attempts = failed - self._failed_attempts, failed
        return new

    async def _rest(self) -> bool:
        """Wait at most ``RECOVERY_SECONDS`` until the hub is as idle as when it was new; return whether it is."""
        began = time.monotonic()
        while time.monotonic() - began < RECOVERY_SECONDS:
            cpu, at = self._meter.cpu_seconds(), time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
            share = (self._meter.cpu_seconds() - cpu) / (time.monotonic() - at)
            if share <= self._cpu_share + REST_SHARE and self._victim.waits_seconds < REST_WAIT_SECONDS:
                return True
        return False


def _between(samples: Iterable[Sample], since: float, until: float) -> list[Sample]:
    return [sample for sample in samples if since <= sample.at < until]


def _slowest(samples: Sequence[Sample]) -> dict[str, float]:
    slowest: dict[str, float] = {}
    for sample in samples:
        slowest[sample.kind] = max(slowest.get(sample.kind, 0.0), sample.seconds)
    return slowest
