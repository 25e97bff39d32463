"""What ``trunkline serve`` and ``trunkline worker`` take of a core: idle, and with 200 single events a second for one subscription.

The latter stands beside a bare relay, which posts on what it gets and keeps nothing: a core that sleeps between two events takes
several times as long for each as a busy one.
"""

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
SETTLED_SECONDS = 6

Measure = Callable[[], dict[str, float]]


def run(options: Options) -> list[Row]:
    """Measure both engines; a worker needs PostgreSQL."""
    seconds = options.scaled(20, least=2)
    rows = [
        _row(f"serve, idle, {engine}", partial(_serve, engine, seconds), options)
        for engine in options.engines
    ]
    rows.append(_row("worker, idle, postgresql", partial(_work, seconds), options))
    rows += [
        _row(f"serve, {PER_SECOND} events a second, {engine}", partial(_loaded, engine, seconds), options)
        for engine in options.engines
    ]
    return rows


def _row(name: str, measure: Measure, options: Options) -> Row:
    figures = medians([measure() for _ in range(options.rounds)])
    most = MOST_IDLE if "idle" in name else MOST_STEADY
    ratio = figures.pop("ratio", None)
    return Row(name, figures, ratio, f"≤ {most:g} % of a core", figures["cpu_percent"] <= most)


def _serve(engine: str, seconds: float) -> dict[str, float]:
    with processes.database(engine) as url, served.serving(url) as hub:
        return watched(hub.pid, seconds)


def _loaded(engine: str, seconds: float) -> dict[str, float]:
    with processes.sink() as sink:
        with processes.child("benchmarks.bare", "relay", sink) as relay:
            url = f"http://127.0.0.1:{int(relay.stdout.readline())}"
            bare = _posted_to(served.Server(url, relay.pid, "-"), seconds)["cpu_percent"]
        with processes.database(engine) as url, served.serving(url) as hub:
            hub.subscribe(92, sink)
            figures = _posted_to(hub, seconds)
    ours = figures.pop("cpu_percent")
    return {"cpu_percent": ours, "baseline_cpu_percent": bare, **figures, "ratio": ours / bare}


def _posted_to(server: served.Server, seconds: float) -> dict[str, float]:
    with clocked.posting(server, [92], per_second=PER_SECOND):
        return watched(server.pid, seconds)


def _work(seconds: float) -> dict[str, float]:
    with ExitStack() as stack:
        url = stack.enter_context(processes.database("postgresql"))
        uvloop.run(served.operator_key(url))
        return watched(stack.enter_context(served.working(url)).pid, seconds)


def watched(pid: int, seconds: float) -> dict[str, float]:
    """Tell what a process takes of a core for so long, when it has settled, and its memory."""
    time.sleep(min(SETTLED_SECONDS, seconds))
    began, cpu = time.monotonic(), processes.cpu_seconds(pid)
    time.sleep(seconds)
    spent, elapsed = processes.cpu_seconds(pid) - cpu, time.monotonic() - began
    return {
        "cpu_percent": spent / elapsed * 100,
        "resident_mb": psutil.Process(pid).memory_info().rss / 2**20,
    }
