"""A hub in which checks call a plugin's actions, searches and lookups over HTTP."""

import asyncio
import contextlib
import copy
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast
from urllib.parse import quote

import httpx2
import orjson
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.contract import Answer, Call
from trunkline.operations import running
from trunkline.runtime import faults
from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import CALL_PREFIX, Definition, Kind
from trunkline.store.stream import OPERATIONAL_TYPES
from trunkline_kit.checks import demand, fail, not_applicable
from trunkline_kit.databases import Engine
from trunkline_kit.fault_points import POINTS
from trunkline_kit.hubs import COMPANY_ID, MakeTestHub, TestHub
from trunkline_kit.suites.call_requests import Request, body_of, detail_of, texts_of
from trunkline_kit.suites.suite import Suite

SETTLING_SECONDS = 0.2
"""Time to wait after a call, because a task that the call left running may still write something."""


@contextlib.contextmanager
def broken_at(point: str) -> Generator[None]:
    """Make the hub raise at one of its fault points."""
    assert point in POINTS

    def pass_point(name: str) -> None:
        if name == point:
            msg = "broken on purpose"
            raise RuntimeError(msg)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faults, "point", pass_point)
        yield


class InterruptedConnection:
    """A connection whose statements all fail or hang, as if the database were unavailable."""

    _STATEMENTS = ("execute", "scalar", "scalars", "stream", "exec_driver_sql", "run_sync", "stream_scalars")

    def __init__(self, connection: AsyncConnection, *, how: Literal["fails", "hangs"]) -> None:
        self._connection = connection
        self._how = how

    def __getattr__(self, name: str) -> Any:
        return self._interrupt if name in self._STATEMENTS else getattr(self._connection, name)

    async def _interrupt(self, *_: object, **__: object) -> None:
        if self._how == "hangs":
            await asyncio.Event().wait()
        away = Exception("the database is away")
        raise OperationalError("a statement", {}, away, connection_invalidated=True)


