"""``POST /events`` beside a bare FastAPI endpoint: authenticated, limited, validated and committed; 64 connections."""

from benchmarks import processes
from benchmarks.hubs import PAYLOAD
from benchmarks.results import Options, Row, medians

BODY = b'{"type":"client.created","payload":' + PAYLOAD + b"}"
LEAST = 0.6


def run(options: Options) -> list[Row]:
    """Measure both engines, each hub beside the endpoint at the same moment."""
    return [
        _row(engine, [_round(engine, 4 * options.scale) for _ in range(options.rounds)])
        for engine in options.engines
    ]


def _round(engine: str, seconds: float) -> dict[str, float]:
    with processes.database(engine) as database_url:
        bare, hub = (
            processes.load(kind, database_url, BODY, path="/api/v1/events", connections=64, seconds=seconds)
            for kind in ("bare", "hub")
        )
    return {
        "per_second": hub["per_second"],
        "baseline_per_second": bare["per_second"],
        "p50_ms": hub["p50_ms"],
        "p99_ms": hub["p99_ms"],
        "ratio": hub["per_second"] / bare["per_second"],
    }


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio = figures.pop("ratio")
    return Row(f"POST /events, {engine}", figures, ratio, f"≥ {LEAST}", ratio >= LEAST)
