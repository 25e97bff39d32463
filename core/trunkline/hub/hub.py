"""The hub: all services of one process, built in one place and started in order.

This module only builds and connects the services. ``api`` serves them over HTTP, and ``cli`` runs them.
"""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel

from trunkline import plugins
from trunkline.access.client_addresses import ClientAddresses
from trunkline.access.companies import Companies
from trunkline.access.company_limits import CompanyLimits
from trunkline.access.company_paces import EventPace, LookupPace
from trunkline.access.key_service import KeyService
from trunkline.access.keys import Keys
from trunkline.access.limits import Limits
from trunkline.access.secret_checks import SecretChecks
from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.access.vault import Sealer, Vault
from trunkline.contract import Channel, Clock, CompanyRows, PluginContext
from trunkline.dispatch.signals import Signals
from trunkline.errors import DatabaseUnfit
from trunkline.hub import catalogs, connectors, own_issuer, preparing, readers, readiness
from trunkline.hub.deployment import Deployment
from trunkline.hub.products import key_prefix_of
from trunkline.ingest.accept import Ingest
from trunkline.ingest.event_types import RegisteredTypes
from trunkline.ingest.quarantine import Quarantine
from trunkline.insight.delivery_log import DeliveryLog
from trunkline.insight.gauges import Observer
from trunkline.insight.journal import Journal
from trunkline.insight.overview import Activity
from trunkline.operations import Operations
from trunkline.outbound import Outbound
from trunkline.outbound.origins import Origins
from trunkline.outbound.streams import Network
from trunkline.runtime import open_files
from trunkline.runtime.clock import SystemClock
from trunkline.runtime.metrics import Metrics
from trunkline.runtime.plugin_metrics import PluginMetrics
from trunkline.runtime.tracing import telemetry_of
from trunkline.schemas.modes import Modes
from trunkline.schemas.versions import SchemaVersions
from trunkline.settings import Settings
from trunkline.store import migrate
from trunkline.store.clock import ClockGuard
from trunkline.store.connections import Connections
from trunkline.store.directory import CompanyDirectory
from trunkline.store.engines import EngineDatabase
from trunkline.store.stream import Log
from trunkline.store.wakeup import Signal, Wakeup
from trunkline.store.worker_locks import WorkerLock
from trunkline.stream.erasing import Erasing
from trunkline.stream.long_polls import LongPolls
from trunkline.stream.pages import Streaming
from trunkline.stream.retention import Retention
from trunkline.subscribing.catching_up import CatchUp
from trunkline.subscribing.dry_runs import DryRuns
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.names import TargetNames
from trunkline.subscribing.replays import Replays
from trunkline.subscribing.requests import Checker
from trunkline.subscribing.service import SubscriptionService
from trunkline.subscribing.trial import Trials
from trunkline.targets.addresses import AddressPolicy

if TYPE_CHECKING:
    from trunkline.dispatch.dispatcher import Dispatcher

DOOR_SECONDS = 10.0
"""The longest time of a database statement for API requests. After it the caller gets an error, and the next call reconnects."""


