"""The hub's CPU time for an agent's message, compared with the same call over plain HTTP.

The calls are a search, and a page of ten events.

One client sends one message after the other over a kept-alive connection, so that the figures contain work but no
waiting. The hub is ``trunkline serve``.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvloop

from benchmarks import processes, served
from benchmarks.hubs import drafts, make_hub
from benchmarks.results import Options, Row, medians
from trunkline.ingest.accept import Submission
from trunkline.model import cursors

CALLS = 2_000
PAGE = 10
EVENTS = 100
MOST = {"modern": 3.0, "handshake": 5.0}
"""The limit of a message's CPU time, as a multiple of the plain call's CPU time."""
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}
_VERSIONS = {"modern": "2026-07-28", "handshake": "2025-11-25"}
_META = "io.modelcontextprotocol"

Kind = tuple[str, str]
"""A method, and a version of the protocol (with or without a handshake)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is sent repeatedly."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


def run(options: Options) -> list[Row]:
    """Measure each kind of message on each engine."""
    return [row for engine in options.engines for row in _measured(engine, options)]


def _measured(engine: str, options: Options) -> list[Row]:
    number = options.scaled(CALLS, least=50)
    with processes.database(engine) as database_url:
        key, cursor = uvloop.run(_fill(database_url))
        with served.started(database_url) as (url, pid):
            where = {"url": url, "key": key, "cursor": cursor}
            _make_lead(url, key)
            plain, messages = _requests(where)
            rounds = [_round(where, pid, plain, messages, number) for _ in range(options.rounds)]
    return [
        _row(f"{call}, {era}, {engine}", [figures[call, era] for figures in rounds], most=most)
        for call in plain
        for era, most in MOST.items()
    ]


def _round(
    where: Mapping[str, Any],
    pid: int,
    plain: Mapping[str, Request],
    messages: Mapping[Kind, Request],
    number: int,
) -> dict[Kind, dict[str, float]]:
    """Measure each message and its plain call one after the other."""
    found: dict[Kind, dict[str, float]] = {}
    baselines = {call: _cpu_us(where, pid, request, number) for call, request in plain.items()}
    for (call, era), request in messages.items():
        cpu_us, baseline = _cpu_us(where, pid, request, number), baselines[call]
        ratio = cpu_us / max(baseline, 1.0)
        found[call, era] = {"cpu_us": cpu_us, "baseline_cpu_us": baseline, "ratio": ratio}
    return found


def _row(name: str, rounds: list[dict[str, float]], *, most: float) -> Row:
    figures = medians(rounds)
    ratio = figures.pop("ratio")
    return Row(name, figures, ratio, f"≤ {most:g}", ratio <= most)


def _requests(where: Mapping[str, Any]) -> tuple[dict[str, Request], dict[Kind, Request]]:
    """Make the plain calls, and for each of them the messages with and without a handshake."""
    key, cursor = {"X-Api-Key": where["key"]}, where["cursor"]
    search = f"/api/v1/integrations/leads/search?email={LEAD['email']}"
    plain = {
        "tools/call": Request("GET", search, key),
        "events/poll": Request(
            "GET", f"/api/v1/events?types=client.created&limit={PAGE}&cursor={cursor}", key
        ),
    }
    params: dict[str, dict[str, Any]] = {
        "tools/call": {"name": "find_lead", "arguments": {"email": LEAD["email"]}},
        "events/poll": {"name": "client.created", "maxEvents": PAGE, "cursor": cursor},
    }
    return plain, {
        (call, era): _message(where["key"], call, params[call], era=era)
        for call in plain
        for era in _VERSIONS
    }


def _message(key: str, method: str, params: dict[str, Any], *, era: str) -> Request:
    version = _VERSIONS[era]
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
    }
    if era == "modern":
        headers |= {"Mcp-Method": method} | ({"Mcp-Name": params["name"]} if method == "tools/call" else {})
        params = {**params, "_meta": {f"{_META}/protocolVersion": version, f"{_META}/clientCapabilities": {}}}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return Request("POST", "/mcp", headers, json.dumps(body).encode())


def _cpu_us(where: Mapping[str, Any], pid: int, request: Request, number: int) -> float:
    """Send *request* a few times to warm up, then *number* times; return the hub's CPU per request."""
    parts = urlsplit(where["url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    _send(connection, request, number // 10)
    before = processes.cpu_seconds(pid)
    _send(connection, request, number)
    spent = processes.cpu_seconds(pid) - before
    connection.close()
    return spent / number * 1_000_000


def _send(connection: http.client.HTTPConnection, request: Request, number: int) -> None:
    for _ in range(number):
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200 or b'"error"' in text or b'"isError":true' in text:
            raise SystemExit(text.decode())


async def _fill(database_url: str) -> tuple[str, str]:
    """Fill a log; return a key, and the cursor of its last page."""
    scopes = ["events:read", "integrations:read", "integrations:write"]
    async with make_hub(database_url, dispatch=False) as hub:
        _, key = await hub.keys.create(92, name="bench", scopes=scopes)
        await hub.ingest.accept(Submission(drafts(92, EVENTS)))
        head = cursors.decode(await hub.streaming.head())
    return key, cursors.encode(head - PAGE)


def _make_lead(url: str, key: str) -> None:
    made = httpx2.post(f"{url}/api/v1/integrations/leads", json=LEAD, headers={"X-Api-Key": key})
    made.raise_for_status()
