"""How long the portal's calls take for a company with a million events and ten thousand deliveries, in a log twice as long.

The log is filled by the database itself (``benchmarks.pages``). One delivery in ten failed its first attempt, one in fifty
every attempt; the company has five subscriptions, of which one is failing.
"""

import time
from collections.abc import Awaitable, Callable, Mapping

import uvloop
from sqlalchemy import text

from benchmarks import pages, processes
from benchmarks.hubs import make_hub
from benchmarks.results import Options, Row
from trunkline.activity import Activity
from trunkline.hub import Hub

EVENTS = 1_000_000
DELIVERIES = 10_000
SUBSCRIPTIONS = 5
TARGET_MS = 50.0
COLD = "first_overview"
"""An overview for which this process has counted nothing yet."""

Calls = Mapping[str, Callable[[], Awaitable[object]]]


def run(options: Options) -> list[Row]:
    """Time each call on either engine."""
    return [_measured(engine, options) for engine in options.engines]


def _measured(engine: str, options: Options) -> Row:
    events = options.scaled(EVENTS, least=50_000)
    with processes.database(engine) as url:
        uvloop.run(pages.fill(url, 2 * events))
        figures = uvloop.run(_time_calls(url, events, repetitions=options.scaled(30, least=5)))
    judged = {name: value for name, value in figures.items() if name != COLD}
    slowest = max(judged, key=judged.__getitem__)
    return Row(
        f"{events:,} events, {DELIVERIES:,} deliveries, {engine}",
        {f"{name}_ms": value for name, value in figures.items()},
        None,
        f"≤ {TARGET_MS:g} ms each, from the second overview on",
        judged[slowest] <= TARGET_MS,
        f"slowest: {slowest}; the fastest of several runs",
    )


async def _time_calls(url: str, events: int, *, repetitions: int) -> dict[str, float]:
    async with make_hub(url, dispatch=False) as hub:
        newest = await _add_deliveries(hub, events)
        calls = await _calls(hub, events, newest)
        return {name: await _fastest(call, repetitions) for name, call in calls.items()}


async def _fastest(call: Callable[[], Awaitable[object]], repetitions: int) -> float:
    """Give the milliseconds of the fastest of *repetitions* calls: what else the machine does only ever adds to it."""
    taken: list[float] = []
    for _ in range(repetitions):
        began = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - began) * 1000)
    return min(taken)


async def _calls(hub: Hub, events: int, newest: int) -> Calls:
    company, activity = pages.BIG, hub.activity
    first_ms, end_ms = pages.ACCEPTED_MS, pages.ACCEPTED_MS + 2 * events + 1
    record, _ = await hub.keys.create(company, name="bench", scopes=["admin"])
    return {
        COLD: lambda: Activity(hub.database).overview(company, since_ms=first_ms, until_ms=end_ms),
        "overview": lambda: activity.overview(company, since_ms=first_ms, until_ms=end_ms),
        "overview_of_a_day": lambda: activity.overview(
            company, since_ms=end_ms - 2 * events // 30, until_ms=end_ms
        ),
        "events": lambda: activity.events(company),
        "events_of_a_type": lambda: activity.events(company, types=[pages.RARE], until_ms=end_ms - events),
        "search_in_vain": lambda: activity.events(company, text="nowhere to be found"),
        "explain": lambda: hub.deliveries.explain(company, newest),
        "companies": lambda: activity.companies("1"),
        "session": lambda: hub.keys.principal(record.id),
        "status": hub.deployment.status,
        "product": lambda: _product(hub),
    }


async def _product(hub: Hub) -> object:
    return hub.deployment.product()


async def _add_deliveries(hub: Hub, events: int) -> int:
    """Give the company subscriptions, and every so many of its events a delivery to one; gives the newest of those."""
    for number in range(SUBSCRIPTIONS):
        request = {"target_url": f"http://127.0.0.1:9/{number}", "event_types": ["*"]}
        await hub.subscriptions.create(pages.BIG, request, channel="webhooks")
    step = 2 * events // DELIVERIES
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
        f"SELECT i * {step} AS position, 1 + i % {SUBSCRIPTIONS} AS no, "
        "CASE WHEN i % 50 = 0 THEN 'exhausted' ELSE 'delivered' END AS status, "
        "CASE WHEN i % 50 = 0 THEN 8 WHEN i % 10 = 0 THEN 2 ELSE 1 END AS attempts FROM n"
    )
    tries = "WITH RECURSIVE a(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM a WHERE number < 8) SELECT number FROM a"
    deliveries = (
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
        f"SELECT position, no, status, attempts, 0, 0 FROM ({numbers}) AS made"
    )
    attempts = (
        "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome) "
        "SELECT position, no, number, 0, (position + number) % 997, "
        "CASE WHEN status = 'delivered' AND number = attempts THEN 'delivered' ELSE 'retry' END "
        f"FROM ({numbers}) AS made JOIN ({tries}) AS tries ON number <= attempts"
    )
    async with hub.database.write() as connection:
        for statement in (deliveries, attempts):
            await connection.execute(text(statement), {"count": DELIVERIES})
        await connection.execute(
            text("UPDATE subscriptions SET failures = 3, failing_since_ms = 0 WHERE no = 1")
        )
        await connection.execute(text("ANALYZE"))
    return DELIVERIES * step