class Hub:
    """The services of one process. Enter it to start them, leave it to stop them.

    *dispatch*: this process delivers. *migrates*: this process may change the database's schema. *serves*: an app can
    be made for the hub. With *defers_routes*, plugins are asked for their routes only when the app is made. Plugins
    read the time from *clock*; None means the system's clock. *connections* limits the connections that the hub may
    open to PostgreSQL; None means the limits in the settings.

    Raises SettingsInvalid, SchemaInvalid, PluginFailed: on construction, with one sentence that says what to fix.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        dispatch: bool = True,
        migrates: bool = True,
        serves: bool = True,
        defers_routes: bool = False,
        clock: Clock | None = None,
        connections: Connections | None = None,
    ) -> None:
        self.settings = settings
        self._connections = connections or Connections.of(settings.database.pool_size)
        self._clock = clock or SystemClock()
        self._dispatches, self._migrates, self._writes = dispatch, migrates, dispatch or serves
        self._shards = settings.delivery.shards
        self._stack = contextlib.AsyncExitStack()
        self.dispatcher: Dispatcher | None = None
        self.is_stopping = False
        self.metrics = Metrics(companies=settings.metrics.companies)
        self.telemetry = telemetry_of(self.metrics, is_enabled=settings.otel.enabled and self._writes)
        self.files = open_files.shares(settings)
        self.registry = plugins.load(settings)
        self.metrics.watch_each("trunkline_plugin_exits", self.registry.exits.items)
        self._build_schemas()
        self.engines = EngineDatabase.of(
            settings.database, pool_size=self._connections.plugins, creates=migrates
        )
        self.database = self.engines.direct(self._connections.pool, is_separate=True)
        self.clock_guard = guard = ClockGuard(self.database)
        self.metrics.watch("trunkline_clock_trusted", lambda: guard.fault is None)
        self.metrics.watch("trunkline_clock_ahead_seconds", lambda: guard.ahead_seconds)
        self.directory = CompanyDirectory(self.database)
        self._door_database = self.engines.direct(self._connections.door, answer_seconds=DOOR_SECONDS)
        self._reading_database = self.engines.direct(self._connections.reading, is_separate=True)
        self.wakeup = Wakeup(self.database, WorkerLock() if dispatch else None)
        self.signals = Signals(self.wakeup, due=Signal(), replay=Signal(), turn=Signal())
        self.notifier = plugins.Notifier(self.registry)
        self._build_access()
        self._build_outbound()
        self._build_stream()
        self._build_subscribing()
        self._build_insight()
        self._build_operations()
        plugins.collect_with(
            self.registry,
            contexts=self._context,
            definitions=self.definitions.all(),
            with_routes=serves and not defers_routes,
        )

    def _build_schemas(self) -> None:
        settings = self.settings
        self.brand = connectors.brand_of(settings)
        self.catalog = catalogs.load_catalog(settings, self.registry)
        self.schema_versions = SchemaVersions(
            self.catalog,
            [caster for _, caster in self.registry.collected.casters],
            tell=lambda uncast: self.metrics.count("trunkline_events_not_cast", uncast.event_type),
        )
        self.modes = Modes(settings.validation.default, settings.validation.types, catalog=self.catalog)
        self.definitions = catalogs.load_definition_catalog(settings, event_types=self.catalog)

    def _build_access(self) -> None:
        settings = self.settings
        self.company_limits = CompanyLimits(
            self.database, settings.companies, max_subscriptions=settings.delivery.max_subscriptions
        )
        self.companies = Companies(
            self.database,
            limits=self.company_limits,
            directory=self.directory,
            plugins=self._rows_of_companies,
        )
        tokens = self.tokens = plugins.TokenPrincipals(self.registry)
        self.limits = Limits(settings.limits)
        self.origins = Origins()
        self.issuers = own_issuer.Issuers(
            open_origin=self.origins.open, companies=self.companies, limits=self.limits
        )
        self.issuer = own_issuer.OwnIssuer(settings, self.issuers) if settings.auth.oauth else None
        self.metrics.watch_each("trunkline_issuer_keys_age_seconds", self.issuers.key_ages)
        # Makes the file of secrets, so every check of settings alone comes before.
        self.vault = Vault.open(settings.auth, settings.database.url)
        self.secret_checks = SecretChecks(self.database, self.vault)
        self.subscription_records = SubscriptionRecords(self.vault, require_keys=self.secret_checks.require)
        self.keys = Keys(
            self._door_database,
            vault=self.vault,
            prefix=key_prefix_of(settings),
            limits=self.company_limits,
            pins=self.schema_versions.pins,
            directory=self.directory,
        )
        self.key_service = KeyService(self.keys, find_other=tokens.find, describe_end=tokens.describe_end)
        self.client_addresses = ClientAddresses(settings.server.trusted_proxies)
        self.event_pace = EventPace(self.company_limits, is_enabled=settings.limits.enabled)

    def _build_outbound(self) -> None:
        delivery = self.settings.delivery
        self.addresses = AddressPolicy(
            allow_http=delivery.allow_http, allow_private_networks=delivery.allow_private_networks
        )
        lookups = LookupPace(self.company_limits, is_enabled=self.settings.limits.enabled)
        self.http = Outbound(
            self.addresses,
            timeout_seconds=delivery.timeout_seconds,
            name_servers=delivery.name_servers or None,
            may_look_up=lookups.may_look_up,
            most_kept=self.files.kept,
        )

    def _build_stream(self) -> None:
        events = self.settings.events
        self.ingest = Ingest(
            self._door_database,
            catalog=self.catalog,
            log=Log(shards=lambda: self._shards, directory=self.directory),
            wakeup=self.wakeup,
            notifier=self.notifier,
            metrics=self.metrics,
            clock=self.clock_guard,
            keys_ms=events.idempotency_hours * 3_600_000,
            tracer=self.telemetry,
        )
        self.registered_types = RegisteredTypes(self._door_database, self.catalog)
        self.quarantine = Quarantine(
            self.database, catalog=self.catalog, ingest=self.ingest, max_bytes=events.max_body_bytes
        )
        self.streaming = Streaming(
            self._reading_database,
            catalog=self.catalog,
            schema_versions=self.schema_versions,
            wakeup=self.wakeup,
            long_polls=LongPolls(self.settings.limits),
            directory=self.directory,
        )
        self.retention = Retention(
            self.database,
            clock=self.clock_guard,
            days=events.retention_days,
            audit_days=events.audit_days,
            keys_ms=events.idempotency_hours * 3_600_000,
            metrics=self.metrics,
        )
        self.erasing = Erasing(self.database, plugins=self._rows_of_companies, wanted=self.signals.erasure)

    def _build_subscribing(self) -> None:
        names = TargetNames(self.http, self.addresses)
        checker = Checker(self.catalog, self.schema_versions, self.addresses, self.channels, names=names)
        records = self.subscription_records
        self._finder = finder = SubscriptionFinder(self.database, records=records, checker=checker)
        self.subscriptions = SubscriptionService(
            self.database,
            records=records,
            checker=checker,
            finder=finder,
            catch_up=CatchUp(shards=lambda: self._shards, replay_signal=self.signals.replay),
            trials=Trials(
                finder=finder,
                checker=checker,
                http_for=self.http.for_tenant,
                timeout_seconds=self.settings.delivery.timeout_seconds,
                reference_of=self.directory.reference_of,
            ),
            notifier=self.notifier,
            limits=self.company_limits,
            clock=self.clock_guard,
        )
        self.replays = Replays(
            self.database,
            finder=finder,
            checker=checker,
            dry_runs=DryRuns(self.database, schema_versions=self.schema_versions),
            limits=self.company_limits,
            replay_signal=self.signals.replay,
        )
        self.readers = readers.make(
            self._door_database,
            self._reading_database,
            streaming=self.streaming,
            checker=checker,
            finder=finder,
            limits=self.company_limits,
        )

    def _build_insight(self) -> None:
        self.observer = Observer(
            self.database,
            metrics=self.metrics,
            notifier=self.notifier,
            writability=self.ingest.writability,
            owned_shards=lambda: self.dispatcher.owned_shards if self.dispatcher else {},
        )
        self.deliveries = DeliveryLog(
            self.database, finder=self._finder, schema_versions=self.schema_versions, signals=self.signals
        )
        self.activity = Activity(self.database)
        self.journal = Journal(self.database)

    def _build_operations(self) -> None:
        self._operation_database = self.engines.apart(self._connections.operations)
        self.operations = Operations(
            self._operation_database, registry=self.registry, catalog=self.definitions, ingest=self.ingest
        )
        self.deployment = Deployment(self)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            if self.telemetry is not None:
                await stack.enter_async_context(self.telemetry)
            databases = (self._operation_database, self._door_database, self._reading_database)
            for database in (self.database, self.engines, *databases):
                await stack.enter_async_context(database)
            await self.database.check_pooler()
            if self._writes and (why := await self.database.why_read_only()) is not None:
                raise DatabaseUnfit(why.sentence)
            await self.secret_checks.verify()
            self._shards = await preparing.prepare(
                self.database,
                self.engines,
                self.registry,
                self.settings.delivery,
                histories=self.histories,
                migrates=self._migrates,
                dispatches=self._dispatches,
            )
            await self.secret_checks.write_missing()
            if self._writes:
                await stack.enter_async_context(self.clock_guard)
            for part in (self.wakeup, self.http, self.origins, self.keys, self.limits, self.registered_types):
                await stack.enter_async_context(part)
            # A plugin may emit events while it stops, so events are accepted until the last plugin has stopped.
            running = (plugins.Watchdog(self.registry), plugins.lifespans(self.registry))
            for service in (self.ingest, self.subscriptions, *running, self.notifier, self.streaming):
                await stack.enter_async_context(service)
            if self._dispatches:
                from trunkline.hub.delivering import make_dispatcher  # noqa: PLC0415 - most commands do not deliver

                self.dispatcher = await stack.enter_async_context(make_dispatcher(self, self._connections))
                await stack.enter_async_context(self.retention)
                await stack.enter_async_context(self.erasing)
            await stack.enter_async_context(self.observer)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    def channels(self) -> dict[str, Channel]:
        """The channels of the running plugins."""
        return {name: channel for name, (_, channel) in self.registry.collected.channels.items()}

    async def readiness(self) -> dict[str, str]:
        """Check each part of this process (``hub.readiness``)."""
        return await readiness.check(self)

    def histories(self) -> list[migrate.History]:
        """The migration histories of the running plugins."""
        return [
            migrate.History(name, migrate.folder_of(history.location))
            for name, history in self.registry.collected.migrations
        ]

    def _rows_of_companies(self) -> Sequence[CompanyRows]:
        """List the rows of companies in the tables of the running plugins."""
        return [rows for _, history in self.registry.collected.migrations for rows in history.of_companies]

    def _context(self, name: str, settings: BaseModel | None) -> PluginContext:
        return PluginContext(
            name=name,
            settings=settings,
            http=self.http,
            network=Network(self.http),
            http_for=self.http.for_tenant,
            events=self.streaming,
            subscriptions=self.subscriptions,
            deliveries=self.deliveries,
            replays=self.replays,
            consumers=self.readers.consumers,
            digests=self.readers.digests,
            operations=self.operations,
            database=self.engines,
            open_origin=self.origins.open,
            keys=self.key_service,
            companies=self.companies,
            limits=self.limits,
            client_addresses=self.client_addresses,
            activity=self.activity,
            journal=Journal(self.database, plugin=name),
            quarantine=self.quarantine,
            deployment=self.deployment,
            sealer=Sealer(self.vault, owner=name),
            metrics=PluginMetrics(self.metrics.registry, plugin=name),
            pages=lambda: self.registry.collected.pages,
            emit=self.ingest.emit,
            clock=self._clock,
            log=plugins.logger_of(name),
        )
