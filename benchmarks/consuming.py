"""The cost of a digest and of a named consumer.

Leased pages are compared with polled pages, and commits with ``POST /events``.

One client calls over one kept-alive connection, a few calls of each kind in turn, so that all kinds are measured under
the same conditions.
"""

import asyncio
import contextlib
import http.client
import time
from collections.abc import Sequence
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvloop
from sqlalchemy import text

from benchmarks import processes, served
from benchmarks.hubs import make_hub
from benchmarks.results import Options, Row, medians

MOST_POLL, MOST_COMMIT = 1.2, 1.0
PAGE, IN_TURN = 50, 8
EVENTS = 2_000
DIGESTED, MOST_DIGEST_MS = 1_000_000, 1_000
_FILL = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :events) "
    "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
    "SELECT i, 92, 'client.created', 0, i, :body FROM n"
)


def run(options: Options) -> list[Row]:
    """On each engine, read the same events by polling and by a consumer, and digest a long log."""
    turns, events = options.scaled(60, least=2), options.scaled(DIGESTED)
    rows: list[Row] = []
    for engine in options.engines:
        rows += _rows(engine, [_round(engine, turns) for _ in range(options.rounds)])
        rows.append(uvloop.run(_digested(engine, events, options.rounds)))
    return rows


async def _digested(engine: str, events: int, rounds: int) -> Row:
    """Digest the ids of *events* events in this process, and measure the longest blocking of the event loop."""
    with processes.database(engine) as database_url:
        async with make_hub(database_url, dispatch=False) as hub:
            async with hub.engines.write() as connection:
                await connection.execute(text(_FILL), {"events": events, "body": b"{}"})
                await connection.execute(
                    text("UPDATE stream_head SET position = :events"), {"events": events}
                )
            took, held = list[float](), list[float]()
            for _ in range(rounds):
                watching = asyncio.create_task(_longest_hold(held))
                began = time.perf_counter()
                answer = await hub.readers.digests.of(92)
                took.append((time.perf_counter() - began) * 1000)
                watching.cancel()
                assert answer["count"] == events
    figures = {"digest_ms": median(took), "loop_held_ms": max(held)}
    met = figures["digest_ms"] <= MOST_DIGEST_MS
    return Row(f"a digest of {events:,} events, {engine}", figures, None, f"≤ {MOST_DIGEST_MS:,} ms", met)


async def _longest_hold(held: list[float]) -> None:
    held.append(0.0)
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        held[-1] = max(held[-1], (time.perf_counter() - began) * 1000 - 1)


class _Timed:
    """Calls one hub, and adds up the time and the hub's CPU of each kind of call."""

    def __init__(self, hub: served.Server, connection: http.client.HTTPConnection) -> None:
        self._hub = hub
        self._connection = connection
        self.took: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    def some(self, kind: str, method: str, path: str, bodies: Sequence[bytes | None]) -> list[Any]:
        """Make a call of *kind* for each of *bodies*; return the answers.

        ``{next_cursor}`` in *path* is replaced by the ``next_cursor`` of the previous answer.
        """
        headers = {"X-Api-Key": self._hub.key, "X-Company-Id": "92", **served.JSON}
        before, answers, cursor = processes.cpu_seconds(self._hub.pid), list[Any](), ""
        for body in bodies:
            asked = path.format(next_cursor=cursor)
            began = time.perf_counter()
            self._connection.request(method, asked, body, headers)
            answer = self._connection.getresponse()
            said = answer.read()
            self.took.setdefault(kind, []).append((time.perf_counter() - began) * 1e6)
            assert answer.status < 300, said
            answers.append(orjson.loads(said) if said else {})
            cursor = answers[-1].get("next_cursor", "")
        spent = (processes.cpu_seconds(self._hub.pid) - before) / len(bodies) * 1e6
        self.cpu.setdefault(kind, []).append(spent)
        return answers

    def figures(self, kind: str, prefix: str = "") -> dict[str, float]:
        """Return the median time of a call of *kind*, and the mean of the hub's CPU time for it."""
        spent = self.cpu[kind]
        return {f"{prefix}us": median(self.took[kind]), f"{prefix}cpu_us": sum(spent) / len(spent)}


def _round(engine: str, turns: int) -> dict[str, float]:
    with processes.database(engine) as database_url, served.serving(database_url) as hub:
        served.post_batches(hub, 92, EVENTS)
        consumer = "/api/v1/consumers/bench"
        hub.call("PUT", consumer, {"start": "beginning"})
        parts = urlsplit(hub.url)
        connecting = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        with contextlib.closing(connecting) as connection:
            timed = _Timed(hub, connection)
            for turn in range(turns + 1):
                if turn == 1:  # the first round warms up
                    timed.took.clear()
                    timed.cpu.clear()
                hub.call("POST", f"{consumer}/seek", {"time": "2020-01-01T00:00:00Z"})
                path = f"/api/v1/events?limit={PAGE}&cursor={{next_cursor}}"
                timed.some("poll", "GET", path, [None] * IN_TURN)
                pages = timed.some("lease", "GET", f"{consumer}/events?limit={PAGE}", [None] * IN_TURN)
                commits = [orjson.dumps({"cursor": page["cursor"], "lease": page["lease"]}) for page in pages]
                timed.some("commit", "POST", f"{consumer}/commit", commits)
                timed.some("post", "POST", "/api/v1/events", [served.EVENT] * IN_TURN)
            leased, committed = timed.figures("lease"), timed.figures("commit")
            polls, posts = timed.figures("poll", "baseline_"), timed.figures("post", "baseline_")
    figures = {f"lease_{key}": value for key, value in (leased | polls).items()}
    return figures | {f"commit_{key}": value for key, value in (committed | posts).items()}


def _rows(engine: str, rounds: list[dict[str, float]]) -> list[Row]:
    figures = medians(rounds)
    rows = []
    for name, kind, most in (
        (f"a page of {PAGE} of a consumer, {engine}", "lease_", MOST_POLL),
        (f"a commit, {engine}", "commit_", MOST_COMMIT),
    ):
        own = {key.removeprefix(kind): value for key, value in figures.items() if key.startswith(kind)}
        ratio = own["us"] / own["baseline_us"]
        rows.append(Row(name, own, ratio, f"≤ {most}", ratio <= most))
    return rows
