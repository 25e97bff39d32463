"""What the healthy notice of the sick: of a hundred subscriptions ten hang for the whole time limit, and ten fail.

A steady load is accepted, and the time from an event's acceptance to its arrival is taken at the targets of the eighty
healthy ones: first with all healthy, then with the sick among them, in turn.

``python -m benchmarks.fairness targets`` runs the targets and prints their port: ``/hang`` never answers, ``/fail`` answers
500. ``python -m benchmarks.fairness hub URL SICK SECONDS DATABASE`` accepts the load and delivers it.
"""

import asyncio
import json
import sys
import time
from statistics import median
from typing import ClassVar

import aiohttp
import psutil
import uvloop

from benchmarks import processes
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.runtime import process

SUBSCRIPTIONS, HANGING, FAILING = 100, 10, 10
PER_SECOND = 300
CONCURRENCY = 512
TIME_LIMIT_SECONDS = 3
"""Of an attempt; shorter than by default, so that a run sees the sick time out and be tried again several times."""
WARM_SECONDS = 2
TARGET_TIMES, TARGET_GROWTH = 1.1, 1.1


def run(options: Options) -> list[Row]:
    """Compare the healthy beside the sick with the healthy among themselves, on either engine."""
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
    with (
        processes.database(engine) as database_url,
        processes.child("benchmarks.fairness", "targets") as targets,
    ):
        url = f"http://127.0.0.1:{int(targets.stdout.readline())}"
        return processes.measure(
            "benchmarks.fairness", "hub", url, str(int(sick)), str(seconds), database_url
        )


# --- the targets ----------------------------------------------------------------------------------------------------


class Target(asyncio.Protocol):
    """One connection to any of the targets; keeps when each event first came to a healthy one."""

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
        if path == b"/received":
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


# --- the hub --------------------------------------------------------------------------------------------------------


def paths(*, sick: bool) -> list[str]:
    """Where each subscription's events go."""
    ill = ["/hang"] * HANGING + ["/fail"] * FAILING if sick else ["/well"] * (HANGING + FAILING)
    return ill + ["/well"] * (SUBSCRIPTIONS - HANGING - FAILING)


async def deliver(url: str, database_url: str, *, sick: bool, seconds: float) -> dict[str, float]:
    """Accept ``PER_SECOND`` events, company by company, and find out how long each was on its way to a healthy target."""
    limit = {"delivery__timeout_seconds": str(TIME_LIMIT_SECONDS)}
    async with (
        make_hub(database_url, dispatch=True, concurrency=CONCURRENCY, **limit) as hub,
        aiohttp.ClientSession() as session,
    ):
        for company, path in enumerate(paths(sick=sick), 1):
            request = {"target_url": f"{url}{path}", "event_types": ["*"]}
            await hub.subscriptions.create(company, request, channel="webhooks")
        process.tune()
        await _load(hub, min(WARM_SECONDS, seconds))
        memory = psutil.Process().memory_info
        accepted = await _load(hub, seconds / 2)
        half = memory().rss
        accepted |= await _load(hub, seconds / 2)
        whole = memory().rss
        await asyncio.sleep(1)
        async with session.get(f"{url}/received") as answer:
            received = {int(position): at for position, at in (await answer.json(content_type=None)).items()}
    missing = sum(position not in received for position in accepted)
    assert not missing, f"{missing} of {len(accepted)} events did not reach a healthy target"
    taken = sorted(max(received[position] - at, 0) * 1000 for position, at in accepted.items())
    return {
        "p50_ms": taken[len(taken) // 2],
        "p99_ms": taken[len(taken) * 99 // 100],
        "worst_ms": taken[-1],
        "resident_at_half_mb": half / 2**20,
        "resident_mb": whole / 2**20,
    }


async def _load(hub: Hub, seconds: float) -> dict[int, float]:
    """Accept by the clock; gives when each event of a healthy subscription was accepted."""
    accepted: dict[int, float] = {}
    running: set[asyncio.Task[None]] = set()

    async def accept(company: int) -> None:
        done = await hub.ingest.accept(Submission(drafts(company, 1)))
        if company > HANGING + FAILING:
            accepted[done.events[0].position] = time.monotonic()

    began = time.monotonic()
    for number in range(int(PER_SECOND * seconds)):
        await asyncio.sleep(began + number / PER_SECOND - time.monotonic())
        task = asyncio.create_task(accept(number % SUBSCRIPTIONS + 1))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return accepted


def main() -> None:
    kind, *arguments = sys.argv[1:]
    if kind == "targets":
        uvloop.run(run_targets())
        return
    url, sick, seconds, database_url = arguments
    print(json.dumps(uvloop.run(deliver(url, database_url, sick=bool(int(sick)), seconds=float(seconds)))))


if __name__ == "__main__":
    main()
