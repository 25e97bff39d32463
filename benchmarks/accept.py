"""``POST /events`` of ``trunkline serve`` with its dispatcher, compared with a FastAPI endpoint that reads the body and answers."""

from benchmarks import processes, served
from benchmarks.results import Options, Row, medians

CONNECTIONS = 64
LEAST = 0.5


def run(options: Options) -> list[Row]:
    """Measure both engines; on each, the hub and the endpoint run at the same time."""
    return [
        _row(engine, [_round(engine, 4 * options.scale) for _ in range(options.rounds)])
        for engine in options.engines
    ]


def _round(engine: str, seconds: float) -> dict[str, float]:
    with processes.child("benchmarks.bare", "endpoint") as endpoint:
        url = f"http://127.0.0.1:{int(endpoint.stdout.readline())}"
        bare = _load(url, "-", endpoint.pid, seconds)
    with processes.database(engine) as database_url, served.serving(database_url) as hub:
        ours = _load(hub.url, hub.key, hub.pid, seconds)
    return {
        "per_second": ours["per_second"],
        "baseline_per_second": bare["per_second"],
        "cpu_us": ours["cpu_us"],
        "baseline_cpu_us": bare["cpu_us"],
        "p50_ms": ours["p50_ms"],
        "p99_ms": ours["p99_ms"],
        "ratio": ours["per_second"] / bare["per_second"],
    }


def load(url: str, key: str, *, seconds: float) -> dict[str, float]:
    """Post events one after the other on each connection (``processes.load``)."""
    body = served.EVENT.replace(b"{", b'{"companyId":92,', 1)
    return processes.load(url, body, path="/api/v1/events", key=key, connections=CONNECTIONS, seconds=seconds)


def _load(url: str, key: str, pid: int, seconds: float) -> dict[str, float]:
    before = processes.cpu_seconds(pid)
    measured = load(url, key, seconds=seconds)
    spent = processes.cpu_seconds(pid) - before
    return measured | {"cpu_us": spent / measured["count"] * 1e6}


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio = figures.pop("ratio")
    return Row(f"POST /events, {engine}", figures, ratio, f"≥ {LEAST}", ratio >= LEAST)
