"""Subscriptions made over the API of ``trunkline serve``, a hundred in each company, on 16 connections."""

import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks import processes, served
from benchmarks.results import Options, Row, medians

COMPANIES, EACH = 50, 100
CONNECTIONS = 16
LEAST_PER_SECOND = 1_000


def run(options: Options) -> list[Row]:
    """Measure both engines."""
    companies = options.scaled(COMPANIES, least=2)
    return [
        _row(engine, [_round(engine, companies) for _ in range(options.rounds)]) for engine in options.engines
    ]


def _round(engine: str, companies: int) -> dict[str, float]:
    with (
        processes.sink() as sink,
        processes.database(engine) as url,
        served.serving(url) as hub,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        began, cpu = time.perf_counter(), processes.cpu_seconds(hub.pid)
        count = sum(
            pool.map(lambda company: hub.subscribe_many(company, sink, EACH), range(1, companies + 1))
        )
        return {
            "per_second": count / (time.perf_counter() - began),
            "cpu_us": (processes.cpu_seconds(hub.pid) - cpu) / count * 1e6,
        }


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    met = figures["per_second"] >= LEAST_PER_SECOND
    return Row(f"subscriptions made, {engine}", figures, None, f"≥ {LEAST_PER_SECOND:,}/s", met)
