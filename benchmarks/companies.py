"""The cost of a hundred thousand companies with one subscription each in ``trunkline serve``, compared with one company.

*Start* is the time until the hub serves. *First delivery* is the time from the start until an event reaches a target. *A
change* is the time from the answer to a new subscription until an event posted after it reaches its target.
"""

import time
from statistics import median

import orjson
import uvloop

from benchmarks import processes, served
from benchmarks.hubs import PAYLOAD
from benchmarks.matching import subscribe
from benchmarks.results import Options, Row, medians
from benchmarks.steady import MOST_IDLE, watched

COMPANIES = 100_000
CHANGES = 20
IDLE_SECONDS = 20
OTHER = 10_000_000
"""The id of a company that is not measured."""


def run(options: Options) -> list[Row]:
    """Measure both engines."""
    return [_row(engine, options) for engine in options.engines]


def _row(engine: str, options: Options) -> Row:
    companies = options.scaled(COMPANIES, least=20)
    with processes.database(engine) as one, processes.database(engine) as many:
        baseline = _figures(one, 1, options)
        figures = _figures(many, companies, options)
    figures |= {f"baseline_{name}": value for name, value in baseline.items()}
    target = f"idle ≤ {MOST_IDLE:g} % of a core"
    return Row(
        f"{companies:,} companies, {engine}", figures, None, target, figures["idle_cpu_percent"] <= MOST_IDLE
    )


def _figures(database_url: str, companies: int, options: Options) -> dict[str, float]:
    uvloop.run(subscribe(database_url, companies=companies, each=1))
    key = uvloop.run(served.operator_key(database_url))
    with processes.child("benchmarks.sink", "arrivals") as process:
        sink = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        with served.started(database_url) as (url, pid):
            served.Server(url, pid, key).subscribe(OTHER, sink)
        return medians(
            [
                _once(database_url, key, sink, OTHER + 1 + turn * CHANGES, options)
                for turn in range(options.rounds)
            ]
        )


def _once(database_url: str, key: str, sink: str, company: int, options: Options) -> dict[str, float]:
    """Start a hub and measure it; new subscriptions are made for companies from the id *company* on."""
    began = time.monotonic()
    with served.started(database_url) as (url, pid):
        started = time.monotonic()
        hub = served.Server(url, pid, key)
        first = _arrival(hub, sink, OTHER)
        changes: list[float] = []
        for number in range(options.scaled(CHANGES)):
            hub.subscribe(company + number, sink)
            changed = time.monotonic()
            changes.append(_arrival(hub, sink, company + number) - changed)
        idle = watched(pid, options.scaled(IDLE_SECONDS))
        return {
            "start_ms": (started - began) * 1000,
            "first_delivery_ms": (first - began) * 1000,
            "a_change_ms": median(changes) * 1000,
            "idle_cpu_percent": idle["cpu_percent"],
            "resident_mb": idle["resident_mb"],
        }


def _arrival(hub: served.Server, sink: str, company: int) -> float:
    """Post an event; return when it reached *sink* (monotonic seconds)."""
    body = {"type": "client.created", "payload": orjson.loads(PAYLOAD)}
    event = hub.call("POST", "/api/v1/events", body, company=company)["id"]
    deadline = time.monotonic() + 30
    while event not in (arrivals := served.arrivals(sink)):
        assert time.monotonic() < deadline, "the event has not arrived within 30 s"
        time.sleep(0.01)
    return arrivals[event]
