"""Checks whether each part of a process can work, for ``/readyz`` and the doctor."""

import contextlib
from typing import TYPE_CHECKING

from trunkline.access.secret_checks import SecretChecks
from trunkline.errors import StoreUnavailable
from trunkline.ingest.accept import Ingest
from trunkline.plugins import Registry
from trunkline.settings import Settings
from trunkline.store import shards
from trunkline.store.database import Database

if TYPE_CHECKING:
    from trunkline.dispatch.dispatcher import Dispatcher


async def check(
    settings: Settings,
    *,
    database: Database,
    registry: Registry,
    secret_checks: SecretChecks,
    ingest: Ingest,
    dispatcher: "Dispatcher | None",
    clock_fault: str | None,
    is_stopping: bool,
) -> dict[str, str]:
    """Check the database, the log, the plugins and the dispatcher: ``ok``, ``off``, or a sentence about the fault.

    The state of the log is the state that ``Ingest.writability`` noted last. Some parts are listed only if they have a
    fault: secrets that do not belong to the database, events that cannot be stored, a stopping server, a clock that is
    not trusted.
    """
    fault = ingest.writability.fault
    log = "ok" if fault is None else f"cannot be written: {fault}"
    checks = {"database": "ok", "log": log, "plugins": "ok", "dispatcher": "off"}
    try:
        async with database.read() as connection:
            await shards.count(connection)
        if not await secret_checks.are_ours():
            checks["secrets"] = "are no longer those of the database"
    except StoreUnavailable:
        checks["database"] = "does not answer"
    else:
        checks["database"] = await _writing_state(database)
    if settings.plugins.enabled is not None:  # a plugin enabled by name must run
        failed = [record.name for record in registry.records if record.state == "failed"]
        checks["plugins"] = f"failed: {', '.join(failed)}" if failed else "ok"
    if ingest.is_stuck:
        checks["events"] = "wait to be appended to the log"
    if dispatcher is not None:
        checks["dispatcher"] = dispatcher.state
    if clock_fault is not None:
        checks["clock"] = clock_fault
    if is_stopping:
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
