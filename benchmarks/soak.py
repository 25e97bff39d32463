"""An hour of steady load on ``trunkline serve``: memory, database and delivery time at the beginning and at the end.

Two hubs, one on each database, run at the same time. Each gets 100 single events a second, of twenty companies with one
subscription each. A window of five minutes at the beginning is compared with one at the end. Retention removes nothing within
an hour.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import text

from benchmarks import clocked, processes, served
from benchmarks.results import Options, Row
from trunkline.store.engines import EngineDatabase

SECONDS, WINDOW_SECONDS = 3_600, 300
SETTLED_SECONDS = 6
COMPANIES = range(1, 21)
PER_SECOND = 100
MOST_SLOWER, MOST_GROWN_MB = 1.5, 10.0
_EVENTS = text("SELECT count(*) FROM events")
_SIZES = text(
    "SELECT pg_total_relation_size('events'), pg_total_relation_size('deliveries') + pg_total_relation_size('attempts'), "
    "(SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables "
    "WHERE relname NOT IN ('events', 'deliveries', 'attempts')), pg_current_wal_lsn() - '0/0'"
)


@dataclass(slots=True)
class _Hub:
    """A hub under load; *looks* has the figures at the beginning and the end of each window."""

    engine: str
    database_url: str
    server: served.Server
    sink: str
    load: clocked.Load = field(default_factory=clocked.Load)
    looks: list[dict[str, float]] = field(default_factory=list[dict[str, float]])

    def look(self) -> None:
        self.looks.append(
            {
                "at": time.monotonic(),
                "cpu": processes.cpu_seconds(self.server.pid),
                "resident_mb": psutil.Process(self.server.pid).memory_info().rss / 2**20,
                **asyncio.run(_stored(self.engine, self.database_url)),
            }
        )

    def windows(self) -> list[dict[str, float]]:
        """Wait until every accepted event has arrived, and return the figures of both windows."""
        served.wait_for(self.sink, len(self.load.answered), seconds=60)
        arrivals = served.arrivals(self.sink)
        missing = self.load.answered.keys() - arrivals.keys()
        assert not missing, f"{len(missing)} events did not arrive"
        return [
            self._window(arrivals, before, after)
            for before, after in zip(self.looks[::2], self.looks[1::2], strict=True)
        ]

    def _window(
        self, arrivals: dict[int, float], before: dict[str, float], after: dict[str, float]
    ) -> dict[str, float]:
        ways = self.load.ways(arrivals, since=before["at"], until=after["at"])
        figures = {
            "p50_ms": served.percentile(ways, 0.5) * 1000,
            "p99_ms": served.percentile(ways, 0.99) * 1000,
            "cpu_percent": (after["cpu"] - before["cpu"]) / (after["at"] - before["at"]) * 100,
            "resident_mb": after["resident_mb"],
            "events": after["events"],
        }
        if self.engine == "sqlite":
            return figures | {"bytes_an_event_and_its_delivery": after["bytes"] / after["events"]}
        return figures | {
            "bytes_an_event": after["log"] / after["events"],
            "bytes_a_delivery": after["ledger"] / after["events"],
            "wal_bytes_of_both": (after["wal"] - before["wal"]) / (after["events"] - before["events"]),
            "other_tables_mb": after["others"] / 2**20,
        }


def run(options: Options) -> list[Row]:
    """Measure both engines at the same time, once, whatever the number of rounds is."""
    seconds, window = options.scaled(SECONDS, least=4), options.scaled(WINDOW_SECONDS)
    with ExitStack() as stack:
        hubs = [stack.enter_context(_hub(engine)) for engine in options.engines]
        with ExitStack() as loads:
            for hub in hubs:
                posting = clocked.posting(hub.server, COMPANIES, per_second=PER_SECOND)
                hub.load = loads.enter_context(posting)
            began = time.monotonic()
            settled = min(SETTLED_SECONDS, window)
            for due in (settled, settled + window, seconds - window, seconds):
                time.sleep(max(began + due - time.monotonic(), 0))
                for hub in hubs:
                    hub.look()
        return [row for hub in hubs for row in _rows(hub.engine, *hub.windows())]


@contextmanager
def _hub(engine: str) -> Iterator[_Hub]:
    with (
        processes.child("benchmarks.sink", "arrivals") as sink,
        processes.database(engine) as url,
        served.serving(url) as server,
    ):
        target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        for company in COMPANIES:
            server.subscribe(company, target)
        yield _Hub(engine, url, server, target)


async def _stored(engine: str, database_url: str) -> dict[str, float]:
    async with EngineDatabase(database_url, pool_size=1) as database, database.read() as connection:
        events = (await connection.execute(_EVENTS)).scalar_one()
        if engine == "sqlite":
            return {"events": events, "bytes": Path(database_url.removeprefix("sqlite:///")).stat().st_size}
        sizes = (await connection.execute(_SIZES)).one()
        return {
            "events": events,
            **dict(zip(("log", "ledger", "others", "wal"), map(float, sizes), strict=True)),
        }


def _rows(engine: str, begin: dict[str, float], end: dict[str, float]) -> list[Row]:
    slower = end["p99_ms"] / begin["p99_ms"] if begin["p99_ms"] else 1.0
    grown = end["resident_mb"] - begin["resident_mb"]
    target = f"p99 ≤ {MOST_SLOWER:g} times, at most {MOST_GROWN_MB:g} MB more"
    met = slower <= MOST_SLOWER and grown <= MOST_GROWN_MB
    return [
        Row(f"at the begin, {engine}", begin, None, "", met=True),
        Row(f"at the end, {engine}", end, slower, target, met),
    ]
