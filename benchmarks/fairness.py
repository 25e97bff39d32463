"""The effect of unhealthy targets on healthy targets.

Of the targets of a hundred subscriptions, ten hang until the time limit, and ten fail.

``trunkline serve`` accepts a steady load. The time from the answer to an event until its arrival is measured at the eighty
healthy targets, once with all targets healthy and once with the unhealthy ones.
``python -m benchmarks.fairness`` runs the targets and prints their port: ``/hang`` never answers, ``/fail`` answers 500.
"""

import asyncio
import json
import time
from statistics import median
from typing import ClassVar

import psutil
import uvloop

from benchmarks import clocked, processes, served
from benchmarks.results import Options, Row, medians

SUBSCRIPTIONS, HANGING, FAILING = 100, 10, 10
PER_SECOND = 300
TIME_LIMIT_SECONDS = 3
"""The time limit of an attempt. It is shorter than the default, so that hanging targets are retried several times in a run."""
WARM_SECONDS = 2
TARGET_TIMES, TARGET_GROWTH = 1.1, 1.1


def run(options: Options) -> list[Row]:
    """Compare the healthy targets with and without unhealthy targets, on each engine."""
    return [_measured(engine, options) for engine in options.engines]


def _measured(engine: str, options: Options) -> Row:
    seconds = options.scaled(8, least=1)
    pairs = [
        (_round(engine, sick=False, seconds=seconds), _round(engine, sick=True, seconds=seconds))
        for _ in range(options.rounds)
    ]
    ratio = median(ours["p99_ms"] / base["p99_ms"] for base, ours in pairs)
    base, ours = (medians(list(side)) for side in zip(*pairs, strict=True))
    growth = ours["resident_mb"] / ours["resident_at_half_mb"]
    return Row(
        f"healthy beside sick subscriptions, {engine}",
        ours | {f"baseline_{name}": base[name] for name in ("p50_ms", "p99_ms", "worst_ms", "resident_mb")},
        ratio,
        f"p99 ≤ {TARGET_TIMES:g} times the baseline's; memory grows ≤ {TARGET_GROWTH - 1:.0%} in the second half",
        ratio <= TARGET_TIMES and growth <= TARGET_GROWTH,
    )


def _round(engine: str, *, sick: bool, seconds: float) -> dict[str, float]:
    limit = {"delivery__timeout_seconds": str(TIME_LIMIT_SECONDS)}
    with (
        processes.database(engine) as database_url,
        processes.child("benchmarks.fairness") as targets,
        served.serving(database_url, **limit) as hub,
    ):
        url = f"http://127.0.0.1:{int(targets.stdout.readline())}"
        for company, path in enumerate(paths(sick=sick), 1):
            hub.subscribe(company, f"{url}{path}")
        memory = psutil.Process(hub.pid).memory_info
        with clocked.posting(hub, range(1, SUBSCRIPTIONS + 1), per_second=PER_SECOND) as load:
            time.sleep(WARM_SECONDS)
            began = time.monotonic()
            time.sleep(seconds / 2)
            half = memory().rss
            time.sleep(seconds / 2)
            whole = memory().rss
        time.sleep(1)
        ways = load.ways(served.arrivals(url), since=began)
    return {
        "p50_ms": served.percentile(ways, 0.5) * 1000,
        "p99_ms": served.percentile(ways, 0.99) * 1000,
        "worst_ms": max(ways) * 1000,
        "resident_at_half_mb": half / 2**20,
        "resident_mb": whole / 2**20,
    }


def paths(*, sick: bool) -> list[str]:
    """Return the path of each subscription's target; with *sick*, some targets hang or fail."""
    ill = ["/hang"] * HANGING + ["/fail"] * FAILING if sick else ["/well"] * (HANGING + FAILING)
    return ill + ["/well"] * (SUBSCRIPTIONS - HANGING - FAILING)


class Target(asyncio.Protocol):
    """A connection to one of the targets. It records when each event first arrived at a healthy target."""

    received: ClassVar[dict[int, float]] = {}

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(_header(head, b"content-length") or 0)
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(head)

    def answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path == b"/arrivals":
            body = json.dumps(Target.received).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        elif path.startswith(b"/fail"):
            self.transport.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        elif not path.startswith(b"/hang"):
            Target.received.setdefault(int(_header(head, b"webhook-id")), time.monotonic())
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def _header(head: bytes, name: bytes) -> bytes:
    start = head.find(b"\r\n" + name + b":")
    return head[start + len(name) + 3 :].split(b"\r\n", 1)[0].strip() if start >= 0 else b""


async def run_targets() -> None:
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(run_targets())
