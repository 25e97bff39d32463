"""Services for ``events emit``: the catalogue and the log, or a whole hub if a plugin may be notified of events."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from msgspec import Struct

from trunkline.cli import desk, opening
from trunkline.hub.catalogs import load_catalog
from trunkline.ingest.event_types import RegisteredTypes
from trunkline.ingest.submissions import Submission
from trunkline.model.events import Event
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.settings import Settings
from trunkline.store import shards
from trunkline.store.directory import CompanyDirectory
from trunkline.store.stream import Log


class Emission(Struct, frozen=True):
    """The event types, and *accept*, which stores the one event of a submission."""

    directory: CompanyDirectory
    catalog: SchemaCatalog
    accept: Callable[[Submission], Awaitable[Event]]


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Emission]:
    """Open the log of a hub for one command. Raises as ``desk.database`` and ``opening.opened`` do."""
    if not desk.has_only_own_plugins(settings):  # another plugin may be notified of accepted events
        async with opening.opened(settings) as hub:

            async def accept(submission: Submission) -> Event:
                return (await hub.ingest.accept(submission)).events[0]

            yield Emission(hub.directory, hub.catalog, accept)
        return
    async with desk.database(settings) as (database, _):
        catalog = load_catalog(settings)
        await RegisteredTypes(database, catalog).refresh()
        directory = CompanyDirectory(database)
        async with database.read() as connection:
            count = await shards.count(connection)
        log = Log(shards=lambda: count, directory=directory)

        async def append(submission: Submission) -> Event:
            async with database.write() as connection:
                (event,) = (await log.append(connection, submission.drafts)).events
            # The processes that serve and deliver would otherwise read the log up to a second later.
            if (notifications := database.notifications()) is not None:
                async with notifications.connected() as connection:
                    await notifications.send(connection)
            return event

        yield Emission(directory, catalog, append)