@dataclass(frozen=True, slots=True)
class CallTrial:
    """One hub in which the plugin's operations of *kinds* are called over HTTP."""

    running: TestHub
    plugin: str
    make_request: Callable[[TestHub, Definition], Any]
    definitions: Sequence[Definition]

    async def request(self, definition: Definition) -> Request:
        """Make a fresh, valid call."""
        return cast("Request", await self.make_request(self.running, definition))

    async def beside(self, company_id: int) -> "CallTrial":
        """Return a trial in the same hub that makes its calls and records for *company_id*."""
        client = await self.running.client_of(company_id)
        return replace(self, running=replace(self.running, client=client))

    async def call(
        self,
        definition: Definition,
        request: Request,
        *,
        client: httpx2.AsyncClient | None = None,
        key: str | None = None,
    ) -> httpx2.Response:
        """Make a call over HTTP with *client* (None means company 92's client) and the idempotency key *key*."""
        places = {name: quote(str(value), safe="") for name, value in request.parameters.items()}
        path = f"/api/v1{CALL_PREFIX}{definition.path}".format(**places)
        headers = {"Idempotency-Key": key} if key else {}
        sender = client or self.running.client
        if definition.method == "GET":
            return await sender.get(path, params=texts_of(request.input), headers=headers)
        if not definition.takes_body:
            return await sender.request(definition.method, path, headers=headers)
        headers["content-type"] = "application/json"
        return await sender.request(definition.method, path, content=body_of(request.input), headers=headers)

    async def succeed(
        self, definition: Definition, request: Request | None = None, **more: Any
    ) -> httpx2.Response:
        """Make a call that should succeed."""
        valid = request or await self.request(definition)
        answer = await self.call(definition, valid, **more)
        self.demand_success(definition, answer)
        return answer

    def demand_success(self, definition: Definition, answer: httpx2.Response) -> None:
        """Assert that *answer* is a success, because the call was valid."""
        demand(
            answer.status_code in {definition.success_status, 200},
            f"'{definition.name}' answered a valid call with {answer.status_code} ({detail_of(answer)}); it should carry it out and "
            f"answer {definition.success_status} with what its output schema says",
        )

    def demand_no_failure(self, definition: Definition, answer: httpx2.Response, what: str) -> None:
        """Assert that *answer* is a success or a refusal; *what* describes the call in the failure's message."""
        demand(
            answer.status_code < 500,
            f"'{definition.name}' failed with {answer.status_code} ({detail_of(answer)}) on {what}; it should carry it out or refuse it",
        )

    def select(self, is_meant: Callable[[Definition], bool], *, otherwise: str) -> Sequence[Definition]:
        """List the operations for which *is_meant* is true.

        If there is none, the check does not apply, for the reason *otherwise*.
        """
        definitions = [definition for definition in self.definitions if is_meant(definition)]
        if not definitions:
            not_applicable(otherwise)
        return definitions

    def in_database(self) -> Sequence[Definition]:
        """List the operations that use the hub's database; if there is none, the check does not apply."""
        providers = self.running.hub.registry.collected.providers
        return self.select(
            lambda definition: providers[definition.kind, definition.name][1].uses_database,
            otherwise=f"the plugin '{self.plugin}' has its operations carried out elsewhere",
        )

    async def run(self, definition: Definition, *, how: Literal["fails", "hangs"], seconds: float) -> Answer:
        """Run a valid call with a deadline of *seconds* while the provider's database fails or hangs, as *how* says."""
        plugin, provider = self.running.hub.registry.collected.providers[definition.kind, definition.name]
        request = await self.request(definition)
        async with self.running.hub.engines.read() as connection:
            broken = cast("AsyncConnection", InterruptedConnection(connection, how=how))
            whole = {**request.parameters, **request.input}
            call = Call(definition, COMPANY_ID, "key_conformance", whole, "op_conformance", seconds, broken)
            return await running.run(provider, call, plugin=plugin)

    async def events(self) -> list[dict[str, Json]]:
        """Read company 92's events, oldest first."""
        page = await self.running.hub.streaming.page(COMPANY_ID, limit=200)
        return [orjson.loads(body) for body in page.bodies]

    async def contents(self) -> dict[str, str]:
        """Return the rows of the plugin's own tables and the events of the log as text that can be compared.

        Operational events, such as the report of a new key, are left out: the hub writes them at an unpredictable time.
        """
        async with self.running.hub.engines.read() as connection:
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
            own = [name for name in sorted(names) if name.startswith(f"{self.plugin}_")]
            contents: dict[str, str] = {}
            chosen = dict.fromkeys(own, "") | {"events": f"WHERE type NOT IN {OPERATIONAL_TYPES}"}
            for name, where in chosen.items():
                rows = (await connection.execute(text(f'SELECT * FROM "{name}" {where}'))).all()  # noqa: S608 - a table's own name
                contents[name] = repr(sorted(map(repr, rows)))
        return contents

    async def changes_since(self, before: Mapping[str, str]) -> list[str]:
        """Wait for leftover tasks, then list the tables whose contents differ from *before*."""
        await asyncio.sleep(SETTLING_SECONDS)
        return [name for name, content in (await self.contents()).items() if content != before[name]]


class CallSubject(Suite):
    """The base of the suites of actions and searches; authors override its attributes and methods.

    *common* lists the lookups that return the same items to every company. ``request_for`` gives a fresh, valid call of
    an operation: by default the operation's last example, usually the smallest. Override it if a call needs existing
    records.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ()
    common: ClassVar[Collection[str]] = ()

    async def request_for(self, hub: TestHub, definition: Definition) -> Request:
        """Make a fresh, valid call of *definition* for company 92, and the records that the call names."""
        del hub
        example = definition.examples[-1]
        return Request(copy.deepcopy(dict(example.parameters)), copy.deepcopy(dict(example.input)))

    async def open_calls(self, make_hub: MakeTestHub, *, database: Engine = "sqlite") -> CallTrial:
        """Start a hub with the plugin and the routes of its operations."""
        hub = await self.start(make_hub, beside=["actions", "searches"], database=database)
        providers = hub.hub.registry.collected.providers
        definitions = [
            definition
            for kind in self.kinds
            for definition in hub.hub.operations.provided(kind)
            if (kind, definition.name) in providers and providers[kind, definition.name][0] == self.name
        ]
        if not definitions:
            fail(f"the plugin '{self.name}' carries out no {' or '.join(self.kinds)}")
        return CallTrial(hub, self.name, self.request_for, definitions)
