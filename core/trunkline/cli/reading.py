"""Services for commands that read events, subscriptions and deliveries; they load the schemas but no plugins.

A whole hub is used instead if another distribution's plugin is installed, which may add event types, casters and channels.
"""

import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Union

from msgspec import Struct

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.cli import desk, opening
from trunkline.dispatch.signals import Signals
from trunkline.errors import NotFound
from trunkline.hub import readers
from trunkline.hub.catalogs import load_catalog
from trunkline.hub.readers import Readers
from trunkline.ingest.event_types import RegisteredTypes
from trunkline.ingest.quarantine import Quarantine
from trunkline.insight.delivery_log import DeliveryLog
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.settings import Settings
from trunkline.store import subscriptions
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory
from trunkline.store.wakeup import Signal, Wakeup
from trunkline.stream.long_polls import LongPolls
from trunkline.stream.pages import Streaming
from trunkline.subscribing.dry_runs import DryRuns
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.replays import Replays
from trunkline.subscribing.requests import Checker
from trunkline.targets.addresses import AddressPolicy

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

Readings = Union["Services", "Hub"]


class Services(Struct, frozen=True, kw_only=True):
    """The services that commands use, under the same names as in ``Hub``."""

    database: Database
    directory: CompanyDirectory
    catalog: SchemaCatalog
    registered_types: RegisteredTypes
    quarantine: Quarantine
    subscriptions: SubscriptionFinder
    deliveries: DeliveryLog
    replays: Replays
    streaming: Streaming
    readers: Readers


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Readings]:
    """Open the services for one command. Raises as ``desk.opened`` and ``opening.opened`` do."""
    if not desk.has_only_own_plugins(settings):
        async with opening.opened(settings) as hub:
            yield hub
        return
    async with desk.opened(settings) as own:
        database, catalog = own.database, load_catalog(settings)
        registered_types = RegisteredTypes(database, catalog)
        await registered_types.refresh()
        versions = SchemaVersions(catalog)
        wakeup = Wakeup(database)
        signals = Signals(wakeup, due=Signal(), replay=Signal(), turn=Signal())
        checker = Checker(catalog, versions, AddressPolicy())
        finder = SubscriptionFinder(database, records=SubscriptionRecords(own.vault), checker=checker)
        replays = Replays(
            database,
            finder=finder,
            checker=checker,
            dry_runs=DryRuns(database, schema_versions=versions),
            limits=own.limits,
            replay_signal=signals.replay,
        )
        streaming = Streaming(
            database,
            catalog=catalog,
            schema_versions=versions,
            wakeup=wakeup,
            long_polls=LongPolls(settings.limits),
            directory=own.directory,
        )
        async with wakeup, streaming:
            yield Services(
                database=database,
                directory=own.directory,
                catalog=catalog,
                registered_types=registered_types,
                quarantine=Quarantine(database, catalog=catalog, max_bytes=settings.events.max_body_bytes),
                subscriptions=finder,
                deliveries=DeliveryLog(database, finder=finder, schema_versions=versions, signals=signals),
                replays=replays,
                streaming=streaming,
                readers=readers.make(
                    database, database, streaming=streaming, checker=checker, finder=finder, limits=own.limits
                ),
            )


async def owner_of(hub: Readings, subscription_id: str) -> tuple[int, str]:
    """Find the company and the channel of a subscription. Raises NotFound."""
    async with hub.database.read() as connection:
        row = await subscriptions.get(connection, subscription_id)
    if row is None:
        raise NotFound("subscription", subscription_id)
    return row.company_id, row.channel
