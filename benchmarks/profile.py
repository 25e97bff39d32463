"""The CPU of a delivery by owner (part of the code): ``python -m benchmarks.profile``, or a suite of ``make bench``.

py-spy samples ``trunkline serve`` while it accepts events and pushes each to ten subscriptions; a sample belongs to the
innermost frame with a known owner, and the shares are scaled by the process's CPU per delivery. PostgreSQL's own counters
are shown with them.
"""

import asyncio
import time
from pathlib import Path

import asyncpg

from benchmarks import processes, push, report, sampling, served
from benchmarks.results import Options, Row

SUBSCRIPTIONS = 10
FLUSHED_SECONDS = 1.5
"""Time after which PostgreSQL's statistics are up to date."""

OWNERS = {
    "signing and headers": (
        "/trunkline/targets/signatures",
        "/trunkline/outbound/push",
        "/trunkline_webhooks/",
    ),
    "HTTP client, and what guards it": (
        "/httptools/",
        "/trunkline/outbound/",
        "/trunkline/targets/addresses",
    ),
    "reading the log": ("/dispatch/reading/reader", "/dispatch/shards/progress", "/store/stream"),
    "matching and hand-over": (
        "/dispatch/routing/table",
        "/trunkline/filters/",
        "/trunkline/model/subscriptions",
        "/store/subscriptions",
    ),
    "attempts: slots, time limits, results": (
        "/dispatch/attempts/runner",
        "/dispatch/attempts/slots",
        "/dispatch/attempts/sender",
        "/dispatch/attempts/results",
        "/dispatch/attempts/jobs",
        "/dispatch/dispatcher",
        "/trunkline/model/deliveries",
        "/trunkline/model/cursors",
    ),
    "database driver (SQLAlchemy, asyncpg, aiosqlite)": (
        "/sqlalchemy/",
        "/asyncpg/",
        "/aiosqlite/",
        "/trunkline/store/sqlite.",
        "/sqlite3/",
        "/trunkline/store/database",
    ),
    "accepting the event, a tenth": (
        "/trunkline/ingest/",
        "/trunkline/api/",
        "/trunkline/schemas/",
        "/trunkline/access/",
        "/uvicorn/",
        "/starlette/",
        "/fastapi/",
        "/jsonschema",
    ),
    "settling": ("/dispatch/ledger/settlement", "/store/", "/trunkline/dispatch/"),
    "metrics, logs": (
        "/prometheus_client/",
        "/structlog/",
        "/logging/",
        "/trunkline/runtime/metrics",
        "/trunkline/runtime/logs",
        "/trunkline/insight/gauges",
    ),
    "event loop, sockets, what asyncpg does in C": ("/uvloop/", "/asyncio/"),
}
"""Parts of file names by owner, tried in this order."""

COUNTERS = """
SELECT (SELECT sum(xact_commit) FROM pg_stat_database) AS commits,
       (SELECT sum(tup_inserted) FROM pg_stat_database) AS inserted_rows,
       (SELECT sum(tup_updated) FROM pg_stat_database) AS updated_rows,
       (SELECT sum(tup_deleted) FROM pg_stat_database) AS deleted_rows,
       (SELECT wal_bytes FROM pg_stat_wal) AS wal_bytes,
       (SELECT wal_records FROM pg_stat_wal) AS wal_records,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS folder
"""


def run(options: Options) -> list[Row]:
    """Profile each engine once; no figure has a target."""
    events = options.scaled(3_000, least=200) // served.BATCH * served.BATCH
    rounds = {engine: _round(engine, events) for engine in processes.ENGINES}
    owners = {engine: shares for engine, (shares, _) in rounds.items()}
    rows = [
        _row(name, {f"{engine}_us": shares[name] for engine, shares in owners.items()})
        for name in sampling.names(OWNERS)
    ]
    _, counters = rounds["postgresql"]
    return [*rows, *(_row(f"PostgreSQL: {name}", {"per_delivery": each}) for name, each in counters.items())]


def _row(name: str, figures: dict[str, float]) -> Row:
    return Row(name, figures, None, "", met=True)


def _round(engine: str, events: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the microseconds per delivery by owner and, on PostgreSQL, the database's counters per delivery."""
    with processes.database(engine) as database_url:
        with processes.sink() as sink, served.serving(database_url) as hub:
            push.measure(hub, sink, SUBSCRIPTIONS, served.BATCH)
            time.sleep(FLUSHED_SECONDS)
            before = _counters(database_url)
            with sampling.sampled(hub.pid) as stacks:
                cpu_us = _push_on(hub, sink, events)
        after = _counters(database_url)
    shares = sampling.shares(stacks, OWNERS, cpu_us=cpu_us)
    return shares, {name: (after[name] - before[name]) / (events * SUBSCRIPTIONS) for name in after}


def _push_on(hub: served.Server, sink: str, events: int) -> float:
    """Push *events* more events; return the µs of CPU per delivery."""
    cpu, deliveries = processes.cpu_seconds(hub.pid), events * SUBSCRIPTIONS
    served.post_batches(hub, 92, events)
    served.wait_for(sink, deliveries + served.BATCH * SUBSCRIPTIONS)
    return (processes.cpu_seconds(hub.pid) - cpu) / deliveries * 1e6


def _counters(database_url: str) -> dict[str, float]:
    """Read PostgreSQL's statistics, which are complete only for processes that have ended."""
    if database_url.startswith("sqlite"):
        return {}
    return asyncio.run(_read_counters(database_url))


async def _read_counters(database_url: str) -> dict[str, float]:
    connection = await asyncpg.connect(database_url)
    try:
        statistics = dict(await connection.fetchrow(COUNTERS))
    finally:
        await connection.close()
    postmaster = int((Path(statistics.pop("folder")) / "postmaster.pid").read_text().split()[0])
    names = {name.replace("_", " "): float(value) for name, value in statistics.items()}
    return {**names, "µs of CPU": processes.cpu_seconds(postmaster) * 1e6}


if __name__ == "__main__":
    print(report.table(run(Options(rounds=1))))
