"""The CPU of ``trunkline serve`` by owner (part of the code), for an event, an event in a batch, and a subscription.

py-spy samples it, as in ``profile``, while the load of ``accept``, ``batches`` and ``subscribing`` runs.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks import accept, batches, processes, sampling, served, subscribing
from benchmarks.results import Options, Row

OWNERS = {
    "checking the payload": ("/jsonschema", "/trunkline/schemas/", "/phonenumbers/"),
    "the key, its limits, sealing secrets": ("/trunkline/access/", "/limits/", "/cryptography/"),
    "the log's batches": ("/trunkline/ingest/", "/trunkline/runtime/batching"),
    "subscriptions: checks and views": (
        "/trunkline/subscribing/",
        "/trunkline/targets/",
        "/trunkline_webhooks/",
    ),
    "delivering meanwhile": ("/trunkline/dispatch/", "/trunkline/outbound/"),
    "database driver (SQLAlchemy, asyncpg, aiosqlite)": (
        "/sqlalchemy/",
        "/asyncpg/",
        "/aiosqlite/",
        "/sqlite3/",
        "/trunkline/store/sqlite.",
        "/trunkline/store/direct",
        "/trunkline/store/drivers",
        "/trunkline/store/database",
    ),
    "statements": ("/trunkline/store/",),
    "the API: reading requests, answers": ("/trunkline/api/", "/pydantic"),
    "HTTP server and framework (uvicorn, FastAPI)": ("/uvicorn/", "/httptools/", "/starlette/", "/fastapi/"),
    "metrics, logs": (
        "/prometheus_client/",
        "/structlog/",
        "/logging/",
        "/trunkline/runtime/",
        "/trunkline/insight/",
    ),
    "event loop, sockets, what asyncpg does in C": ("/uvloop/", "/asyncio/"),
}

Load = Callable[[served.Server, Options], int]
"""Puts load on a hub; returns the number of events or subscriptions that the hub accepted."""


def run(options: Options) -> list[Row]:
    """Profile each engine once; no figure has a target."""
    loads: dict[str, Load] = {"event": _events, "in_a_batch": _batches, "subscription": _subscriptions}
    columns = {
        f"{name}_{engine}_us": _profile(engine, load, options)
        for name, load in loads.items()
        for engine in options.engines
    }
    return [
        Row(owner, {column: shares[owner] for column, shares in columns.items()}, None, "", met=True)
        for owner in sampling.names(OWNERS)
    ]


def _profile(engine: str, load: Load, options: Options) -> dict[str, float]:
    """Return the microseconds of CPU by owner, for each event or subscription of *load*."""
    with processes.database(engine) as url, served.serving(url) as hub, sampling.sampled(hub.pid) as stacks:
        before = processes.cpu_seconds(hub.pid)
        count = load(hub, options)
        cpu_us = (processes.cpu_seconds(hub.pid) - before) / count * 1e6
    return sampling.shares(stacks, OWNERS, cpu_us=cpu_us)


def _events(hub: served.Server, options: Options) -> int:
    return int(accept.load(hub.url, hub.key, seconds=4 * options.scale)["count"])


def _batches(hub: served.Server, options: Options) -> int:
    return int(batches.load(hub, seconds=4 * options.scale)["count"] * served.BATCH)


def _subscriptions(hub: served.Server, options: Options) -> int:
    companies = range(1, options.scaled(20, least=2) + 1)
    with processes.sink() as sink, ThreadPoolExecutor(subscribing.CONNECTIONS) as pool:
        made = pool.map(lambda company: hub.subscribe_many(company, sink, subscribing.EACH), companies)
        return sum(made)
