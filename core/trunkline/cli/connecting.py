"""Opens the database for a command, and explains the errors of an account or a role that may not do what the command does."""

import contextlib
import os
from collections.abc import AsyncGenerator

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.insight import status
from trunkline.settings import Settings
from trunkline.store import dialects, failures
from trunkline.store.database import Database
from trunkline.store.dialects.sqlite import why_read_only
from trunkline.store.engines import direct_of


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Database]:
    """Open the database of *settings*. Raises as ``explained`` does."""
    async with explained(settings), direct_of(settings.database) as database:
        yield database


@contextlib.asynccontextmanager
async def ready(settings: Settings) -> AsyncGenerator[Database]:
    """Open the database, and check that it is a hub's and up to date. Raises SettingsInvalid, and as ``explained`` does."""
    async with connected(settings) as database:
        await status.require(database, settings)
        yield database


@contextlib.asynccontextmanager
async def explained(settings: Settings) -> AsyncGenerator[None]:
    """Convert errors of missing privileges to an explanation for the operator. Raises DatabaseUnfit, StoreUnavailable."""
    try:
        yield
    except StoreUnavailable as error:
        if (why := await _why_unfit(settings, error)) is not None:
            raise DatabaseUnfit(why) from error
        raise


async def _why_unfit(settings: Settings, error: StoreUnavailable) -> str | None:
    url = settings.database.url
    if (file := dialects.of_url(url).file_of(url)) is not None:
        read_only = why_read_only(file) if os.access(file, os.R_OK) else None
        return None if read_only is None else read_only.sentence
    async with direct_of(settings.database) as database:
        with contextlib.suppress(StoreUnavailable):
            if (why := await database.why_read_only()) is not None:
                return why.sentence
            if error.__cause__ is not None and failures.is_forbidden(error.__cause__):
                async with database.read() as connection:
                    place, role = await database.dialect.place(connection)
                reason = str(error).partition(": ")[2] or str(error)
                return f"{role[:1].upper()}{role[1:]} may not change {place} ({reason}): run the command as the role that owns it."
    return None
