"""Deliveries of ``trunkline serve`` while it accepts their events, compared with a bare aiohttp loop that only posts.

Events come in batches of a hundred. The time is from the first batch until the last delivery has arrived; at the end,
every delivery must be in the ledger.
"""

import asyncio
import os
import time

from sqlalchemy import text

from benchmarks import processes, served
from benchmarks.results import Options, Row, medians
from trunkline.store.engines import EngineDatabase

TARGETS = {1: 0.8, 10: 0.9}
"""The least ratios, by the number of the company's subscriptions."""
DELIVERIES = 40_000
TRACED_LEAST = 0.98
"""The least ratio of the rate of a hub that traces one request in a hundred to the rate of a hub without tracing."""
SAMPLING = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}


def run(options: Options) -> list[Row]:
    """Measure both engines; the hub and the loop run at the same time, so that noise of the machine affects both."""
    deliveries = options.scaled(DELIVERIES, least=1_000)
    return [
        _row(engine, number, [_round(engine, number, deliveries) for _ in range(options.rounds)])
        for engine in options.engines
        for number in TARGETS
    ] + [
        _traced_row(engine, [_traced_round(engine, deliveries) for _ in range(options.rounds)])
        for engine in options.engines
    ]


def _traced_round(engine: str, deliveries: int) -> dict[str, float]:
    """Measure one hub without tracing, then one with tracing and a collector that accepts everything."""
    events = deliveries // served.BATCH * served.BATCH
    with processes.sink() as collector:
        os.environ.update(SAMPLING, OTEL_EXPORTER_OTLP_ENDPOINT=collector)
        off, on = (
            _alone(engine, events, plugins__enabled="webhooks", otel__enabled=enabled)
            for enabled in ("false", "true")
        )
    return on | {
        "baseline_per_second": off["per_second"],
        "baseline_cpu_us": off["cpu_us"],
        "ratio": on["per_second"] / off["per_second"],
    }


def _traced_row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio = figures.pop("ratio")
    name = f"push to one subscription, 1 % traced, beside a hub that does not trace, {engine}"
    return Row(name, figures, ratio, f"≥ {TRACED_LEAST}", ratio >= TRACED_LEAST)


def _round(engine: str, subscriptions: int, deliveries: int) -> dict[str, float]:
    events = deliveries // subscriptions // served.BATCH * served.BATCH
    deliveries = events * subscriptions
    with processes.sink() as url:
        bare = processes.measure("benchmarks.bare", "loop", str(deliveries), url)
    with (
        processes.sink() as url,
        processes.database(engine) as database_url,
        served.serving(database_url) as hub,
    ):
        ours = measure(hub, url, subscriptions, events)
        asyncio.run(_check(database_url, deliveries))
    return ours | {
        "baseline_per_second": bare["per_second"],
        "baseline_cpu_us": bare["cpu_us"],
        "ratio": ours["per_second"] / bare["per_second"],
    }


def limit(engine: str, events: int) -> float:
    """Measure the highest rate of deliveries to one subscription, per second."""
    return _alone(engine, events // served.BATCH * served.BATCH)["per_second"]


def _alone(engine: str, events: int, **settings: str) -> dict[str, float]:
    with (
        processes.sink() as url,
        processes.database(engine) as database_url,
        served.serving(database_url, **settings) as hub,
    ):
        return measure(hub, url, 1, events)


def measure(hub: served.Server, sink: str, subscriptions: int, events: int) -> dict[str, float]:
    """Push *events* events to each of *subscriptions* subscriptions of one company; the first batch is not counted."""
    for number in range(subscriptions):
        hub.subscribe(92, f"{sink}{number}")
    served.post_batches(hub, 92, served.BATCH)
    served.wait_for(sink, subscriptions * served.BATCH)
    began, cpu = time.perf_counter(), processes.cpu_seconds(hub.pid)
    served.post_batches(hub, 92, events - served.BATCH)
    served.wait_for(sink, subscriptions * events)
    deliveries = subscriptions * (events - served.BATCH)
    return {
        "per_second": deliveries / (time.perf_counter() - began),
        "cpu_us": (processes.cpu_seconds(hub.pid) - cpu) / max(deliveries, 1) * 1e6,
    }


async def _check(database_url: str, deliveries: int) -> None:
    """Wait until each delivery is in the ledger once, as delivered."""
    counted = text("SELECT status, count(*) FROM deliveries GROUP BY status")
    async with EngineDatabase(database_url, pool_size=2) as database, asyncio.timeout(30):
        while True:
            async with database.read() as connection:
                rows = dict(map(tuple, (await connection.execute(counted)).all()))
            if rows == {"delivered": deliveries}:
                return
            await asyncio.sleep(0.1)


def _row(engine: str, subscriptions: int, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio, least = figures.pop("ratio"), TARGETS[subscriptions]
    many = "one subscription" if subscriptions == 1 else f"{subscriptions} subscriptions"
    order = ("per_second", "baseline_per_second", "cpu_us", "baseline_cpu_us")
    ordered = {name: figures[name] for name in order}
    return Row(f"push to {many}, {engine}", ordered, ratio, f"≥ {least}", ratio >= least)
