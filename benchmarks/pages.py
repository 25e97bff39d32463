"""The time of a page of a long log: it must not depend on the page's position or types.

The database itself fills the log. Half of its events belong to one big company; each small company
has 2,500 of the others. One event type is rare, and another appears only near the end of the log.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from statistics import median

import uvloop
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from benchmarks import processes
from benchmarks.hubs import make_hub
from benchmarks.results import Options, Row
from trunkline.hub.hub import Hub
from trunkline.model import cursors
from trunkline.store import tables

EVENTS = 10_000_000
CHUNK = 500_000
LIMIT = 100
BIG, SMALL = 5000, 17
RARE, LATE = "affiliate.created", "agreement.signed"
USUAL = ("client.created", "lead.created", "invoice.created", "payment.succeeded", "document.uploaded")
ACCEPTED_MS = 1_760_000_000_000
FAST_SQLITE = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -262144")
FAST_POSTGRESQL = ("SET synchronous_commit = off", "SET maintenance_work_mem = '512MB'")
TARGET = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of page, which begins after the position *cursor*."""

    name: str
    cursor: int | None = None
    types: Sequence[str] = ()
    company: int = BIG
    since_ms: int | None = None


def cases(count: int) -> list[Case]:
    """Return the pages to compare; each holds ``LIMIT`` events."""
    return [
        Case("first"),
        Case("middle", count // 2),
        Case("last", count - 2 * LIMIT),
        Case("since", since_ms=ACCEPTED_MS + count * 3 // 4),
        Case("common_type", count // 2, [USUAL[0]]),
        Case("rare_type", None, [RARE]),
        Case("late_type", None, [LATE]),
        Case("several_types", None, [RARE, LATE, USUAL[0]]),
        Case("small_company", None, (), SMALL),
        Case("small_company_type", None, [USUAL[0]], SMALL),
    ]


def run(options: Options) -> list[Row]:
    """Compare the pages on each engine."""
    return [_measured(engine, options) for engine in options.engines]


def _measured(engine: str, options: Options) -> Row:
    count = options.scaled(EVENTS, least=500_000)
    with processes.database(engine) as url:
        began = time.perf_counter()
        uvloop.run(fill(url, count))
        seconds = time.perf_counter() - began
        figures = uvloop.run(_time_pages(url, cases(count), repetitions=options.scaled(300, least=20)))
    slowest, fastest = max(figures, key=figures.__getitem__), min(figures, key=figures.__getitem__)
    ratio = figures[slowest] / figures[fastest]
    return Row(
        f"pages of {LIMIT} from {count:,} events, {engine}",
        {f"{name}_ms": value for name, value in figures.items()},
        ratio,
        f"slowest page ≤ {TARGET:g} times the fastest",
        ratio <= TARGET,
        f"slowest: {slowest}, fastest: {fastest}; the log was filled in {seconds:.0f} s",
    )


async def _time_pages(url: str, compared: Sequence[Case], *, repetitions: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {case.name: [] for case in compared}
    async with make_hub(url, dispatch=False) as hub:
        for _ in range(10):
            for case in compared:
                assert len((await _page(hub, case)).bodies) == LIMIT, case
        for _ in range(repetitions):
            for case in compared:
                began = time.perf_counter()
                await _page(hub, case)
                taken[case.name].append((time.perf_counter() - began) * 1000)
    return {name: median(values) for name, values in taken.items()}


async def _page(hub: Hub, case: Case):
    cursor = cursors.encode(case.cursor) if case.cursor is not None else None
    return await hub.streaming.page(
        case.company, types=case.types, cursor=cursor, since_ms=case.since_ms, limit=LIMIT
    )


async def fill(url: str, count: int, *, first_ms: int = ACCEPTED_MS) -> None:
    """Make the tables, and put *count* events into the log, with one millisecond between events, from *first_ms*.

    Indexes are built after the rows.
    """
    async with make_hub(url, dispatch=False) as hub:
        is_sqlite = hub.engines.dialect.name == "sqlite"
        address = make_url(hub.engines.url).set(
            drivername="sqlite+aiosqlite" if is_sqlite else "postgresql+asyncpg"
        )
    engine = create_async_engine(address, isolation_level="AUTOCOMMIT")  # without the hub's time limit
    chunks = iter(range(1, count + 1, CHUNK))
    insert = text(_insert(count, is_sqlite=is_sqlite, first_ms=first_ms))

    async def make() -> None:
        async with _fast(engine, is_sqlite=is_sqlite) as connection:
            for first in chunks:
                await connection.execute(insert, {"first": first, "last": min(first + CHUNK - 1, count)})

    async with _fast(engine, is_sqlite=is_sqlite) as connection:
        for index in tables.events.indexes:
            await connection.run_sync(index.drop)
        await asyncio.gather(*(make() for _ in range(1 if is_sqlite else 2)))
        await connection.execute(
            text("UPDATE stream_head SET position = :count, accepted_ms = :now"),
            {"count": count, "now": first_ms + count},
        )
        for index in tables.events.indexes:
            await connection.run_sync(index.create)
        for statement in ["ANALYZE"] if is_sqlite else ["VACUUM (ANALYZE)", "CHECKPOINT"]:
            await connection.execute(text(statement))
    await engine.dispose()


@contextlib.asynccontextmanager
async def _fast(engine: AsyncEngine, *, is_sqlite: bool) -> AsyncIterator[AsyncConnection]:
    """Yield a connection with fast, unsafe settings."""
    async with engine.connect() as connection:
        for setting in FAST_SQLITE if is_sqlite else FAST_POSTGRESQL:
            await connection.execute(text(setting))
        yield connection


def _insert(count: int, *, is_sqlite: bool, first_ms: int) -> str:
    """Return the statement that makes the events from ``:first`` to ``:last``.

    Two in four hundred are of the rare type.
    """
    usual = " ".join(f"WHEN {index} THEN '{name}'" for index, name in enumerate(USUAL))
    type_of = (
        f"CASE WHEN i % {count // 400} < 2 THEN '{RARE}' WHEN i > {count - count // 200} AND i % 10 < 2 THEN '{LATE}' "
        f"ELSE CASE i / 7 % {len(USUAL)} {usual} END END"
    )
    company_of = f"CASE WHEN i % 2 = 0 THEN {BIG} ELSE 1 + i / 2 % {count // 5000} END"
    envelope = (
        """'{"id"\\:' || i || ',"type"\\:"' || type || '","createdUtc"\\:"2026-01-28T10\\:30\\:00Z","companyId"\\:' || company """
        """|| ',"payload"\\:{"client_id"\\:' || i || ',"notes"\\:"%s"}}'""" % ("x" * 90)
    )
    if is_sqlite:
        numbers = "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT i FROM n"
        body = f"CAST({envelope} AS BLOB)"
    else:
        numbers = "SELECT i FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i"
        body = f"convert_to({envelope}, 'UTF8')"
    return (
        "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
        f"SELECT i, company, type, ((company * 2654435761) & 4294967295) * 16 >> 32, {first_ms} + i, {body} "
        f"FROM (SELECT i, {company_of} AS company, {type_of} AS type FROM ({numbers}) AS numbers) AS made"
    )
