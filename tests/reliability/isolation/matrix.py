"""Cases: one row, one database. Rows with the same initial data run on one hub, one after the other."""

import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import Self

from attackers import Attackers
from deployment import Deployment, environment_of
from names import NameServer
from row import Row
from scale import Scale
from stage import Stage
from templates import Templates
from verdict import Verdict
from victim import Target


@dataclass(frozen=True, slots=True)
class Case:
    """One attack on one database."""

    row: str
    engine: str

    @property
    def command(self) -> str:
        return f"python tests/reliability/isolation --row {self.row} --engine {self.engine}"


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    scale: str
    verdict: Verdict
    seconds: float
    behind: str = ""
    """The faults after other rows on the same hub, if the row was repeated on a new hub."""


class Matrix:
    """Runs cases, one after the other. Entering starts the shared parts."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._numbers = itertools.count(1)
        self._ground: object = None
        self._stage: Stage | None = None

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._target = await stack.enter_async_context(Target())
            transport, self._name_server = await NameServer.start()
            stack.callback(transport.close)
            self._attackers = await stack.enter_async_context(Attackers(self._scale))
            self._templates = await stack.enter_async_context(
                Templates(
                    target_url=f"{self._target.url}/hook", name_server=self._name_server, scale=self._scale
                )
            )
            self._hub = await stack.enter_async_context(contextlib.AsyncExitStack())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    async def run_one(self, row: Row, engine: str) -> Outcome:
        """Run one case, on the previous case's hub if the previous cases left no effect.

        A row that fails after others is repeated on a new hub, so that the effects of the others do not count.
        """
        began = time.monotonic()
        stage = await self._stage_for(row, engine)
        earlier = ", ".join(stage.rows)
        verdict = await stage.try_row(row, self._attackers)
        behind = ""
        if verdict.faults and earlier:
            behind = f"behind {earlier}: {'; '.join(verdict.faults)}"
            stage = await self._stage_for(row, engine)
            verdict = await stage.try_row(row, self._attackers)
        return Outcome(Case(row.name, engine), self._scale.name, verdict, time.monotonic() - began, behind)

    async def _stage_for(self, row: Row, engine: str) -> Stage:
        ground = (engine, row.ground)
        stage = self._stage
        if stage is None or ground != self._ground or row.is_alone or not stage.is_free:
            await self._hub.aclose()
            self._stage = stage = await self._open(row, engine)
            self._ground = ground
        return stage

    async def _open(self, row: Row, engine: str) -> Stage:
        url, furniture = await self._hub.enter_async_context(self._templates.lend(engine, row))
        environment = environment_of(url, self._name_server, **row.settings)
        deployment = await self._hub.enter_async_context(
            Deployment(
                environment,
                self._templates.folder,
                number=next(self._numbers),
                has_worker=row.has_worker and engine == "postgresql",
            )
        )
        stage = Stage(deployment, furniture, url, target=self._target, scale=self._scale)
        return await self._hub.enter_async_context(stage)
