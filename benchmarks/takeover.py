"""How long shards wait when they change workers: one of two ``trunkline worker`` is killed, or a second worker joins.

Before the kill, both workers have run for longer than a lease, since a new worker does not take over shards. Companies of every
shard get an event each tenth of a second. A company's wait ends when the first event that was stored after the kill arrives.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Collection
from typing import Any

import uvloop

from benchmarks import processes, served
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from benchmarks.scaling import shared_out
from trunkline.dispatch.leases.leases import JUDGE_SECONDS
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.model.events import shard_of

SHARDS = 16
MOST_SECONDS = 2.0
JOINED_SECONDS = 1.0
LONGEST_SECONDS = 20.0


def run(options: Options) -> list[Row]:
    """In each round, kill a worker, and let another join; PostgreSQL only, since an SQLite file has one process."""
    figures = medians([uvloop.run(_killed()) for _ in range(options.rounds)])
    met = figures["flows_again_ms"] <= MOST_SECONDS * 1000
    return [
        Row("one of two workers killed, postgresql", figures, None, f"≤ {MOST_SECONDS:g} s", met),
        *(_joining(options, **kind) for kind in ({}, {"hangs": True}, {"hangs": True, "is_ordered": True})),
    ]


def _joining(options: Options, *, hangs: bool = False, is_ordered: bool = False) -> Row:
    seconds = options.scaled(15, least=1)
    rounds = [uvloop.run(_joined(seconds, hangs=hangs, is_ordered=is_ordered)) for _ in range(options.rounds)]
    figures = medians(rounds)
    beside = f" beside targets that hang{', in order' if is_ordered else ''}" if hangs else ""
    met = figures["waits_ms"] <= JOINED_SECONDS * 1000
    return Row(f"one worker joins another{beside}, postgresql", figures, None, f"≤ {JOINED_SECONDS:g} s", met)


async def _joined(seconds: float, *, hangs: bool, is_ordered: bool) -> dict[str, float]:
    """Start a second worker after the first has run for *seconds*; return how long the events after that waited."""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(processes.child("benchmarks.sink", "arrivals"))
        target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        sick = stack.enter_context(processes.child("benchmarks.fairness"))
        database_url = stack.enter_context(processes.database("postgresql"))
        async with make_hub(database_url, dispatch=False) as hub:
            requests: list[dict[str, Any]] = [{"target_url": target, "event_types": ["*"]}]
            if hangs:
                hanging = f"http://127.0.0.1:{int(sick.stdout.readline())}/hang"
                ordering = "subscription" if is_ordered else None
                requests.append({"target_url": hanging, "event_types": ["*"], "ordering": ordering})
            for company, request in itertools.product(companies(), requests):
                await hub.subscriptions.create(company, request, channel="webhooks")
            stack.enter_context(served.working(database_url))
            await shared_out(hub, workers=1, shards=SHARDS)
            await _emit(hub, seconds=seconds)
            stack.enter_context(served.working(database_url))
            emitted = await _emit(hub, seconds=6)
            await shared_out(hub, workers=2, shards=SHARDS)
            stored = {position: at for each in emitted.values() for position, at in each.items()}
            arrivals = await _arrivals(target, stored)
    waits = sorted(arrivals[position] - at for position, at in stored.items())
    return {"waits_ms": waits[-1] * 1000, "p50_ms": served.percentile(waits, 0.5) * 1000}


async def _arrivals(sink: str, expected: Collection[int]) -> dict[int, float]:
    """Wait until *sink* has received all *expected* events; return the arrival times of all events."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            arrivals = await asyncio.to_thread(served.arrivals, sink)
            if arrivals.keys() >= set(expected):
                return arrivals
            await asyncio.sleep(0.1)


async def _killed() -> dict[str, float]:
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(processes.child("benchmarks.sink", "arrivals"))
        target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        database_url = stack.enter_context(processes.database("postgresql"))
        async with make_hub(database_url, dispatch=False) as hub:
            for company in companies():
                request = {"target_url": target, "event_types": ["*"]}
                await hub.subscriptions.create(company, request, channel="webhooks")
            workers = [stack.enter_context(served.working(database_url)) for _ in range(2)]
            await shared_out(hub, workers=2, shards=SHARDS)
            await _emit(hub, seconds=JUDGE_SECONDS + 2)
            workers[0].kill()
            killed = time.monotonic()
            emitted = await _emit(hub, seconds=LONGEST_SECONDS, until_all_arrived=target)
            arrivals = await asyncio.to_thread(served.arrivals, target)
    first = {
        company: min(arrivals[position] for position in positions if position in arrivals)
        for company, positions in emitted.items()
    }
    waits = sorted(at - killed for at in first.values())
    return {"flows_again_ms": waits[-1] * 1000, "of_the_living_ms": waits[0] * 1000}


def companies() -> list[int]:
    """Return one company of each shard."""
    chosen: dict[int, int] = {}
    company = 0
    while len(chosen) < SHARDS:
        company += 1
        chosen.setdefault(shard_of(company, SHARDS), company)
    return sorted(chosen.values())


async def _emit(
    hub: Hub, *, seconds: float, until_all_arrived: str | None = None
) -> dict[int, dict[int, float]]:
    """Store an event of each company, ten times a second, for *seconds* or until an event of each company has arrived.

    Returns the times of storing (monotonic seconds) by id, for each company.
    """
    emitted: dict[int, dict[int, float]] = {company: {} for company in companies()}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for company, positions in emitted.items():
            done = await hub.ingest.accept(Submission(drafts(company, 1)))
            positions[done.events[0].position] = time.monotonic()
        if until_all_arrived is not None:
            arrivals = await asyncio.to_thread(served.arrivals, until_all_arrived)
            if all(any(position in arrivals for position in each) for each in emitted.values()):
                break
        await asyncio.sleep(0.1)
    return emitted
