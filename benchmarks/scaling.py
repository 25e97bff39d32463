"""Two ``trunkline worker`` processes compared with one: deliveries per second, and the CPU by process.

The first load is from sixteen companies on two shards. The second is from one busy company with ten subscriptions,
whose shard is divided.
"""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import aiohttp
import psutil
from sqlalchemy import text

from benchmarks import processes, served
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.model.parts import PARTS

SHARDS = 2
LEAST = 0.8
"""The least rate, as a share of the highest possible rate.

The highest rate is the number of cores divided by the CPU time of a delivery (worker, target and PostgreSQL).
"""
COMPANIES = 16
HOT_SUBSCRIPTIONS = 10
HOT_EVENTS = 40_000
HOT_AT_ONCE = 2_000
"""The number of events that are stored twice a second until the company's shard is divided."""
HOT_SECONDS = 6.0
"""The duration of the measurement; it begins when the workers share the hot company, and ends during its backlog."""
_Spent = Mapping[str, Sequence[float]]
"""CPU seconds of the processes, keyed by the kind of process."""
Measure = Callable[[int], Coroutine[Any, Any, dict[str, float]]]


def run(options: Options) -> list[Row]:
    """Measure one worker and two at the same moment; PostgreSQL only, since an SQLite file has one process."""
    count = options.scaled(24_000, least=COMPANIES * 4) // COMPANIES * COMPANIES
    return [
        _row("two workers beside one, postgresql", lambda workers: _measure(workers, count), options),
        _row(
            "the same, of one hot company",
            lambda workers: _measure_hot(
                workers, options.scaled(HOT_EVENTS), options.scaled(HOT_SECONDS, least=1)
            ),
            options,
        ),
    ]


def _row(what: str, measure: Measure, options: Options) -> Row:
    figures = medians([_round(measure) for _ in range(options.rounds)])
    ratio = figures.pop("ratio")
    met = figures["per_second"] >= LEAST * figures["at_most_per_second"]
    target = f"≥ {LEAST} of what the cores can give at most"
    return Row(what, figures, ratio, target, met)


def _round(measure: Measure) -> dict[str, float]:
    alone, together = (asyncio.run(measure(workers)) for workers in (1, 2))
    each = together["worker_us"] + together["sink_us"] + together["postgresql_us"]
    return {
        "per_second": together["per_second"],
        "baseline_per_second": alone["per_second"],
        "worker_us": together["worker_us"],
        "sink_us": together["sink_us"],
        "postgresql_us": together["postgresql_us"],
        "at_most_per_second": (os.cpu_count() or 1) / each * 1e6,
        "lesser_percent": together["lesser_percent"],
        "ratio": together["per_second"] / alone["per_second"],
    }


async def _measure(workers: int, count: int) -> dict[str, float]:
    """Start *workers* that share the shards, store *count* events at once, and wait until the sink has received all."""
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


async def _measure_hot(workers: int, count: int, seconds: float) -> dict[str, float]:
    """Start *workers* that share the shard of one company with ten subscriptions, and deliver its *count* events."""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(processes.child("benchmarks.sink"))
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        database_url = stack.enter_context(processes.database("postgresql"))
        async with make_hub(database_url, dispatch=False) as hub:
            for _ in range(HOT_SUBSCRIPTIONS):
                request = {"target_url": url, "event_types": ["*"]}
                await hub.subscriptions.create(1, request, channel="webhooks")
            started = [stack.enter_context(served.working(database_url)) for _ in range(workers)]
            await shared_out(hub, workers=workers, shards=16)
            if workers > 1:
                await _divided(hub, workers)
            await hub.ingest.accept(Submission(list(drafts(1, count))))
            pids = {"sink": [sink.pid], "worker": [worker.pid for worker in started]}
            return await _watch(url, seconds, {**pids, "postgresql": [await _postmaster(hub)]})


async def _divided(hub: Hub, workers: int) -> None:
    """Send the company's events until all *workers* share the parts of its shard."""
    async with asyncio.timeout(60):
        while True:
            await hub.ingest.accept(Submission(list(drafts(1, HOT_AT_ONCE))))
            async with hub.engines.read() as connection:
                rows = await connection.execute(
                    text("SELECT count(holder), count(DISTINCT holder) FROM shard_parts")
                )
                if rows.one() == (PARTS, workers):
                    return
            await asyncio.sleep(0.5)


async def _watch(url: str, seconds: float, pids: Mapping[str, list[int]]) -> dict[str, float]:
    """Count the sink's deliveries and the CPU seconds for some *seconds*."""
    async with aiohttp.ClientSession() as session:
        count, before, began = await _received(session, url), _cpu(pids), time.perf_counter()
        await asyncio.sleep(seconds)
        count, after = await _received(session, url) - count, _cpu(pids)
    return _figures(count, time.perf_counter() - began, before, after)


def _figures(count: int, seconds: float, before: _Spent, after: _Spent) -> dict[str, float]:
    """Return the rate, the CPU time of a delivery, and the least busy worker's share of the workers' CPU time."""
    spent = {name: [a - b for a, b in zip(after[name], before[name], strict=True)] for name in before}
    own = spent["worker"]
    return {
        "per_second": count / seconds,
        **{f"{name}_us": sum(own) / count * 1e6 for name, own in spent.items()},
        "lesser_percent": min(own) / sum(own) * 100,
    }


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
    return _figures(count, time.perf_counter() - began, before, _cpu(pids))


def _cpu(pids: Mapping[str, list[int]]) -> _Spent:
    return {name: [processes.cpu_seconds(pid) for pid in own] for name, own in pids.items()}


async def shared_out(hub: Hub, *, workers: int, shards: int) -> None:
    """Wait until each of *workers* owns an equal part of the *shards*."""
    async with asyncio.timeout(60):
        while True:
            async with hub.engines.read() as connection:
                holders = (await connection.execute(text("SELECT holder FROM shards"))).scalars().all()
            owned = Counter(filter(None, holders))
            if owned.total() == shards and list(owned.values()) == [shards // workers] * workers:
                return
            await asyncio.sleep(0.1)


async def _postmaster(hub: Hub) -> int:
    async with hub.engines.read() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return psutil.Process(backend).ppid()


async def _received(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(f"{url}count") as answer:
        return int(await answer.text())
