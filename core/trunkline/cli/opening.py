"""Builds and opens hubs for commands other than ``serve``."""

import contextlib
import secrets
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trunkline.cli import desk
from trunkline.cli.connecting import connected, explained, ready
from trunkline.cli.loop import run_with
from trunkline.cli.output import warn
from trunkline.errors import TrunklineError
from trunkline.insight import status
from trunkline.runtime import callers
from trunkline.settings import Settings
from trunkline.store.database import Database, embedded_file

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub


def inspected(settings: Settings, *, with_routes: bool = False) -> "Hub":
    """Build a hub to inspect or to migrate. The hub is never entered, so it needs no secrets and makes none.

    *with_routes* also makes the routes of plugins, which loads the web framework. Raises SettingsInvalid, SchemaInvalid,
    PluginFailed.
    """
    throwaway = dict.fromkeys(("pepper", "encryption_key"), SecretStr(secrets.token_urlsafe(48)))
    auth = settings.auth.model_copy(update={**throwaway, "other_peppers": (), "other_encryption_keys": ()})
    return _hub_class()(settings.model_copy(update={"auth": auth}), dispatch=False, serves=with_routes)


def described(settings: Settings, *, with_routes: bool = False) -> "Hub":
    """Build a hub as ``inspected`` does, with the event types registered over the API, if they can be read."""
    hub = inspected(settings, with_routes=with_routes)
    from trunkline.ingest.event_types import RegisteredTypes  # noqa: PLC0415 - a hub has already imported it

    async def add_registered(database: Database) -> None:
        file = embedded_file(database)
        if file is None or file.exists():
            await status.require(database, settings)
            await RegisteredTypes(database, hub.catalog).refresh()

    try:
        run_with(connected(settings), add_registered)
    except TrunklineError as error:
        warn(f"What was registered over the API is left out, as the database cannot be read now: {error}")
    return hub


async def require_database(settings: Settings) -> None:
    """Make sure, as ``ready`` does, that the database exists and is up to date, without making a file or secrets."""
    async with ready(settings):
        pass


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator["Hub"]:
    """Start a hub that neither delivers nor serves, for one command.

    Raises:
        SettingsInvalid: a setting is not valid, there is no database yet, or its schema is older than this version. The
            database is not migrated.
        DatabaseUnfit: the database's role lacks a privilege for the command.
        SchemaInvalid, PluginFailed, StoreUnavailable
    """
    callers.act_for(desk.HERE)
    async with explained(settings):
        await require_database(settings)
        async with _hub_class()(settings, dispatch=False, migrates=False, serves=False) as hub:
            yield hub


def _hub_class() -> type["Hub"]:
    """Import the class ``Hub``; the import takes a fifth of a second of CPU, so only commands that need a hub call this."""
    from trunkline.hub.hub import Hub  # noqa: PLC0415

    return Hub
