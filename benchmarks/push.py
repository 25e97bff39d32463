"""Deliveries per second and CPU per delivery, in one process: the dispatcher beside the bare loop that it is compared with.

``python -m benchmarks.push loop COUNT URL`` posts one body in a bare aiohttp loop.
``python -m benchmarks.push store COUNT URL DATABASE`` stores COUNT events for ``COMPANIES`` subscriptions.
``python -m benchmarks.push drain COUNT DATABASE`` delivers what is stored: read, matched, signed, posted, logged.
"""

import asyncio
import gc
import json
import sys
import time

import aiohttp
import uvloop
from sqlalchemy import text

from benchmarks import processes
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.ingest.accept import Submission
from trunkline.runtime import process

CONCURRENCY = 64
COMPANIES = 16
CPU_LIMIT_US = 130
RATIOS = {"postgresql": 0.65, "sqlite": 0.55}


def run(options: Options) -> list[Row]:
    """Measure both engines, each hub beside a loop at the same moment, so that a noisy machine hits both."""
    count = options.scaled(24_000, least=COMPANIES * 4)
    with processes.sink() as url:
        return [
            _row(engine, [_round(engine, url, count) for _ in range(options.rounds)]) for engine in RATIOS
        ]


def _round(engine: str, url: str, count: int) -> dict[str, float]:
    with processes.database(engine) as database_url:
        processes.measure("benchmarks.push", "store", str(count), url, database_url)
        loop = processes.measure("benchmarks.push", "loop", str(count), url)
        hub = processes.measure("benchmarks.push", "drain", str(count), database_url)
    return {
        "per_second": hub["per_second"],
        "baseline_per_second": loop["per_second"],
        "cpu_us": hub["cpu_us"],
        "baseline_cpu_us": loop["cpu_us"],
        "ratio": hub["per_second"] / loop["per_second"],
    }


def _row(engine: str, rounds: list[dict[str, float]]) -> Row:
    figures = medians(rounds)
    ratio = figures.pop("ratio")
    target, met = f"≥ {RATIOS[engine]}", ratio >= RATIOS[engine]
    if engine == "postgresql":
        target, met = f"{target}, ≤ {CPU_LIMIT_US} µs CPU", met and figures["cpu_us"] <= CPU_LIMIT_US
    return Row(f"push, {engine}", figures, ratio, target, met)


async def bare_loop(count: int, url: str) -> dict[str, float]:
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


async def store(count: int, url: str, database_url: str) -> dict[str, float]:
    """Store *count* events, spread over ``COMPANIES`` companies with one subscription each."""
    async with make_hub(database_url, dispatch=False) as hub:
        for company in range(1, COMPANIES + 1):
            request = {"target_url": url, "event_types": ["*"]}
            await hub.subscriptions.create(company, request, channel="webhooks")
        each = count // COMPANIES
        for start in range(0, each, 50):
            for company in range(1, COMPANIES + 1):
                await hub.ingest.accept(Submission(drafts(company, min(50, each - start))))
    return {}


async def drain(count: int, database_url: str) -> dict[str, float]:
    """Start the dispatcher and wait until everything that is stored has been delivered and settled."""
    count -= count % COMPANIES
    async with make_hub(database_url, dispatch=True, concurrency=CONCURRENCY) as hub:
        process.tune()
        collecting = _time_collections()
        began, cpu = time.perf_counter(), time.process_time()
        await _settled(hub, count)
        return {**_result(count, began, cpu), "gc_us": sum(collecting) / count * 1e6}


def _time_collections() -> list[float]:
    """Make the garbage collector note how many seconds each of its runs takes."""
    spans: list[float] = []

    def note(phase: str, _info: object) -> None:
        now = time.perf_counter()
        if phase == "start":
            spans.append(-now)
        else:
            spans[-1] += now

    gc.callbacks.append(note)
    return spans


async def _settled(hub, count: int) -> None:
    while True:
        await asyncio.sleep(0.05)
        families = (
            family for family in hub.metrics.registry.collect() if family.name == "trunkline_attempts"
        )
        samples = (sample for family in families for sample in family.samples)
        if (
            sum(
                s.value
                for s in samples
                if s.labels.get("outcome") == "delivered" and s.name.endswith("_total")
            )
            >= count
        ):
            break
    async with hub.database.read() as connection:
        rows = (
            await connection.execute(text("SELECT status, count(*) FROM deliveries GROUP BY status"))
        ).all()
    assert dict(map(tuple, rows)) == {"delivered": count}, rows


def _result(count: int, began: float, cpu: float) -> dict[str, float]:
    seconds = time.perf_counter() - began
    return {"per_second": count / seconds, "cpu_us": (time.process_time() - cpu) / count * 1e6}


def main() -> None:
    kind, count, *rest = sys.argv[1:]
    work = {"loop": bare_loop, "store": store, "drain": drain}[kind]
    print(json.dumps(uvloop.run(work(int(count), *rest))))


if __name__ == "__main__":
    main()
