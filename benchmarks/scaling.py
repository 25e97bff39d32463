"""Two ``trunkline worker`` processes on two shards beside one: deliveries per second, and whose CPU they take."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Mapping

import aiohttp
import psutil
from sqlalchemy import text

from benchmarks import processes, served
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission

SHARDS = 2
LEAST = 0.8
"""Of what the cores can give at the CPU that a delivery takes: of the worker, of its target, of PostgreSQL."""
COMPANIES = 16


def run(options: Options) -> list[Row]:
    """Measure one worker and two at the same moment; PostgreSQL only, since an SQLite file has one process."""
    count = options.scaled(24_000, least=COMPANIES * 4) // COMPANIES * COMPANIES
    rounds = [_round(count) for _ in range(options.rounds)]
    figures = medians(rounds)
    ratio = figures.pop("ratio")
    met = figures["per_second"] >= LEAST * figures["at_most_per_second"]
    target = f"≥ {LEAST} of what the cores can give at most"
    return [Row("two workers beside one, postgresql", figures, ratio, target, met)]


def _round(count: int) -> dict[str, float]:
    alone, together = (asyncio.run(_measure(workers, count)) for workers in (1, 2))
    each = together["worker_us"] + together["sink_us"] + together["postgresql_us"]
    return {
        "per_second": together["per_second"],
        "baseline_per_second": alone["per_second"],
        "worker_us": together["worker_us"],
        "sink_us": together["sink_us"],
        "postgresql_us": together["postgresql_us"],
        "at_most_per_second": (os.cpu_count() or 1) / each * 1e6,
        "ratio": together["per_second"] / alone["per_second"],
    }


async def _measure(workers: int, count: int) -> dict[str, float]:
    """Let *workers* share the shards, then store *count* events at once and wait until the sink has them."""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(processes.child("benchmarks.sink"))
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        database_url = stack.enter_context(processes.database("postgresql"))
        settings = {"delivery__shards": str(SHARDS)}
        async with make_hub(database_url, dispatch=False, **settings) as hub:
            for company in range(1, COMPANIES + 1):
                request = {"target_url": url, "event_types": ["*"]}
                await hub.subscriptions.create(company, request, channel="webhooks")
            started = [stack.enter_context(served.working(database_url, **settings)) for _ in range(workers)]
            await shared_out(hub, workers=workers, shards=SHARDS)
            pids = {"sink": [sink.pid], "worker": [worker.pid for worker in started]}
            return await _deliver(hub, url, count, {**pids, "postgresql": [await _postmaster(hub)]})


async def _deliver(hub: Hub, url: str, count: int, pids: Mapping[str, list[int]]) -> dict[str, float]:
    backlog = [
        draft
        for turn in zip(*(drafts(c, count // COMPANIES) for c in range(1, COMPANIES + 1)), strict=True)
        for draft in turn
    ]
    await hub.ingest.accept(Submission(backlog))
    began, before = time.perf_counter(), _cpu(pids)
    async with aiohttp.ClientSession() as session:
        while await _received(session, url) < count:
            await asyncio.sleep(0.02)
    seconds, after = time.perf_counter() - began, _cpu(pids)
    spent = {f"{name}_us": (after[name] - before[name]) / count * 1e6 for name in pids}
    return {"per_second": count / seconds, **spent}


def _cpu(pids: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: sum(map(processes.cpu_seconds, own)) for name, own in pids.items()}


async def shared_out(hub: Hub, *, workers: int, shards: int) -> None:
    """Return when each of *workers* owns as many of the *shards* as the others."""
    async with asyncio.timeout(60):
        while True:
            async with hub.database.read() as connection:
                holders = (await connection.execute(text("SELECT holder FROM shards"))).scalars().all()
            owned = Counter(filter(None, holders))
            if owned.total() == shards and list(owned.values()) == [shards // workers] * workers:
                return
            await asyncio.sleep(0.1)


async def _postmaster(hub: Hub) -> int:
    async with hub.database.read() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return psutil.Process(backend).ppid()


async def _received(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(f"{url}count") as answer:
        return int(await answer.text())
