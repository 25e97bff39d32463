"""Tests a product's own MCP server, which forwards events to the hub, with real clients; for the sample in each language."""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Request
from pydantic import TypeAdapter
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.mcp.test_event_clients import Agent
from tests.programs import wait_for_port

TYPE = "payment.failed"
JANE, JOHN = "token-of-jane", "token-of-john"  # keys of the companies 92 and 93


@contextlib.asynccontextmanager
async def started(
    command: Sequence[str | Path], *, hub: Any, folder: Path, environment: dict[str, str]
) -> AsyncGenerator[str]:
    """Run the sample on a free port, the last argument of *command*; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as lent:
        port = lent.getsockname()[1]
    own = {**environment, "HUB": hub.url, "KEY": hub.make_key(company_id=None)}
    with subprocess.Popen([*command, str(port)], cwd=folder, env=own) as process:
        try:
            await asyncio.to_thread(wait_for_port, port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


async def check(url: str, hub: Any, packages: Path) -> None:
    """Check the server with the official client in both versions, the AI SDK by webhook, a stream, and no token."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        assert (await Conversation(http).send("events/list")).status_code == 401
        jane = Conversation(http, headers={"authorization": f"Bearer {JANE}"})
        john = Conversation(http, headers={"authorization": f"Bearer {JOHN}"})
        begin = (await jane.ask("events/poll", {"name": TYPE}))["cursor"]
        begin_of_john = (await john.ask("events/poll", {"name": TYPE}))["cursor"]
        agent = await asyncio.to_thread(Agent, packages, url, JANE)
        try:
            agent.tell("subscribe", name=TYPE, cursor=begin)
            emitted = {_emit(hub, "99.00"), _emit(hub, "1.50")}
            assert await _by_official_client(url, begin) == emitted
            assert await _by_stream(http, jane, begin) == emitted
            await asyncio.to_thread(agent.until, emitted)
            assert agent.ids == emitted
        finally:
            agent.close()
        polled = await jane.send("events/poll", {"name": TYPE, "cursor": begin})
        assert '"amount_attempted":99.00' in polled.text  # byte for byte
        assert (await john.ask("events/poll", {"name": TYPE, "cursor": begin_of_john}))["events"] == []
        refused = await jane.error("events/poll", {"name": "no.such", "cursor": begin})
        assert refused["code"] == -32011


def _emit(hub: Any, amount: str) -> int:
    payment = (
        '{"client_id":1,"payment_id":2,"invoice_id":3,"amount_attempted":%s,"failure_reason":"Card declined"}'
    )
    body = f'{{"type":"{TYPE}","payload":{payment % amount}}}'
    head = {"Content-Type": "application/json"}
    return int(hub.call("POST", "/api/v1/events", content=body, headers=head)["id"])


async def _by_official_client(url: str, cursor: str) -> set[int]:
    found: list[set[int]] = []
    for mode in ("auto", "legacy"):
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {JANE}"}, timeout=60) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
        ):
            assert [tool.name for tool in (await client.list_tools()).tools] == ["count_orders"]
            params = {"name": TYPE, "cursor": cursor}
            asked = Request[dict[str, Any], str](method="events/poll", params=params)
            answer = await client.session.send_request(asked, TypeAdapter(dict[str, Any]))
            found.append({int(event["eventId"]) for event in answer["events"]})
    assert found[0] == found[1]
    return found[0]


async def _by_stream(http: httpx2.AsyncClient, jane: Conversation, cursor: str) -> set[int]:
    params = {"name": TYPE, "cursor": cursor}
    message = jane.message("events/stream", params)
    found: set[int] = set()
    async with http.stream(
        "POST", "/mcp", content=json.dumps(message), headers=jane.head("events/stream", params)
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            frame = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {}
            if frame.get("method") == "notifications/events/event":
                assert frame["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": message["id"]}
                found.add(int(frame["params"]["eventId"]))
            if len(found) == 2:
                break
    return found
