"""The cost of ten thousand filtered subscriptions: of accepting an event, of matching it, and of memory.

``python -m benchmarks.matching accept DATABASE COMPANIES COUNT`` measures accepting.
``python -m benchmarks.matching match DATABASE COMPANIES COUNT`` measures matching.
"""

import asyncio
import json
import sys
import time
from statistics import median

import orjson
import psutil
import uvloop
from msgspec import structs

from benchmarks import processes, served
from benchmarks.hubs import PAYLOAD, drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.model.events import Draft, Event
from trunkline.model.subscriptions import Secret
from trunkline.runtime import process
from trunkline.store import subscriptions as store
from trunkline.store import tables
from trunkline.targets import signatures

COMPANIES = 1000
EACH = 10
TOGETHER = 64
TURNS = 20
TARGET_TIMES, TARGET_US, TARGET_MB = 1.1, 20, 150


def run(options: Options) -> list[Row]:
    """Compare a hub with one subscription and a hub with all subscriptions, on each engine."""
    companies = options.scaled(COMPANIES, least=20)
    measured = [_measured(engine, companies, options) for engine in options.engines]
    return [row for alike in zip(*measured, strict=True) for row in alike]


def _measured(engine: str, companies: int, options: Options) -> list[Row]:
    with processes.database(engine) as one_company, processes.database(engine) as many_companies:
        uvloop.run(subscribe(one_company, companies=1, each=1))
        uvloop.run(subscribe(many_companies, companies=companies, each=EACH))
        count = options.scaled(40_000, least=TURNS * TOGETHER)
        accepted = [
            _child("accept", one_company, many_companies, companies, count) for _ in range(options.rounds)
        ]
        matches = options.scaled(50_000, least=companies)
        matched = [_child("match", many_companies, companies, matches) for _ in range(options.rounds)]
        memory = {
            "resident_mb": resident_mb(many_companies),
            "baseline_resident_mb": resident_mb(one_company),
        }
    what = f"{companies * EACH:,} filtered subscriptions, {engine}"
    return [
        _accepting(what, accepted),
        _matching(what, medians(matched)),
        Row(
            f"serving with {what}",
            memory,
            None,
            f"≤ {TARGET_MB} MB",
            memory["resident_mb"] <= TARGET_MB,
        ),
    ]


def _accepting(what: str, rounds: list[dict[str, float]]) -> Row:
    ratio = median(figures["cpu_us"] / figures["baseline_cpu_us"] for figures in rounds)
    return Row(f"accepting with {what}", medians(rounds), ratio, f"≤ {TARGET_TIMES}", ratio <= TARGET_TIMES)


def _matching(what: str, figures: dict[str, float]) -> Row:
    return Row(
        f"matching one event with {what}", figures, None, f"≤ {TARGET_US} µs", figures["cpu_us"] <= TARGET_US
    )


def _child(*arguments: object) -> dict[str, float]:
    return processes.measure("benchmarks.matching", *map(str, arguments))


async def subscribe(database_url: str, *, companies: int, each: int) -> None:
    """Make *each* subscriptions in each company; the filters differ, and match no event of ``hubs.drafts``.

    One subscription is made over the API; the others are copied from its row, since ten thousand commits take a minute.
    """
    async with make_hub(database_url, dispatch=False) as hub:
        request = {"target_url": "http://127.0.0.1:9/", "event_types": ["client.created"], "filter": {}}
        subscription = await hub.subscriptions.create(1, request, channel="webhooks")
        async with hub.engines.write() as connection:
            stored = await store.get(connection, subscription["id"])
            row = structs.asdict(stored)
            row |= row.pop("options")
            version = await store.next_version(connection)
            await store.update(connection, row.pop("no"), {"status": "deleted"})
            copies = [
                row | _own(hub, company, number) | {"version": version}
                for company in range(1, companies + 1)
                for number in range(each)
            ]
            await connection.execute(tables.subscriptions.insert(), copies)


