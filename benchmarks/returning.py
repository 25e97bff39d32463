"""A target of ``trunkline serve`` returns after an hour: its 200,000 deliveries are due during deliveries of other companies.

One company's target refuses its events. Its subscription has no options, a limited rate, or an order by a key. Then the
ledger is set forward by an hour, and the target accepts everything. Twenty other companies have a hundred events a second, before
and during the return. An event's delay is the time from the answer to the event until its arrival.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psutil
from sqlalchemy import text

from benchmarks import clocked, processes, served
from benchmarks.results import Options, Row, medians
from trunkline.errors import StoreUnavailable
from trunkline.store.engines import EngineDatabase

EVENTS = 200_000
COMPANY, OTHERS = 92, range(101, 121)
PER_SECOND = 100
BEFORE_SECONDS = 8
LONGEST_SECONDS = 300
SETTLED_SECONDS = 1.5
"""The time until the last refused attempts are in the ledger."""
MOST_DEADLOCKS = 10
PACE = 2_000
KINDS: Mapping[str, Mapping[str, Any]] = {
    "as it comes": {},
    f"at {PACE:,}/s": {"rate": f"{PACE}/second"},
    "in order of a key": {"ordering": {"key": "/payload/client_id"}},
}
MOST_TIMES, FLOOR_MS, MOST_GROWTH_MB = 1.5, 10, 100
"""Limits of the other companies' p99, as a multiple of their p99 before the return, and of the growth of the process.

A p99 of ``FLOOR_MS`` or less is within the limit.
"""
SETTINGS = {"delivery__retry_schedule_seconds": "3600,3600,3600", "delivery__retry_jitter": "0"}
_OPEN = text("SELECT count(*) FROM deliveries WHERE status IN ('pending', 'held')")
_AN_HOUR_LATER = text("UPDATE deliveries SET due_ms = due_ms - 3600000 WHERE due_ms IS NOT NULL")


def run(options: Options) -> list[Row]:
    """Measure a returning target for each kind of subscription, on each engine."""
    events = options.scaled(EVENTS, least=1_000) // served.BATCH * served.BATCH
    before = max(BEFORE_SECONDS * options.scale, 1.0)
    return [
        _row(f"{kind}, {engine}", kind, [_round(engine, kind, events, before) for _ in range(options.rounds)])
        for engine in options.engines
        for kind in KINDS
    ]


def _round(engine: str, kind: str, events: int, before_seconds: float) -> dict[str, float]:
    with (
        processes.child("benchmarks.sink", "arrivals") as own,
        processes.child("benchmarks.sink", "arrivals") as other,
        processes.database(engine) as database_url,
        served.serving(database_url, **SETTINGS) as hub,
    ):
        target, others = (f"http://127.0.0.1:{int(sink.stdout.readline())}/" for sink in (own, other))
        for company in OTHERS:
            hub.subscribe(company, others)
        hub.subscribe(COMPANY, target, **KINDS[kind])
        served.tell(target, "refuse")
        batches = served.post_batches(hub, COMPANY, events)
        asyncio.run(_until_open(database_url, events))
        with clocked.posting(hub, OTHERS, per_second=PER_SECOND) as load:
            time.sleep(before_seconds)
            before_mb, returned = _resident_mb(hub.pid), time.monotonic()
            served.tell(target, "take")
            time.sleep(SETTLED_SECONDS)
            asyncio.run(_let_an_hour_pass(database_url))
            most_mb = _wait(target, events, hub.pid)
            seconds = time.monotonic() - returned
            time.sleep(1)
        arrivals, ways_to = served.arrivals(target), served.arrivals(others)
    return {
        "per_second": events / seconds,
        "most_in_a_second": _most_in_a_second(arrivals.values()),
        "out_of_order": _out_of_order(batches, arrivals),
        "others_p99_ms": served.percentile(load.ways(ways_to, since=returned), 0.99) * 1000,
        "baseline_others_p99_ms": served.percentile(load.ways(ways_to, until=returned), 0.99) * 1000,
        "grown_mb": max(most_mb - before_mb, 0.0),
    }


async def _until_open(database_url: str, events: int) -> None:
    """Wait until the ledger has an open delivery of every event."""
    async with EngineDatabase(database_url, pool_size=1) as database, asyncio.timeout(300):
        while True:
            async with database.read() as connection:
                if (await connection.execute(_OPEN)).scalar_one() >= events:
                    return
            await asyncio.sleep(0.5)


async def _let_an_hour_pass(database_url: str) -> None:
    """Set the ledger forward an hour; retry after a deadlock with the hub."""
    async with EngineDatabase(database_url, pool_size=1) as database:
        for _ in range(MOST_DEADLOCKS):
            with suppress(StoreUnavailable):
                async with database.write() as connection:
                    await connection.execute(_AN_HOUR_LATER)
                return
    msg = f"the ledger could not be set forward in {MOST_DEADLOCKS} tries"
    raise RuntimeError(msg)


def _wait(target: str, events: int, pid: int) -> float:
    """Wait until the target has accepted everything; return the hub's highest memory meanwhile, in MB."""
    most, deadline = 0.0, time.monotonic() + LONGEST_SECONDS
    while served.tell(target, "count") < events:
        most = max(most, _resident_mb(pid))
        if time.monotonic() > deadline:
            msg = f"the target has not got everything within {LONGEST_SECONDS} s"
            raise TimeoutError(msg)
        time.sleep(0.1)
    return most


def _resident_mb(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 2**20


def _most_in_a_second(times: Iterable[float]) -> int:
    ordered, most, first = sorted(times), 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def _out_of_order(batches: Sequence[Sequence[int]], arrivals: Mapping[int, float]) -> int:
    """Count events that arrived before an older event with the same key; the n-th events of all batches share a key."""
    count = 0
    for own in zip(*sorted(batches), strict=True):
        times = [arrivals[event] for event in own]
        count += sum(later < earlier for earlier, later in itertools.pairwise(times))
    return count


def _row(name: str, kind: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio = figures["others_p99_ms"] / max(figures["baseline_others_p99_ms"], 0.1)
    met = (
        (ratio <= MOST_TIMES or figures["others_p99_ms"] <= FLOOR_MS)
        and figures["grown_mb"] <= MOST_GROWTH_MB
        and ("rate" not in KINDS[kind] or figures["most_in_a_second"] <= PACE * 1.1)
        and ("ordering" not in KINDS[kind] or not figures["out_of_order"])
    )
    target = f"others' p99 ≤ {MOST_TIMES:g} times, or {FLOOR_MS} ms; memory ≤ +{MOST_GROWTH_MB} MB; pace and order kept"
    return Row(name, figures, ratio, target, met)
