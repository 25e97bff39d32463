"""The status of a deployment, read only from its database, so that no process needs to run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from trunkline.errors import SettingsInvalid
from trunkline.model.parts import WHOLE
from trunkline.model.times import utc_text_of_ms
from trunkline.model.workers import LEASE_MS, place_of
from trunkline.settings import Settings
from trunkline.store import epochs, migrate, stream
from trunkline.store import status as store
from trunkline.store.connection import Connection
from trunkline.store.database import Database, embedded_file
from trunkline.store.status import Head, RunningReplay

COUNTED = 1_000_000
"""The number of newest deliveries that are counted."""
SHOWN_REPLAYS = 50


class Log(Struct, frozen=True):
    """The newest position of the log, and the numbers of recently accepted events."""

    head: int
    newest_accepted_ms: int | None
    events_last_minute: int
    events_last_hour: int


class ShardStatus(Struct, frozen=True):
    """One shard: its cursor's lag behind the head, its reader, and the reader's lease.

    *part* is set for a part of a divided shard, and None for a whole shard. *lag_seconds* is the age of the first event after
    the cursor. *live_lag_positions* is smaller than *lag_positions* while the shard catches up with a backlog, because its live
    reader is nearer to the head. *lease_seconds* is None if no process reads the shard.
    """

    shard: int
    part: int | None
    cursor: int
    lag_positions: int
    live_lag_positions: int
    lag_seconds: float
    holder: str | None
    lease_seconds: float | None


class WorkerStatus(Struct, frozen=True):
    """A process that delivers, or that delivered and died recently. Its *id* contains *host* and *process*, the process id."""

    id: str
    host: str | None
    process: int | None
    is_alive: bool
    heartbeat_age_seconds: float
    shards: int


class Deliveries(Struct, frozen=True):
    """Deliveries by status, only of the newest ones if *is_capped*; *due* counts due deliveries without a claim."""

    by_status: Mapping[str, int]
    is_capped: bool
    due: int
    is_due_capped: bool
    oldest_due_seconds: float | None


class Snapshot(Struct, frozen=True):
    """The whole status at one time; reading all of it takes a few milliseconds."""

    taken_ms: int
    log: Log
    shards: Sequence[ShardStatus]
    workers: Sequence[WorkerStatus]
    deliveries: Deliveries
    replays_running: int
    replays: Sequence[RunningReplay]
    subscriptions: Mapping[str, int]
    quarantined: int
    """The number of events waiting in quarantine, counted up to the same limit as deliveries."""


async def require(database: Database, settings: Settings) -> None:
    """Check that *database*, which *settings* name, has a hub's tables of this version. Raises SettingsInvalid."""
    file = embedded_file(database)
    if file is not None and not file.exists():
        raise SettingsInvalid(_absent(f"at {file.absolute()}", settings))
    (core,) = await migrate.states(database)
    if core.current is None:
        async with database.read() as connection:
            place, _ = await database.dialect.place(connection)
        raise SettingsInvalid(_absent(f"of a hub in {place}", settings))
    if core.is_behind:
        msg = (
            f"The database is not up to date: core ({core.current} → {core.newest}). "
            "Run 'trunkline migrate' first."
        )
        raise SettingsInvalid(msg)


def _absent(where: str, settings: Settings) -> str:
    file = settings.file
    source = f"none found in {Path.cwd()}" if file is None else str(file.absolute())
    return (
        f"There is no database {where}; start the hub with 'trunkline serve' "
        f"or make it with 'trunkline migrate' (settings: {source})."
    )


async def take(database: Database, *, counted: int = COUNTED) -> Snapshot:
    """Read the status once. Raises StoreUnavailable."""
    async with database.read() as connection:
        rows = await store.shards(connection)  # read before the head, so that no cursor is beyond it
        figures = await store.figures(connection, [row.cursor for row in rows], limit=counted)
        head, due, oldest_due_ms = figures.head, figures.due, figures.oldest_due_ms
        recent: list[int] = []
        for span_ms in (60_000, 3_600_000):
            before = await stream.position_before(connection, head.now_ms - span_ms)
            recent.append(max(await epochs.count_between(connection, before, head.position), 0))
        by_status = await store.deliveries_by_status(connection, limit=counted)
        due_ms = None if oldest_due_ms is None else max(head.now_ms - oldest_due_ms, 0)
        return Snapshot(
            head.now_ms,
            Log(head.position, head.accepted_ms or None, *recent),
            [await _shard(connection, row, head, figures.oldest) for row in rows],
            [_worker(row, rows, head) for row in await store.workers(connection)],
            Deliveries(
                by_status,
                sum(by_status.values()) >= counted,
                due,
                due >= counted,
                None if due_ms is None else due_ms / 1000,
            ),
            figures.replays,
            await store.running_replays(connection, limit=SHOWN_REPLAYS, count_limit=counted),
            await store.subscriptions_by_status(connection),
            figures.quarantined,
        )


def view(snapshot: Snapshot) -> dict[str, Any]:
    """Show *snapshot* as JSON values, with times in ISO 8601."""
    members = to_builtins(snapshot)
    newest_ms = members["log"].pop("newest_accepted_ms")
    members["log"]["newest_accepted_utc"] = None if newest_ms is None else utc_text_of_ms(newest_ms)
    for replay in members["replays"]:
        replay["created_utc"] = utc_text_of_ms(replay.pop("created_ms"))
    return {"taken_utc": utc_text_of_ms(members.pop("taken_ms")), **members}


async def _shard(
    connection: Connection, row: store.Shard, head: Head, oldest: Mapping[int, tuple[int, int]]
) -> ShardStatus:
    lag_ms = head.now_ms - oldest[row.cursor][1] if row.cursor in oldest else 0
    left_ms = row.lease_until_ms - head.now_ms
    live_cursor = max(row.cursor, row.live_cursor or 0)
    return ShardStatus(
        row.slice.shard,
        None if row.slice.part == WHOLE else row.slice.part,
        row.cursor,
        max(await epochs.count_between(connection, row.cursor, head.position), 0),
        max(await epochs.count_between(connection, live_cursor, head.position), 0),
        max(lag_ms, 0) / 1000,
        row.holder,
        None if row.holder is None else max(left_ms, 0) / 1000,
    )


def _worker(row: store.Worker, shards: Sequence[store.Shard], head: Head) -> WorkerStatus:
    age_ms = max(head.now_ms - row.heartbeat_ms, 0)
    owned = sum(1 for shard in shards if shard.holder == row.id and shard.lease_until_ms > head.now_ms)
    host, process = place_of(row.id) or (None, None)
    return WorkerStatus(row.id, host, process, age_ms < LEASE_MS, age_ms / 1000, owned)
