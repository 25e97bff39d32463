"""Where each microsecond of a delivery goes: ``python -m benchmarks.profile``, or the suite ``profile`` of ``make bench``.

py-spy samples the process that pushes; a sample belongs to the innermost frame with a known owner, and the shares are
scaled by the process's CPU per delivery. PostgreSQL's own counters stand beside them.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncpg

from benchmarks import processes, report
from benchmarks.results import Options, Row

SAMPLES_PER_SECOND = 400

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

LEFT_OUT = ("importlib._bootstrap", "drain (", "/plugins/watchdog")
REST = "everything else"
TOGETHER = "together"
GARBAGE = "of this, collecting garbage"

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
    count = options.scaled(24_000, least=320) // 16 * 16
    rounds = {engine: _round(engine, count) for engine in processes.ENGINES}
    owners = {engine: shares for engine, (shares, _) in rounds.items()}
    rows = [
        _row(name, {f"{engine}_us": shares[name] for engine, shares in owners.items()})
        for name in [*OWNERS, REST, TOGETHER, GARBAGE]
    ]
    _, counters = rounds["postgresql"]
    return [*rows, *(_row(f"PostgreSQL: {name}", {"per_delivery": each}) for name, each in counters.items())]


def _row(name: str, figures: dict[str, float]) -> Row:
    return Row(name, figures, None, "", met=True)


def _round(engine: str, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Give µs per delivery by owner, and on PostgreSQL its counters per delivery."""
    with processes.sink() as url, processes.database(engine) as database_url:
        processes.measure("benchmarks.push", "store", str(count), url, database_url)
        before = _counters(database_url)
        measured, stacks = _sampled_drain(count, database_url)
        after = _counters(database_url)
    counted = Counter[str]()
    for stack, samples in stacks:
        counted[owner_of(stack)] += samples
    scale = measured["cpu_us"] / max(counted.total(), 1)
    shares = {name: counted[name] * scale for name in [*OWNERS, REST]}
    together = {TOGETHER: measured["cpu_us"], GARBAGE: measured["gc_us"]}
    return {**shares, **together}, {name: (after[name] - before[name]) / count for name in after}


def _sampled_drain(count: int, database_url: str) -> tuple[dict[str, float], list[tuple[list[str], int]]]:
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        raw = Path(folder) / "stacks"
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("py-spy")),
                *("record", "--rate", str(SAMPLES_PER_SECOND), "--format", "raw", "--output", str(raw)),
                *("--full-filenames", "--function", "--"),
                *(sys.executable, "-m", "benchmarks.push", "drain", str(count), database_url),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode or not raw.exists():
            msg = f"py-spy could not watch the process: {done.stderr}"
            raise RuntimeError(msg)
        measured = next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
        return measured, list(_working(raw.read_text().splitlines()))


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
