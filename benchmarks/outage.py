"""An outage of the workers: events are accepted while no worker runs, then ``trunkline serve`` starts and catches up.

The backlog belongs to many companies. Another company, without a backlog, sends a hundred events a second as soon as
the server answers. An event's delay is the time from the answer to the event until its arrival. The baseline is the
live rate of one subscription.
"""

import asyncio
import contextlib
import time

import psutil
import uvloop
from sqlalchemy import text

from benchmarks import clocked, processes, push, served
from benchmarks.hubs import PAYLOAD, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.ingest.accept import Submission
from trunkline.model.events import Draft
from trunkline.store.engines import EngineDatabase

EVENTS = 60_000
COMPANIES = range(1_001, 1_201)
FRESH = 92
PER_SECOND = 100
BATCH = 500
LEAST_RATIO, MOST_MS, MOST_GROWTH_MB = 0.8, 100, 100
LONGEST_SECONDS = 280
_EARLY = text("SELECT count(*) FROM deliveries WHERE claim > 0")
"""Deliveries that have a row before their first attempt, because they were claimed from the ledger."""


def run(options: Options) -> list[Row]:
    """Measure how a hub catches up on each engine, and how three workers catch up on PostgreSQL."""
    events = options.scaled(EVENTS, least=1_000) // BATCH * BATCH
    return [
        _row(
            f"after an outage, {engine}{', three workers' if workers > 1 else ''}",
            [_round(engine, events, workers) for _ in range(options.rounds)],
        )
        for engine in options.engines
        for workers in ((1, 3) if engine == "postgresql" else (1,))
    ]


def _round(engine: str, events: int, workers: int) -> dict[str, float]:
    live = push.limit(engine, min(events, push.DELIVERIES))
    with (
        processes.sink() as backlog,
        processes.child("benchmarks.sink", "arrivals") as sink,
        processes.database(engine) as database_url,
    ):
        fresh = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        uvloop.run(_accept(database_url, events, backlog=backlog, fresh=fresh))
        with contextlib.ExitStack() as stack:
            hub = stack.enter_context(served.serving(database_url))
            for _ in range(1, workers):
                stack.enter_context(served.working(database_url))
            load = stack.enter_context(clocked.posting(hub, [FRESH], per_second=PER_SECOND))
            process = psutil.Process(hub.pid)
            began, cpu = time.monotonic(), processes.cpu_seconds(hub.pid)
            first, first_mb = served.tell(backlog, "count"), process.memory_info().rss
            most_mb = first_mb
            while served.tell(backlog, "count") < events and time.monotonic() < began + LONGEST_SECONDS:
                most_mb = max(most_mb, process.memory_info().rss)
                time.sleep(0.05)
            seconds, cpu = time.monotonic() - began, processes.cpu_seconds(hub.pid) - cpu
        ways = load.ways(served.arrivals(fresh), until=began + seconds)
        early = asyncio.run(_count_early(database_url))
    return {
        "per_second": (events - first) / seconds,
        "baseline_per_second": live,
        "cpu_us": cpu / max(events - first, 1) * 1e6,
        "fresh_p50_ms": served.percentile(ways, 0.5) * 1000,
        "fresh_p99_ms": served.percentile(ways, 0.99) * 1000,
        "grown_mb": (most_mb - first_mb) / 2**20,
        "early_rows": early,
    }


async def _accept(database_url: str, events: int, *, backlog: str, fresh: str) -> None:
    """Subscribe, and accept events of all companies in turn, without a dispatcher."""
    async with make_hub(database_url, dispatch=False) as hub:
        for company in (*COMPANIES, FRESH):
            request = {"target_url": fresh if company == FRESH else backlog, "event_types": ["*"]}
            await hub.subscriptions.create(company, request, channel="webhooks")
        for first in range(0, events, BATCH):
            drafts = [
                Draft(COMPANIES[n % len(COMPANIES)], "client.created", "2026-01-28T10:30:00Z", PAYLOAD)
                for n in range(first, first + BATCH)
            ]
            await hub.ingest.accept(Submission(drafts))


async def _count_early(database_url: str) -> int:
    async with EngineDatabase(database_url, pool_size=1) as database, database.read() as connection:
        return int((await connection.execute(_EARLY)).scalar_one())


def _row(name: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio = figures["per_second"] / figures["baseline_per_second"]
    met = (
        ratio >= LEAST_RATIO
        and figures["fresh_p99_ms"] <= MOST_MS
        and figures["grown_mb"] <= MOST_GROWTH_MB
        and not figures["early_rows"]
    )
    target = f"≥ {LEAST_RATIO}; fresh p99 ≤ {MOST_MS} ms; memory ≤ +{MOST_GROWTH_MB} MB; no early row"
    return Row(name, figures, ratio, target, met)
