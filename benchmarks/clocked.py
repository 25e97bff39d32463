"""An open-loop load: single events, each sent when it is due, even if earlier ones have no answer yet.

``python -m benchmarks.clocked URL KEY PER_SECOND COMPANY …`` posts for the companies in turn until its standard input ends. It
prints a line when the first event is answered. At the end it prints the times of sending and answer by event id
(``time.monotonic``).
"""

import asyncio
import contextlib
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import uvloop

from benchmarks.hubs import PAYLOAD
from benchmarks.served import Server


@dataclass(slots=True)
class Load:
    """The times at which each event was sent and answered, complete when the load has ended."""

    sent: dict[int, float] = field(default_factory=dict[int, float])
    answered: dict[int, float] = field(default_factory=dict[int, float])

    def ways(
        self, arrivals: Mapping[int, float], *, since: float = 0.0, until: float = math.inf
    ) -> list[float]:
        """Return the seconds from answer to arrival of each event that was answered between *since* and *until*."""
        return [
            max(arrivals[event] - at, 0.0)
            for event, at in self.answered.items()
            if since <= at < until and event in arrivals
        ]


@contextlib.contextmanager
def posting(hub: Server, companies: Sequence[int], *, per_second: float) -> Iterator[Load]:
    """Post events while the block runs; the block begins when the first event is answered."""
    load = Load()
    command = [sys.executable, "-m", "benchmarks.clocked", hub.url, hub.key, str(per_second)]
    process: Any = subprocess.Popen(
        [*command, *map(str, companies)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        process.stdout.readline()
        yield load
    finally:
        said, _ = process.communicate("", timeout=60)
    for event, (sent, answered) in json.loads(said).items():
        load.sent[int(event)], load.answered[int(event)] = sent, answered


async def post_all(
    url: str, key: str, per_second: float, companies: Sequence[int]
) -> dict[int, tuple[float, float]]:
    """Post until standard input ends; return when each event was sent and answered."""
    times: dict[int, tuple[float, float]] = {}
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    # A thread of the executor would keep the process alive if an event is refused.
    threading.Thread(target=wait_for_end, daemon=True).start()
    headers = {"X-Api-Key": key, "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:

        async def post(company: int) -> None:
            body = b'{"companyId":%d,"type":"client.created","payload":%b}' % (company, PAYLOAD)
            sent = time.monotonic()
            async with session.post(f"{url}/api/v1/events", data=body) as answer:
                said = orjson.loads(await answer.read())
            assert answer.status == 201, said
            if not times:
                print("posting", flush=True)
            times[said["id"]] = sent, time.monotonic()

        began, number = time.monotonic(), 0
        while not ended.is_set():
            group.create_task(post(companies[number % len(companies)]))
            number += 1
            await asyncio.sleep(began + number / per_second - time.monotonic())
    return times


if __name__ == "__main__":
    url, key, per_second, *numbers = sys.argv[1:]
    print(json.dumps(uvloop.run(post_all(url, key, float(per_second), [int(number) for number in numbers]))))
