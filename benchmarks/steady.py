"""The share of a core of ``trunkline serve`` and ``trunkline worker`` when idle, and the cost of single events at a low rate.

The low rate is 200 and 20 single events a second for one subscription. A core that sleeps between two events takes
several times as long for an event as a busy core. So each figure is compared with the floor on PostgreSQL
(``benchmarks.floor``) of the same round.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack

import psutil
import uvloop

from benchmarks import clocked, processes, served
from benchmarks.results import Options, Row, medians

RATES = (200, 20)
MOST_IDLE = 0.5
"""The limit of an idle process, in percent of a core."""
MOST_OF_FLOOR = {
    "postgresql": {
        "post_p50": 1.25,
        "post_p99": 1.25,
        "to_target_p50": 1.4,
        "to_target_p99": 1.4,
        "cpu": 1.6,
    },
    "sqlite": {"post_p50": 1.0, "post_p99": 1.0, "to_target_p50": 1.15, "to_target_p99": 1.15, "cpu": 1.2},
}
SETTLED_SECONDS = 6

Figures = dict[str, float]


def run(options: Options) -> list[Row]:
    """Measure both engines; a worker needs PostgreSQL."""
    seconds = options.scaled(20, least=1)
    rows = [
        _idle(f"serve, idle, {engine}", [_serve(engine, seconds) for _ in range(options.rounds)])
        for engine in options.engines
    ]
    rows.append(_idle("worker, idle, postgresql", [_work(seconds) for _ in range(options.rounds)]))
    rates = {
        rate: [_low_rate(rate, options.engines, seconds) for _ in range(options.rounds)] for rate in RATES
    }
    for rate, rounds in rates.items():
        rows += [
            Row(f"{name}, {rate}/s", medians([figures[name] for figures in rounds]), None, "", met=True)
            for name in rounds[0]
        ]
    return rows + [
        _ratios(engine, rate, rounds) for rate, rounds in rates.items() for engine in options.engines
    ]


def _idle(name: str, rounds: list[Figures]) -> Row:
    figures = medians(rounds)
    return Row(name, figures, None, f"≤ {MOST_IDLE:g} % of a core", figures["cpu_percent"] <= MOST_IDLE)


def _ratios(engine: str, rate: int, rounds: list[Mapping[str, Figures]]) -> Row:
    most = MOST_OF_FLOOR[engine]
    ratios = medians(
        [_by_floor(figures[f"serve, {engine}"], figures["floor, postgresql"]) for figures in rounds]
    )
    target = "≤ " + ", ".join(f"{each:g}" for each in most.values())
    met = all(ratios[name] <= most[name] for name in most)
    return Row(f"serve, {engine}, {rate}/s, to the floor", ratios, None, target, met)


def _by_floor(ours: Figures, floor: Figures) -> Figures:
    names = {
        name.removesuffix("_ms").removesuffix("_percent"): name for name in floor if name != "resident_mb"
    }
    return {short: ours[name] / floor[name] for short, name in names.items()}


def _serve(engine: str, seconds: float) -> Figures:
    with processes.database(engine) as url, served.serving(url) as hub:
        return watched(hub.pid, seconds)


def _work(seconds: float) -> Figures:
    with ExitStack() as stack:
        url = stack.enter_context(processes.database("postgresql"))
        uvloop.run(served.operator_key(url))
        return watched(stack.enter_context(served.working(url)).pid, seconds)


def _low_rate(rate: int, engines: tuple[str, ...], seconds: float) -> dict[str, Figures]:
    """Measure the floor, then the hub, on each engine."""
    figures: dict[str, Figures] = {}
    for engine in processes.ENGINES:
        with processes.database(engine) as url, processes.child("benchmarks.sink", "arrivals") as sink:
            target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
            with processes.child("benchmarks.floor", url, target) as floor:
                server = served.Server(f"http://127.0.0.1:{int(floor.stdout.readline())}", floor.pid, "-")
                figures[f"floor, {engine}"] = _posted_to(server, target, rate, seconds)
        if engine not in engines:
            continue
        with processes.database(engine) as url, processes.child("benchmarks.sink", "arrivals") as sink:
            target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
            with served.serving(url) as hub:
                hub.subscribe(92, target)
                figures[f"serve, {engine}"] = _posted_to(hub, target, rate, seconds)
    return figures


def _posted_to(server: served.Server, target: str, rate: int, seconds: float) -> Figures:
    """Post events for *seconds*, and measure them; an event's times count from its request."""
    with clocked.posting(server, [92], per_second=rate) as load:
        taken = watched(server.pid, seconds)
        until = time.monotonic()
    arrivals = served.arrivals(target)
    events = [event for event, at in load.sent.items() if until - seconds <= at < until and event in arrivals]
    posts = [(load.answered[event] - load.sent[event]) * 1000 for event in events]
    ways = [(arrivals[event] - load.sent[event]) * 1000 for event in events]
    return {
        "post_p50_ms": served.percentile(posts, 0.5),
        "post_p99_ms": served.percentile(posts, 0.99),
        "to_target_p50_ms": served.percentile(ways, 0.5),
        "to_target_p99_ms": served.percentile(ways, 0.99),
        **taken,
    }


def watched(pid: int, seconds: float) -> Figures:
    """Measure a process's share of a core and its memory for *seconds*, after a pause in which the process settles."""
    time.sleep(min(SETTLED_SECONDS, seconds))
    began, cpu = time.monotonic(), processes.cpu_seconds(pid)
    time.sleep(seconds)
    spent, elapsed = processes.cpu_seconds(pid) - cpu, time.monotonic() - began
    return {
        "cpu_percent": spent / elapsed * 100,
        "resident_mb": psutil.Process(pid).memory_info().rss / 2**20,
    }
