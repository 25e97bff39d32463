"""What ``trunkline serve`` and ``trunkline worker`` take of a core: idle, and with 200 single events a second for one subscription."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import psutil
import uvloop

from benchmarks import clocked, processes, served
from benchmarks.results import Options, Row, medians

PER_SECOND = 200
MOST_IDLE, MOST_STEADY = 0.5, 10.0
"""Of a core, in percent."""
SETTLED_SECONDS = 3

Measure = Callable[[float], dict[str, float]]


def run(options: Options) -> list[Row]:
    """Measure both engines; a worker needs PostgreSQL."""
    rows = [_row(f"serve, idle, {engine}", partial(_serve, engine, 0), options) for engine in options.engines]
    rows.append(_row("worker, idle, postgresql", _work, options))
    rows += [
        _row(f"serve, {PER_SECOND} events a second, {engine}", partial(_serve, engine, PER_SECOND), options)
        for engine in options.engines
    ]
    return rows


def _row(name: str, measure: Measure, options: Options) -> Row:
    seconds = options.scaled(20, least=2)
    figures = medians([measure(seconds) for _ in range(options.rounds)])
    most = MOST_IDLE if "idle" in name else MOST_STEADY
    return Row(name, figures, None, f"≤ {most:g} % of a core", figures["cpu_percent"] <= most)


def _serve(engine: str, per_second: int, seconds: float) -> dict[str, float]:
    with processes.sink() as sink, processes.database(engine) as url, served.serving(url) as hub:
        if per_second:
            hub.subscribe(92, sink)
            with clocked.posting(hub, [92], per_second=per_second):
                return _watched(hub.pid, seconds)
        return _watched(hub.pid, seconds)


def _work(seconds: float) -> dict[str, float]:
    with ExitStack() as stack:
        url = stack.enter_context(processes.database("postgresql"))
        uvloop.run(served.operator_key(url))
        return _watched(stack.enter_context(served.working(url)).pid, seconds)


def _watched(pid: int, seconds: float) -> dict[str, float]:
    time.sleep(min(SETTLED_SECONDS, seconds))
    began, cpu = time.monotonic(), processes.cpu_seconds(pid)
    time.sleep(seconds)
    spent, elapsed = processes.cpu_seconds(pid) - cpu, time.monotonic() - began
    return {
        "cpu_percent": spent / elapsed * 100,
        "resident_mb": psutil.Process(pid).memory_info().rss / 2**20,
    }
