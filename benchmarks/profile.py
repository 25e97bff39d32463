"""Where each microsecond of a delivery goes: ``python -m benchmarks.profile``, or the suite ``profile`` of ``make bench``.

py-spy samples ``trunkline serve`` while it accepts events and pushes each to ten subscriptions; a sample belongs to the innermost
frame with a known owner, and the shares are scaled by the process's CPU per delivery. PostgreSQL's own counters stand beside them.
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncpg

from benchmarks import processes, push, report, served
from benchmarks.results import Options, Row

SAMPLES_PER_SECOND = 400
SUBSCRIPTIONS = 10
ATTACHED_SECONDS = 1.0
"""When py-spy surely watches."""
FLUSHED_SECONDS = 1.5
"""When PostgreSQL's statistics have what was done before."""

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
    "reading the log": ("/dispatch/reader", "/dispatch/progress", "/store/stream"),
    "matching and hand-over": (
        "/dispatch/routing",
        "/trunkline/filters/",
        "/trunkline/model/subscriptions",
        "/store/subscriptions",
    ),
    "attempts: slots, time limits, results": (
        "/dispatch/runner",
        "/dispatch/slots",
        "/dispatch/sender",
        "/dispatch/results",
        "/dispatch/jobs",
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
    "settling": ("/dispatch/settlement", "/store/", "/trunkline/dispatch/"),
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
"""Parts of files' names, asked in this order."""

LEFT_OUT = ("importlib._bootstrap", "/plugins/watchdog")
REST = "everything else"
TOGETHER = "together"

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
    """Profile each engine once; nothing here has a target."""
    events = options.scaled(3_000, least=200) // served.BATCH * served.BATCH
    rounds = {engine: _round(engine, events) for engine in processes.ENGINES}
    owners = {engine: shares for engine, (shares, _) in rounds.items()}
    rows = [
        _row(name, {f"{engine}_us": shares[name] for engine, shares in owners.items()})
        for name in [*OWNERS, REST, TOGETHER]
    ]
    _, counters = rounds["postgresql"]
    return [*rows, *(_row(f"PostgreSQL: {name}", {"per_delivery": each}) for name, each in counters.items())]


def _row(name: str, figures: dict[str, float]) -> Row:
    return Row(name, figures, None, "", met=True)


def _round(engine: str, events: int) -> tuple[dict[str, float], dict[str, float]]:
    """Give µs per delivery by owner, and on PostgreSQL its counters per delivery."""
    with processes.database(engine) as database_url:
        with processes.sink() as sink, served.serving(database_url) as hub:
            push.measure(hub, sink, SUBSCRIPTIONS, served.BATCH)
            time.sleep(FLUSHED_SECONDS)
            before = _counters(database_url)
            with _sampled(hub.pid) as stacks:
                cpu_us = _push_on(hub, sink, events)
        after = _counters(database_url)
    counted = Counter[str]()
    for stack, samples in stacks:
        counted[owner_of(stack)] += samples
    scale = cpu_us / max(counted.total(), 1)
    shares = {name: counted[name] * scale for name in [*OWNERS, REST]} | {TOGETHER: cpu_us}
    return shares, {name: (after[name] - before[name]) / (events * SUBSCRIPTIONS) for name in after}


def _push_on(hub: served.Server, sink: str, events: int) -> float:
    """Push *events* more; gives µs of CPU per delivery."""
    cpu, deliveries = processes.cpu_seconds(hub.pid), events * SUBSCRIPTIONS
    served.post_batches(hub, 92, events)
    served.wait_for(sink, deliveries + served.BATCH * SUBSCRIPTIONS)
    return (processes.cpu_seconds(hub.pid) - cpu) / deliveries * 1e6


@contextlib.contextmanager
def _sampled(pid: int) -> Iterator[list[tuple[list[str], int]]]:
    """Watch a process while the block runs; what was seen stands in the list afterwards."""
    seen: list[tuple[list[str], int]] = []
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        raw = Path(folder) / "stacks"
        command = [
            str(Path(sys.executable).with_name("py-spy")),
            *("record", "--rate", str(SAMPLES_PER_SECOND), "--format", "raw", "--output", str(raw)),
            *("--full-filenames", "--function", "--pid", str(pid)),
        ]
        spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(ATTACHED_SECONDS)
        try:
            yield seen
        finally:
            spy.send_signal(signal.SIGINT)
            said, _ = spy.communicate(timeout=60)
        if spy.returncode or not raw.exists():
            msg = f"py-spy could not watch the process: {said}"
            raise RuntimeError(msg)
        seen.extend(_working(raw.read_text().splitlines()))


def _working(lines: Iterable[str]) -> Iterator[tuple[list[str], int]]:
    """Leave out importing, what the measurement itself does, and a thread whose waiting py-spy takes for work."""
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        if ";" in stack and not any(part in stack for part in LEFT_OUT):
            yield stack.split(";"), int(samples)


def owner_of(stack: list[str]) -> str:
    """Name the owner of the innermost frame that has one; *stack* begins with the outermost."""
    for frame in reversed(stack):
        for owner, parts in OWNERS.items():
            if any(part in frame for part in parts):
                return owner
    return REST


def _counters(database_url: str) -> dict[str, float]:
    """Read PostgreSQL's statistics; those of a process are complete once it has gone."""
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
