"""``POST /events/batch`` of ``trunkline serve`` with 100 events of 0.5 KB, on 4 connections."""

from benchmarks import processes, served
from benchmarks.results import Options, Row, medians

CONNECTIONS = 4
LEAST_PER_SECOND = 50_000


def run(options: Options) -> list[Row]:
    """Measure both engines."""
    return [
        _row(engine, [_round(engine, 4 * options.scale) for _ in range(options.rounds)])
        for engine in options.engines
    ]


def load(hub: served.Server, *, seconds: float) -> dict[str, float]:
    """Post batches one after the other on each connection (``processes.load``)."""
    event = served.EVENT.replace(b"{", b'{"companyId":92,', 1)
    body = b'{"events":[' + b",".join([event] * served.BATCH) + b"]}"
    return processes.load(
        hub.url, body, path="/api/v1/events/batch", key=hub.key, connections=CONNECTIONS, seconds=seconds
    )


def _round(engine: str, seconds: float) -> dict[str, float]:
    with processes.database(engine) as database_url, served.serving(database_url) as hub:
        measured = load(hub, seconds=seconds)
    return {
        "events_per_second": measured["per_second"] * served.BATCH,
        "p50_ms": measured["p50_ms"],
        "p99_ms": measured["p99_ms"],
    }


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    met = figures["events_per_second"] >= LEAST_PER_SECOND
    return Row(f"batches of {served.BATCH}, {engine}", figures, None, f"≥ {LEAST_PER_SECOND:,}/s", met)
