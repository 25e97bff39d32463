"""Hubs shared by the tests of a module, each test with its own company."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tests.databases import MigratedDatabases

from trunkline.contract import AcceptedEvent
from trunkline.schemas.catalog import Json
from trunkline_kit import hubs
from trunkline_kit.databases import Engine

FIRST_COMPANY_ID = 100_000
"""The first number of a company that is made for a test; tests choose only lower numbers themselves."""


@dataclass(frozen=True, slots=True)
class Running(hubs.TestHub):
    """A running hub. The client's company on it has the number *company_id*.

    No other test uses this company, or the company *neighbour_id*.
    """

    company_id: int = hubs.COMPANY_ID
    neighbour_id: int = hubs.COMPANY_ID + 1

    async def emit(
        self, type: str, payload: Mapping[str, Json] | None = None, company_id: int | None = None
    ) -> AcceptedEvent:
        """Put an event of the company on the stream, and return once it is stored."""
        return await hubs.TestHub.emit(self, type, payload, company_id or self.company_id)

    async def subscribe(self, target_url: str, **changes: Any) -> dict[str, Any]:
        """Make a subscription of the company by the API, to every event unless *changes* say otherwise."""
        request = {"target_url": target_url, "event_types": ["*"], **changes}
        return await self.create("/api/v1/webhooks/subscriptions", request)

    async def send_test_event(self, type: str = "lead.created") -> dict[str, Any]:
        return await self.create("/api/v1/events/test", {"type": type})

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def start_hub(url: str, changed: Mapping[str, str] | None = None, *, dispatch: bool = True) -> Running:
    started = await hubs.start_hub(url, changed, dispatch=dispatch, keeps_log=False)
    return Running(**{attribute.name: getattr(started, attribute.name) for attribute in fields(started)})


@dataclass(frozen=True, slots=True)
class SharedHubs:
    """Hubs for the duration of a module's tests: one for each engine and choice of settings."""

    databases: MigratedDatabases
    new_folder: Callable[[], Path]
    stack: contextlib.AsyncExitStack
    started: dict[object, Running] = field(default_factory=dict)
    company_ids: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_COMPANY_ID))

    @contextlib.asynccontextmanager
    async def lend(
        self, engine: Engine, changed: Mapping[str, str] | None = None, *, dispatch: bool = True
    ) -> AsyncIterator[Running]:
        """Give a hub for one test, with a new company; all tests share the operator."""
        key = (engine, dispatch, *sorted((changed or {}).items()))
        if key not in self.started:
            self.started[key] = await self._start(engine, changed, dispatch=dispatch)
        async with contextlib.AsyncExitStack() as stack:
            company_id, neighbour_id = next(self.company_ids), next(self.company_ids)
            hub = replace(self.started[key], stack=stack, company_id=company_id, neighbour_id=neighbour_id)
            yield replace(hub, client=await hub.client_of(company_id))

    async def _start(self, engine: Engine, changed: Mapping[str, str] | None, *, dispatch: bool) -> Running:
        url = await self.databases.fresh(engine, folder=self.new_folder(), stack=self.stack)
        hub = await start_hub(url, changed, dispatch=dispatch)
        self.stack.push_async_callback(hub.stop)
        return hub
