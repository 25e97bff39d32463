"""Checks whether each part of a process can work, for ``/readyz`` and the doctor."""

import asyncio
import contextlib
from typing import TYPE_CHECKING

from trunkline.errors import StoreUnavailable
from trunkline.store import shards
from trunkline.store.database import Database

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

ANSWER_SECONDS = 5.0
"""How long a check waits for the database. A pooler that is paused, or a lock on a table, would hold it for minutes."""


async def check(hub: "Hub") -> dict[str, str]:
    """Check the database, the log, the plugins and the dispatcher: ``ok``, ``off``, or a sentence about the fault.

    The state of the log is the state that ``Ingest.writability`` noted last. Some parts are listed only if they have a
    fault: secrets that do not belong to the database, events that cannot be stored, a stopping server, a clock that is
    not trusted.
    """
    fault = hub.ingest.writability.fault
    log = "ok" if fault is None else f"cannot be written: {fault}"
    checks = {"database": "ok", "log": log, "plugins": "ok", "dispatcher": "off"}
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async with hub.database.read() as connection:
                await shards.count(connection)
            if not await hub.secret_checks.are_ours():
                checks["secrets"] = "are no longer those of the database"
            checks["database"] = await _writing_state(hub.database)
    except (StoreUnavailable, TimeoutError):
        checks["database"] = "does not answer"
    if hub.settings.plugins.enabled is not None:  # a plugin enabled by name must run
        failed = [record.name for record in hub.registry.records if record.state == "failed"]
        checks["plugins"] = f"failed: {', '.join(failed)}" if failed else "ok"
    if hub.ingest.is_stuck:
        checks["events"] = "wait to be appended to the log"
    if hub.dispatcher is not None:
        checks["dispatcher"] = hub.dispatcher.state
    if hub.clock_guard.fault is not None:
        checks["clock"] = hub.clock_guard.fault
    if hub.is_stopping:
        checks["server"] = "stopping"
    return checks


async def _writing_state(database: Database) -> str:
    try:
        async with database.write() as connection:
            await shards.check_writable(connection)
    except StoreUnavailable:
        with contextlib.suppress(StoreUnavailable):
            if (why := await database.why_read_only()) is not None:
                return f"takes no writes: {why.reason}"
        return "takes no writes"
    return "ok"
