"""The latency of polls at a thousand a second: pages of ten events, and empty pages from up-to-date cursors.

The load is open-loop: polls are sent when due, even if earlier ones have no answer yet. Latency counts from the moment at
which a poll was due, so the figures show when a server falls behind. The server is ``trunkline serve``, dispatcher included.

``python -m benchmarks.polls PER_SECOND SECONDS`` reads the URLs to poll from standard input, as JSON, and prints percentiles.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import deque
from urllib.parse import urlsplit

import uvloop

from benchmarks import processes, served
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.ingest.accept import Submission
from trunkline.model import cursors

PER_SECOND = 1000
CONNECTIONS = 64
COMPANIES = 50
EVENTS_EACH = 200
PAGE = 10
TARGET_MS = 10.0


def run(options: Options) -> list[Row]:
    """Poll a served log on each engine."""
    return [_measured(engine, options) for engine in options.engines]


def _measured(engine: str, options: Options) -> Row:
    seconds = options.scaled(8)
    with processes.database(engine) as database_url:
        keys = uvloop.run(fill(database_url))
        with served.started(database_url) as (url, _):
            served.warm(url)
            where = json.dumps({"url": url, "keys": keys, "head": COMPANIES * EVENTS_EACH})
            rounds = [_load(where, seconds) for _ in range(options.rounds)]
    figures = medians(rounds)
    return Row(
        f"GET /events at {PER_SECOND:,}/s, {engine}",
        figures,
        None,
        f"p99 ≤ {TARGET_MS:g} ms",
        figures["p99_ms"] <= TARGET_MS and figures["answered_per_second"] > PER_SECOND * 0.98,
    )


def _load(where: str, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.polls", str(PER_SECOND), str(seconds)]
    done = subprocess.run(
        command, input=where, stdout=subprocess.PIPE, check=True, text=True, timeout=seconds + 60
    )
    return json.loads(done.stdout)


async def fill(database_url: str) -> list[str]:
    """Fill a log; return the key of each company."""
    keys = []
    async with make_hub(database_url, dispatch=False) as hub:
        for company in range(1, COMPANIES + 1):
            _, key = await hub.keys.create(company, name="bench", scopes=["events:read"])
            keys.append(key)
        for _ in range(EVENTS_EACH // 50):
            for company in range(1, COMPANIES + 1):
                await hub.ingest.accept(Submission(drafts(company, 50)))
    return keys


# --- the load -------------------------------------------------------------------------------------------------------


def requests(host: str, keys: list[str], head: int) -> list[bytes]:
    """Return, for each key, a request for a page of events and a request for an empty page."""
    return [
        (
            f"GET /api/v1/events?limit={PAGE}&cursor={cursors.encode(after)} HTTP/1.1\r\n"
            f"Host: {host}\r\nX-Api-Key: {key}\r\nAccept: application/json\r\n\r\n"
        ).encode()
        for number, key in enumerate(keys)
        for after in (head, number * head // len(keys) // 2)
    ]


class Client(asyncio.Protocol):
    """A connection that sends a given request, and reports when it is free for the next request."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.buffer = b""
        self.due = 0.0

    def connection_made(self, transport):
        self.transport = transport
        self.load.free.append(self)

    def send(self, due: float, request: bytes) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        start = head.find(b"content-length:")
        if len(self.buffer) < end + 4 + int(head[start + 15 :].split(b"\r\n", 1)[0]):
            return
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(self.buffer.decode())
        self.buffer = b""
        self.load.answered(self)


class Load:
    """Sends due requests over free connections; the latency includes the wait for a free connection."""

    def __init__(self, prepared: list[bytes]) -> None:
        self.prepared = prepared
        self.free: list[Client] = []
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.latencies: list[float] = []

    def answered(self, client: Client) -> None:
        self.latencies.append(time.perf_counter() - client.due)
        if self.waiting:
            client.send(*self.waiting.popleft())
        else:
            self.free.append(client)

    async def send(self, per_second: int, seconds: float) -> None:
        choice = random.Random(1).choice
        began = time.perf_counter()
        for number in range(int(per_second * seconds)):
            due = began + number / per_second
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if self.free:
                self.free.pop(0).send(due, choice(self.prepared))
            else:
                self.waiting.append((due, choice(self.prepared)))


async def load(where: dict, per_second: int, seconds: float) -> dict[str, float]:
    """Poll for a second to warm up, then for *seconds*."""
    parts = urlsplit(where["url"])
    sender = Load(requests(parts.netloc, where["keys"], where["head"]))
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Client(sender), parts.hostname, parts.port)
    await sender.send(per_second, 1)
    sender.latencies.clear()
    began = time.perf_counter()
    await sender.send(per_second, seconds)
    while len(sender.free) < CONNECTIONS:
        await asyncio.sleep(0.001)
    taken = sorted(sender.latencies)
    return {
        "answered_per_second": len(taken) / (time.perf_counter() - began),
        "p50_ms": taken[len(taken) // 2] * 1000,
        "p99_ms": taken[len(taken) * 99 // 100] * 1000,
        "worst_ms": taken[-1] * 1000,
    }


def main() -> None:
    per_second, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(load(json.load(sys.stdin), int(per_second), float(seconds)))))


if __name__ == "__main__":
    main()
