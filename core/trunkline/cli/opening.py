"""The hubs that commands work with, other than the one that serves.

What makes a hub is imported by the functions, so that ``--help`` need not load it.
"""

# ruff: noqa: PLC0415
import contextlib
import secrets
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from trunkline.settings import Auth, Settings
from trunkline.store.database import Database

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub


def inspected(settings: Settings) -> "Hub":
    """Build a hub to look at, or to migrate for. It is never entered, so it needs no secrets and leaves none behind.

    Raises:
        SettingsInvalid, SchemaInvalid, PluginFailed
    """
    from trunkline.hub.hub import Hub

    throwaway = SecretStr(secrets.token_urlsafe(48))
    auth = Auth(key_prefix=settings.auth.key_prefix, pepper=throwaway, encryption_key=throwaway)
    return Hub(settings.model_copy(update={"auth": auth}), dispatch=False)


def described(hub: "Hub", name: str) -> list[dict[str, Any]]:
    """Describe the plugin *name* of *hub* (``plugins.descriptions``)."""
    from trunkline.plugins.descriptions import describe_plugins

    return describe_plugins(hub.registry, name)


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator["Hub"]:
    """Start a hub that does not deliver, for as long as a command takes. A database without any table is set up.

    Raises:
        SettingsInvalid: … or the database is behind this version; it is not migrated by the way.
        SchemaInvalid, PluginFailed, StoreUnavailable
    """
    from trunkline.hub.hub import Hub
    from trunkline.store import migrate

    async with Database(settings.database.url) as database:
        is_new = all(state.current is None for state in await migrate.states(database))
    async with Hub(settings, dispatch=False, migrates=is_new) as hub:
        yield hub