def _own(hub: Hub, company: int, number: int) -> dict[str, object]:
    """Return the columns that differ between subscriptions."""
    identifier = f"sub_{company:010}{number:010}"
    own_filter = {
        "payload.status": {"starts_with": "Client"},
        "payload.employee_id": {"gte": 1000 + number},
    }
    return {
        "id": identifier,
        "company_id": company,
        "target_url": f"http://127.0.0.1:9/{company}/{number}",
        "filter": orjson.dumps(own_filter).decode(),
        "sealed": hub.subscription_records.seal(identifier, [Secret(signatures.new_secret("standard"))], {}),
    }


async def accept(one_url: str, many_url: str, companies: int, count: int) -> dict[str, float]:
    """Accept *count* events in a hub with one subscription and in a hub with many, in turn in one process."""
    async with (
        make_hub(one_url, dispatch=False) as one_company_hub,
        make_hub(many_url, dispatch=False) as many_companies_hub,
    ):
        process.tune()
        spent = {hub: [0.0, 0.0] for hub in (one_company_hub, many_companies_hub)}
        for hub in spent:
            await _accept(hub, companies, 1000)
        for turn in range(TURNS):
            for hub in (
                (one_company_hub, many_companies_hub) if turn % 2 else (many_companies_hub, one_company_hub)
            ):
                began, cpu = time.perf_counter(), time.process_time()
                await _accept(hub, companies, count // TURNS)
                spent[hub][0] += time.process_time() - cpu
                spent[hub][1] += time.perf_counter() - began
    names = ("cpu_us", "elapsed_us")
    each = {hub: [seconds / count * 1e6 for seconds in taken] for hub, taken in spent.items()}
    return dict(zip(names, each[many_companies_hub], strict=True)) | {
        f"baseline_{name}": value for name, value in zip(names, each[one_company_hub], strict=True)
    }


async def _accept(hub: Hub, companies: int, count: int) -> None:
    for start in range(0, count, TOGETHER):
        submissions = [Submission(drafts((start + n) % companies + 1, 1)) for n in range(TOGETHER)]
        await asyncio.gather(*map(hub.ingest.accept, submissions))


async def match(database_url: str, companies: int, count: int) -> dict[str, float]:
    """Match *count* events, one company after the other; each event matches half of its company's subscriptions."""
    payload = PAYLOAD.replace(b'"employee_id":7', b'"employee_id":%d' % (1000 + EACH // 2 - 1))
    async with make_hub(database_url, dispatch=False) as hub:
        table = RoutingTable(lambda _: None, schema_versions=hub.schema_versions)
        async with hub.engines.read() as connection:
            async for rows in store.changed_since(connection, 0):
                table.apply(map(hub.subscription_records.unseal, rows))
    process.tune()
    events = [
        Event(
            1 << 60, company, "client.created", 0, Draft(company, "client.created", "", payload).envelope(1)
        )
        for company in range(1, companies + 1)
    ]
    assert all(len(table.match(event)) == EACH // 2 for event in events)
    cpu = time.process_time()
    for number in range(count):
        table.match(events[number % companies])
    return {"cpu_us": (time.process_time() - cpu) / count * 1e6}


def resident_mb(database_url: str) -> float:
    """Measure the memory of ``trunkline serve`` after its dispatcher has read every subscription and processed an event."""
    with processes.sink() as sink, served.serving(database_url) as hub:
        hub.subscribe(1_000_000, sink)
        served.post_batches(hub, 1_000_000, served.BATCH, connections=1)
        served.wait_for(sink, served.BATCH)
        return psutil.Process(hub.pid).memory_info().rss / 2**20


def main() -> None:
    kind, *arguments = sys.argv[1:]
    work = {"accept": accept, "match": match}[kind]
    converted = [int(argument) if argument.isdecimal() else argument for argument in arguments]
    print(json.dumps(uvloop.run(work(*converted))))


if __name__ == "__main__":
    main()
