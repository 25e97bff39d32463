"""Replaying a company's whole log to one subscription of ``trunkline serve``, during live traffic of another company."""

import time

from benchmarks import clocked, processes, served
from benchmarks.results import Options, Row, medians

EVENTS = 100_000
LIVE_PER_SECOND = 100
LEAST_PER_SECOND = 10_000


def run(options: Options) -> list[Row]:
    """Measure both engines."""
    events = options.scaled(EVENTS, least=1_000) // served.BATCH * served.BATCH
    return [
        _row(engine, [_round(engine, events) for _ in range(options.rounds)]) for engine in options.engines
    ]


def _round(engine: str, events: int) -> dict[str, float]:
    with (
        processes.child("benchmarks.sink", "arrivals") as live,
        processes.sink() as sink,
        processes.database(engine) as url,
        served.serving(url) as hub,
    ):
        live_url = f"http://127.0.0.1:{int(live.stdout.readline())}/"
        hub.subscribe(93, live_url)
        served.post_batches(hub, 92, events)
        subscription = hub.subscribe(92, sink)
        with clocked.posting(hub, [93], per_second=LIVE_PER_SECOND) as load:
            began = time.perf_counter()
            hub.call("POST", f"/api/v1/webhooks/subscriptions/{subscription}/replay", {})
            served.wait_for(sink, events)
            seconds = time.perf_counter() - began
        ways = load.ways(served.arrivals(live_url))
    return {"per_second": events / seconds, "live_p99_ms": served.percentile(ways, 0.99) * 1000}


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    met = figures["per_second"] >= LEAST_PER_SECOND
    return Row(f"replay to one subscription, {engine}", figures, None, f"≥ {LEAST_PER_SECOND:,}/s", met)
