"""Prepares the database when a hub starts: migrates its schema, and logs problems once."""

import logging
from collections.abc import Callable, Sequence

from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.plugins import Registry
from trunkline.settings import Delivery
from trunkline.store import epochs, migrate
from trunkline.store import shards as shard_store
from trunkline.store.database import Database, is_open_to_others
from trunkline.store.engines import EngineDatabase

_log = logging.getLogger(__name__)


async def prepare(
    database: Database,
    engines: EngineDatabase,
    registry: Registry,
    delivery: Delivery,
    *,
    histories: Callable[[], Sequence[migrate.History]],
    migrates: bool,
    dispatches: bool,
) -> int:
    """Migrate the schema over *engines*, or check that it is up to date. Returns the number of shards of the log.

    Plugins whose migrations cannot be applied are left out, and so are plugins of others whose migrations were not applied.

    Raises:
        SettingsInvalid: the schema is not up to date.
        PluginFailed: a plugin would be left out, and plugins are enabled by name.
    """
    while True:
        try:
            if migrates:
                states = await migrate.upgrade(engines, histories(), shards=delivery.shards)
                break
            states = await migrate.states(database, histories())
        except PluginFailed as failure:
            registry.refuse(failure)
            continue
        behind = [s for s in states if s.is_behind]
        if not behind:
            break
        names = ", ".join(f"{s.history} ({s.current or 'nothing'} → {s.newest})" for s in behind)
        others = {name for name in registry.active if not registry.is_own(name)}
        if not others.issuperset(s.history for s in behind):
            msg = f"The database is not up to date: {names}. Run 'trunkline migrate' first."
            raise SettingsInvalid(msg)
        reason = f"needs migrations that were not applied: {names}; run 'trunkline migrate'"
        registry.refuse(PluginFailed(behind[0].history, reason))
    if ahead := ", ".join(f"{s.history} {s.current}" for s in states if s.is_ahead):
        _log.warning("a later version has migrated the database (%s); this one goes on with it", ahead)
    if dispatches and is_open_to_others(database):
        _log.warning("every account of this machine may read the database's file; 'chmod o=' takes that away")
    async with database.read() as connection:
        shards = await shard_store.count(connection)
        if await epochs.note_timeline(connection):
            _log.warning(
                "the database was promoted or restored since the last event: the ids of events go on beyond all that can have "
                "been given out; run 'trunkline log advance' to do the same for the ids of deliveries and companies"
            )
    if "shards" in delivery.model_fields_set and delivery.shards != shards:
        _log.warning(
            "delivery.shards is %d, but the log of this database was set up with %d shards and keeps them: "
            "set it to %d, or leave it out",
            *(delivery.shards, shards, shards),
        )
    return shards
