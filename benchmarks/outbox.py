"""The outbox: the cost of ``emit`` within a transaction, the relay's rate, and the time from the commit to the target.

The time ends when the first byte reaches the target. The product and the hub have databases of the same kind on
separate servers.
The hub (``trunkline serve``), the target and the relay (``trunkline-relay``) are separate processes.
"""

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import Iterator

import aiohttp
import orjson
from sqlalchemy import Engine, MetaData, insert, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks import latency, processes, served
from benchmarks.hubs import PAYLOAD, make_hub
from benchmarks.results import Options, Row, medians
from trunkline_client.outbox import Outbox
from trunkline_client.outbox.rows import blocking_engine
from trunkline_client.outbox.tables import add_tables, create_tables

COST_TARGET, RATE_TARGET, IDLE_TARGET_MS = 1.3, 5_000, (10, 30)
TURN = 50
"""Number of consecutive transactions with ``emit``; the same number without ``emit`` follows."""
EVENT = orjson.loads(PAYLOAD)
OUTBOX = Outbox()


class Base(DeclarativeBase):
    pass


class Client(Base):
    __tablename__ = "clients"
    id: Mapped[int] = mapped_column(primary_key=True)
    paid: Mapped[int]


class Payment(Base):
    __tablename__ = "payments"
    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int]
    amount: Mapped[int]


def run(options: Options) -> list[Row]:
    """Measure both engines."""
    return [row for engine in options.engines for row in _rows(engine, options)]


def _rows(engine: str, options: Options) -> list[Row]:
    rounds = [asyncio.run(_round(engine, options)) for _ in range(options.rounds)]
    cost, rate, idle = (medians([each[part] for each in rounds]) for part in range(3))
    ratio = cost["p50_ms"] / cost["baseline_p50_ms"]
    p50, p99 = IDLE_TARGET_MS
    fast = idle["p50_ms"] <= p50 and idle["p99_ms"] <= p99
    per_second = rate["events_per_second"]
    return [
        Row(f"a transaction with emit, {engine}", cost, ratio, f"≤ {COST_TARGET}", ratio <= COST_TARGET),
        Row(f"the relay, {engine}", rate, None, f"≥ {RATE_TARGET:,}/s", per_second >= RATE_TARGET),
        Row(f"commit to target, {engine}", idle, None, f"p50 ≤ {p50} ms, p99 ≤ {p99} ms", fast),
    ]


async def _round(engine: str, options: Options) -> tuple[dict[str, float], ...]:
    with (
        processes.child("benchmarks.sink", "arrivals") as sink,
        processes.database(engine) as product_url,
        processes.database(engine) as hub_url,
    ):
        target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        product = blocking_engine(product_url)
        create_tables(product)
        if engine == "sqlite":
            with product.connect() as connection:
                connection.execute(text("PRAGMA journal_mode = WAL"))
        Base.metadata.create_all(product)
        with Session(product) as session, session.begin():
            session.add(Client(id=1, paid=0))
        cost = _cost(product, options.scaled(1_000, least=2 * TURN))
        async with make_hub(hub_url, dispatch=False) as hub:
            _, key = await hub.keys.create(latency.COMPANY, name="bench", scopes=["events:write"])
            _, other = await hub.keys.create(latency.COMPANY + 1, name="bench", scopes=["events:write"])
            request = {"target_url": target, "event_types": ["*"]}
            await hub.subscriptions.create(latency.COMPANY, request, channel="webhooks")
        with served.started(hub_url) as (url, _):
            with _relay(product_url, url, other):
                rate = _rate(product, options.scaled(20_000, least=500))
            with _relay(product_url, url, key):
                await _commits(product, 20)
                while _waiting(product):  # until the relay has started
                    await asyncio.sleep(0.05)
                committed = await _commits(product, options.scaled(200, least=20))
                async with aiohttp.ClientSession() as session:
                    idle = await _times(session, target, committed)
            async with aiohttp.ClientSession(headers={"X-Api-Key": key}) as session:
                posted = await latency._one_by_one(session, url, len(committed))
                direct = latency._times(posted, await latency._arrivals(session, target, posted))
            idle |= {f"baseline_{name}": direct[name] for name in ("p50_ms", "p99_ms")}
        product.dispose()
    return cost, rate, idle


@contextlib.contextmanager
def _relay(product_url: str, url: str, key: str) -> Iterator[None]:
    environment = {**os.environ, "TRUNKLINE_URL": url, "TRUNKLINE_KEY": key}
    command = ("trunkline_client.outbox.command", "--from", product_url)
    with processes.child(*command, environment=environment, stderr=sys.stderr.fileno()) as relay:
        relay.stdout.readline()
        yield


def _cost(product: Engine, count: int) -> dict[str, float]:
    """Measure transactions that read a row, change it, and add another row, in turn with and without an event."""
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * count):
        emits = number // TURN % 2 == 0
        began = time.perf_counter()
        with Session(product) as session, session.begin():
            client = session.get_one(Client, 1)
            client.paid += 1
            session.add(Payment(client_id=1, amount=number))
            if emits:
                OUTBOX.emit(session, "client.created", EVENT)
        spent[emits].append(time.perf_counter() - began)
    with product.begin() as connection:
        connection.execute(text("DELETE FROM trunkline_outbox"))
    ours, baseline = sorted(spent[True]), sorted(spent[False])
    return {
        "p50_ms": ours[len(ours) // 2] * 1000,
        "baseline_p50_ms": baseline[len(baseline) // 2] * 1000,
        "p99_ms": ours[len(ours) * 99 // 100] * 1000,
        "baseline_p99_ms": baseline[len(baseline) * 99 // 100] * 1000,
    }


def _rate(product: Engine, count: int) -> dict[str, float]:
    """Commit *count* events at once, and wait until the relay has sent them."""
    body = orjson.dumps({"type": "client.created", "payload": EVENT}).decode()
    rows = [{"event_key": f"bench-{number}", "event": body} for number in range(count)]
    outbox, _ = add_tables(MetaData())
    with product.begin() as connection:
        connection.execute(insert(outbox), rows)
        OUTBOX.emit(connection, "client.created", EVENT)  # wakes the relay
    began = time.monotonic()
    while _waiting(product):
        time.sleep(0.02)
    return {"events_per_second": count / (time.monotonic() - began)}


def _waiting(product: Engine) -> bool:
    with product.connect() as connection:
        return connection.execute(text("SELECT id FROM trunkline_outbox LIMIT 1")).first() is not None


async def _commits(product: Engine, count: int) -> list[float]:
    """Commit *count* events, 15 to 35 ms apart; return the time of each commit."""
    committed = []
    for number in range(count):
        with Session(product) as session, session.begin():
            OUTBOX.emit(session, "client.created", EVENT | {"client_id": number + 1})
        committed.append(time.monotonic())
        await asyncio.sleep(random.uniform(0.015, 0.035))
    return committed


async def _times(session: aiohttp.ClientSession, target: str, committed: list[float]) -> dict[str, float]:
    """Wait until each committed event has arrived.

    Events arrive in order, so the committed events are the last arrivals.
    """
    async with asyncio.timeout(60):
        while True:
            async with session.get(f"{target}arrivals") as answer:
                arrivals = [
                    at
                    for _, at in sorted((int(k), at) for k, at in orjson.loads(await answer.read()).items())
                ]
            if len(arrivals) >= len(committed) + 20:
                break
            await asyncio.sleep(0.5)
    times = sorted(there - here for here, there in zip(committed, arrivals[-len(committed) :], strict=True))
    return {
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "longest_ms": times[-1] * 1000,
    }
