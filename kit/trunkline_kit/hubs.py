"""Hubs for tests: real hubs with their own databases and only the plugins that a test names."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from trunkline import settings as settings_of_hub
from trunkline.api.app import create_app
from trunkline.contract import AcceptedEvent, Clock, EmittedEvent, PluginContext
from trunkline.hub.hub import Hub
from trunkline.model.principals import COMPANY_SCOPES, OPERATOR
from trunkline.schemas.catalog import Json
from trunkline_kit.databases import Databases, Engine
from trunkline_kit.events import EventFactory
from trunkline_kit.logbook import Logbook, keeping_log
from trunkline_kit.sources import PluginSource, Site

COMPANY_ID = 92
"""The company of a test hub's client."""

HUB_SETTINGS: Mapping[str, str] = {
    "auth.pepper": "p" * 32,
    "auth.encryption_key": "e" * 32,
    "delivery.allow_http": "true",
    "delivery.allow_private_networks": "true",
    "delivery.retry_schedule_seconds": "0.05, 0.1",
    "limits.enabled": "false",
}
"""Settings of a hub under test: it may push to this machine, retries at once, and has no rate limits."""


@dataclass(frozen=True, slots=True)
class TestHub:
    """A running hub and clients of its HTTP app.

    *client* has a key of company 92 with every scope, *operator* has an operator's key, *anonymous* has no key. *events* makes valid
    payloads, *log* keeps the log records.
    """

    __test__ = False  # not a test, despite its name

    hub: Hub
    app: FastAPI
    client: httpx2.AsyncClient
    operator: httpx2.AsyncClient
    anonymous: httpx2.AsyncClient
    stack: contextlib.AsyncExitStack
    events: EventFactory
    log: Logbook
    url: str

    async def client_of(
        self, company_id: int | None, scopes: Sequence[str] = COMPANY_SCOPES
    ) -> httpx2.AsyncClient:
        """Make a client with a new key of *company_id*. If that is None, the key is an operator's, unless *scopes* are given."""
        chosen = (OPERATOR,) if company_id is None and scopes == COMPANY_SCOPES else scopes
        key = await make_key(self.hub, company_id, name="test", scopes=chosen)
        return await self.stack.enter_async_context(_client(self.app, {"X-Api-Key": key}))

    async def emit(
        self, type: str, payload: Mapping[str, Json] | None = None, company_id: int = COMPANY_ID
    ) -> AcceptedEvent:
        """Put an event on the stream and return once it is stored. Without *payload* the event has the schema's example."""
        chosen = self.events(type) if payload is None else payload
        return await self.hub.ingest.emit(EmittedEvent(company_id, type, chosen))

    def context(self, plugin: str) -> PluginContext:
        """Return the context that the hub hands to the hooks of *plugin*."""
        context = self.hub.registry.context(plugin)
        assert context is not None, f"the hub has no plugin '{plugin}'"
        return context

    async def stop(self) -> None:
        """Stop the hub now instead of at the end of the test."""
        await self.stack.aclose()


async def make_key(hub: Hub, company_id: int | None, *, name: str, scopes: Sequence[str]) -> str:
    """Make a key of *company_id*, without the event ``key.created``, which could come between a test's events."""
    async with hub.engines.write() as connection:
        _, key = await hub.keys.create(company_id, name=name, scopes=scopes, connection=connection)
        its_news = text("DELETE FROM news WHERE type = 'key.created' AND company_id = :company_id")
        await connection.execute(its_news, {"company_id": company_id or 0})
    return key


def environment_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """Write dotted settings as environment variables: ``acme.room`` → ``TRUNKLINE_ACME__ROOM``."""
    prefix = settings_of_hub.ENVIRONMENT_PREFIX
    return {f"{prefix}{name.replace('.', '__').upper()}": value for name, value in chosen.items()}


def settings_for(url: str, chosen: Mapping[str, str]) -> settings_of_hub.Settings:
    """Read the settings of a hub under test on the database *url*; *chosen* overrides ``HUB_SETTINGS``."""
    environment = environment_of({**HUB_SETTINGS, "database.url": url, **chosen})
    return settings_of_hub.load(environment=environment)


async def start_hub(
    url: str,
    changed: Mapping[str, str] | None = None,
    *,
    dispatch: bool = True,
    clock: Clock | None = None,
    keeps_log: bool = True,
) -> TestHub:
    """Start a hub on the database at *url*; it runs until ``stop`` is called. *changed* overrides ``HUB_SETTINGS``.

    With *keeps_log*, the log is kept at debug level.

    Raises:
        SettingsInvalid, PluginFailed: for the same reasons as in ``Hub``.
    """
    async with contextlib.AsyncExitStack() as stack:
        log = stack.enter_context(keeping_log()) if keeps_log else Logbook()
        hub = Hub(settings_for(url, changed or {}), dispatch=dispatch, clock=clock)
        app = create_app(hub)
        await stack.enter_async_context(app.router.lifespan_context(app))
        anonymous = await stack.enter_async_context(_client(app, {}))
        events = EventFactory(hub.streaming.types)
        started = TestHub(hub, app, anonymous, anonymous, anonymous, stack.pop_all(), events, log, url)
    client, operator = await started.client_of(COMPANY_ID), await started.client_of(None)
    return replace(started, client=client, operator=operator)


def _client(app: FastAPI, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://hub.test", headers=dict(headers))


class MakeTestHub(Protocol):
    """``hub = await trunkline_hub(plugins=["acme"], settings={"acme.room": "general"}, database="postgresql")``."""

    async def __call__(
        self,
        *,
        plugins: Sequence[PluginSource] | None = None,
        settings: Mapping[str, str] | None = None,
        database: Engine = "sqlite",
        url: str | None = None,
        dispatch: bool = True,
        clock: Clock | None = None,
    ) -> TestHub:
        """Start a hub with only *plugins* (None means all installed plugins); the hub stops when the test ends.

        It uses a fresh database, or the one at *url*.

        Raises:
            SettingsInvalid, PluginFailed: the settings stop the hub's start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Hubs:
    """Starts hubs for one test, and stops them in the end."""

    databases: Databases
    folder: Path
    site: Site
    stack: contextlib.AsyncExitStack

    async def start(
        self,
        *,
        plugins: Sequence[PluginSource] | None = None,
        settings: Mapping[str, str] | None = None,
        database: Engine = "sqlite",
        url: str | None = None,
        dispatch: bool = True,
        clock: Clock | None = None,
    ) -> TestHub:
        """Start a hub; see ``MakeTestHub``."""
        chosen = dict(settings or {})
        if plugins is not None:
            chosen["plugins.enabled"] = ",".join(self.site.declare(plugin) for plugin in plugins)
        place = url or await self.databases.fresh(database, folder=self.folder, stack=self.stack)
        started = await start_hub(place, chosen, dispatch=dispatch, clock=clock)
        self.stack.push_async_callback(started.stop)
        return started
