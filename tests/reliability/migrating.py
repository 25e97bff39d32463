"""The longest time without an accepted event while a database is migrated, measured by the statements that accept one.

By hand: ``python -m tests.reliability.migrating --engine postgresql --events 1000000``.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.reliability import later

from trunkline.errors import StoreUnavailable
from trunkline.store import migrate, tables, upgrading
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline_kit.databases import SHARDS, started_postgres

FIRST = "0001"
"""The initial revision of ``later``, with the tables of 0.1."""
DELIVERIES = 3
"""Number of deliveries of each event; one in a hundred is exhausted, and one is due."""
_PAUSE_SECONDS = 0.01
_CHUNK = 20_000
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT i FROM n)",
    "postgresql": "generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n(i)",
}
_APPEND = (
    "SELECT id FROM api_keys WHERE digest = :body",
    "UPDATE stream_head SET position = position + 1, accepted_ms = 1",
    "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) SELECT position, 1, 'a', 1, 1, :body FROM stream_head",
)
_EVENTS = (
    "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
    "SELECT i, 1, 'lead.created', 1, 1, :body FROM {numbers}"
)
_DELIVERIES = (
    "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, due_ms, updated_ms) SELECT i, :no, "
    "CASE WHEN i % 100 = 0 THEN 'exhausted' WHEN i % 100 = 1 THEN 'pending' ELSE 'delivered' END, 1, 0, "
    "CASE WHEN i % 100 = 1 THEN 1 END, 1 FROM {numbers}"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The migration's duration, its longest time without an accepted event, and the number of accepted events."""

    seconds: float
    stood_seconds: float
    accepted: int


async def fill(database: Database, events: int) -> None:
    """Make the tables of 0.1, and put *events* events with their deliveries into them."""
    async with database.write() as connection:
        for history, revision in ((migrate.CORE, "head"), (later.HISTORY, FIRST)):
            await connection.run_sync(upgrading.upgrade, history, revision)
        first = migrate.RESERVED_POSITIONS
        await connection.execute(tables.routing.insert().values(id=1, version=1))
        shards = "INSERT INTO shards (shard, cursor, epoch, lease_until_ms) VALUES (:shard, :last, 0, 0)"
        await connection.execute(text(shards), [{"shard": n, "last": first + events} for n in range(SHARDS)])
        head = "INSERT INTO stream_head (id, position, accepted_ms) VALUES (1, :last, 1)"
        await connection.execute(text(head), {"last": first + events})
    for begin in range(first + 1, first + events + 1, _CHUNK):
        async with database.write() as connection:
            await fill_with(connection, begin, min(begin + _CHUNK - 1, first + events))


async def fill_with(
    connection: AsyncConnection, first: int, last: int, *, deliveries: int = DELIVERIES
) -> None:
    """Insert the events from *first* to *last*, of company 1, with deliveries to the subscriptions 1 to *deliveries*."""
    numbers = _NUMBERS[connection.dialect.name]
    some = {"first": first, "last": last}
    await connection.execute(text(_EVENTS.format(numbers=numbers)), some | {"body": b"x" * 350})
    for no in range(1, deliveries + 1):
        await connection.execute(text(_DELIVERIES.format(numbers=numbers)), some | {"no": no})


async def subscribe(connection: AsyncConnection) -> None:
    statement = text(
        "INSERT INTO subscriptions (no, id, company_id, channel, target_url, event_types, signature, sealed, status, "
        "start_position, created_ms, updated_ms, version) VALUES (1, 'sub_1', 1, 'webhooks', 'http://127.0.0.1:9', '[]', "
        "'standard', :sealed, 'active', 0, 0, 0, 1)"
    )
    await connection.execute(statement, {"sealed": b""})


async def measure(database: Database) -> Measured:
    """Migrate the database with ``trunkline migrate`` while events are appended one after the other."""
    accepted: list[float] = []
    appending = asyncio.create_task(_append(database, accepted))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    migration = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "trunkline.cli", "migrate"),
        env={**os.environ, **later.ENVIRONMENT, "TRUNKLINE_DATABASE__URL": database.url},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await migration.wait() == 0
    ended = time.monotonic()
    while accepted[-1] < ended:
        await asyncio.sleep(0.05)
    appending.cancel()
    await asyncio.gather(appending, return_exceptions=True)
    meanwhile = [at for at in accepted if at >= began]
    stood = max(after - before for before, after in itertools.pairwise([began, *meanwhile]))
    return Measured(ended - began, stood, len(meanwhile))


async def _append(database: Database, accepted: list[float]) -> None:
    while True:
        with contextlib.suppress(StoreUnavailable):
            async with database.write() as connection:
                await append(connection)
            accepted.append(time.monotonic())
        await asyncio.sleep(_PAUSE_SECONDS)


async def append(connection: AsyncConnection) -> None:
    for statement in _APPEND:
        await connection.execute(text(statement), {"body": b"x"} if ":body" in statement else {})


@contextlib.contextmanager
def _made(engine: str, folder: Path) -> Generator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'trunkline.db'}"
        return
    with started_postgres(folder) as server:
        yield server.get_uri()


async def make_first(url: str, *, events: int) -> None:
    async with EngineDatabase(url) as database:
        await fill(database, events)


async def _try(url: str, events: int) -> Measured:
    async with EngineDatabase(url) as database:
        await fill(database, events)
        return await measure(database)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=sorted(_NUMBERS), required=True)
    parser.add_argument("--events", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tl-migrating-") as name, _made(chosen.engine, Path(name)) as url:
        print(asyncio.run(_try(url, chosen.events)))


if __name__ == "__main__":
    main()
