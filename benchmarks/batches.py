"""``POST /events/batch`` with 100 events of 0.5 KB: authenticated, limited, validated and committed; 16 connections."""

from benchmarks import processes
from benchmarks.accept import BODY
from benchmarks.results import Options, Row, medians

EVENTS = 100
LEAST_PER_SECOND = 30_000


def run(options: Options) -> list[Row]:
    """Measure both engines."""
    return [
        _row(engine, [_round(engine, 4 * options.scale) for _ in range(options.rounds)])
        for engine in options.engines
    ]


def _round(engine: str, seconds: float) -> dict[str, float]:
    body = b'{"events":[' + b",".join([BODY] * EVENTS) + b"]}"
    with processes.database(engine) as database_url:
        measured = processes.load(
            "hub", database_url, body, path="/api/v1/events/batch", connections=16, seconds=seconds
        )
    return {
        "events_per_second": measured["per_second"] * EVENTS,
        "p50_ms": measured["p50_ms"],
        "p99_ms": measured["p99_ms"],
    }


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    met = figures["events_per_second"] >= LEAST_PER_SECOND
    return Row(f"batches of {EVENTS}, {engine}", figures, None, f"≥ {LEAST_PER_SECOND:,}/s", met)
