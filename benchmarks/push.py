"""Deliveries per second and CPU per delivery: the dispatcher, or the bare loop that it is compared with.

``python -m benchmarks.push loop URL COUNT`` posts one body in a bare aiohttp loop.
``python -m benchmarks.push hub URL COUNT DATABASE`` delivers COUNT stored events: read, matched, signed, posted, logged.
"""

import asyncio
import json
import sys
import time

import aiohttp
import uvloop
from sqlalchemy import text

from benchmarks.hubs import drafts, make_hub
from trunkline.ingest import Submission
from trunkline.server import tune_memory

CONCURRENCY = 64
COMPANIES = 16


async def bare_loop(url: str, count: int) -> dict[str, float]:
    """Post the same body *count* times, ``CONCURRENCY`` at once."""
    body = drafts(1, 1)[0].envelope(1000)
    left = iter(range(count))

    async def post(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=body, headers={"content-type": "application/json"}) as answer:
                await answer.read()

    async with aiohttp.ClientSession() as session:
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(post(session) for _ in range(CONCURRENCY)))
        return _result(count, began, cpu)


async def hub_pushes(url: str, count: int, database_url: str) -> dict[str, float]:
    """Store *count* events for ``COMPANIES`` subscriptions, then start the dispatcher and wait until all are settled."""
    each = count // COMPANIES
    async with make_hub(database_url, dispatch=False) as hub:
        for company in range(1, COMPANIES + 1):
            request = {"target_url": url, "event_types": ["*"]}
            await hub.subscriptions.create(company, request, channel="webhooks")
        for start in range(0, each, 50):
            for company in range(1, COMPANIES + 1):
                await hub.ingest.accept(Submission(drafts(company, min(50, each - start))))
    hub = make_hub(database_url, dispatch=True, concurrency=CONCURRENCY)
    began, cpu = time.perf_counter(), time.process_time()
    async with hub:
        tune_memory()
        began, cpu = time.perf_counter(), time.process_time()
        await _settled(hub, each * COMPANIES)
        return _result(each * COMPANIES, began, cpu)


async def _settled(hub, count: int) -> None:
    while True:
        await asyncio.sleep(0.05)
        counted = hub.metrics.registry.get_sample_value(
            "trunkline_attempts_total", {"channel": "webhooks", "outcome": "delivered"}
        )
        if (counted or 0) >= count:
            break
    async with hub.database.read() as connection:
        rows = (
            await connection.execute(text("SELECT status, count(*) FROM deliveries GROUP BY status"))
        ).all()
    assert dict(map(tuple, rows)) == {"delivered": count}, rows


def _result(count: int, began: float, cpu: float) -> dict[str, float]:
    seconds = time.perf_counter() - began
    return {
        "per_second": count / seconds,
        "cpu_us": (time.process_time() - cpu) / count * 1e6,
        "count": count,
    }


def main() -> None:
    kind, url, count, *rest = sys.argv[1:]
    work = bare_loop(url, int(count)) if kind == "loop" else hub_pushes(url, int(count), *rest)
    print(json.dumps(uvloop.run(work)))


if __name__ == "__main__":
    main()
