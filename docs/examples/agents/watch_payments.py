"""An agent that waits, without a model: `HUB=http://127.0.0.1:8000 KEY=… python watch_payments.py`.

It polls the hub for failed payments by MCP Events, and gives each client whose payment failed a note. How far it has come
stands in `cursor.txt`: stopped and started again, it goes on there. With `--once` it ends when there is nothing new.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Request
from pydantic import TypeAdapter

CURSOR = Path("cursor.txt")
ANSWER = TypeAdapter(dict[str, Any])


def decide(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Choose a tool for an event, with its arguments: here by a rule, elsewhere by a model.

    An event may come twice, if the program ended before it wrote the cursor; with the key nothing is done twice.
    """
    payment = event["data"]
    text = f"A payment of {payment['amount_attempted']:.2f} failed: {payment['failure_reason']}. Call about another card."
    note = {"client_id": payment["client_id"], "text": text}
    return "add_client_note", note | {"idempotency_key": f"{event['name']}-{event['eventId']}"}


def read_cursor() -> str | None:
    """Read how far the program had come; None where it never ran."""
    return CURSOR.read_text() if CURSOR.exists() else None


def keep_cursor(cursor: str) -> str:
    """Write how far the program has come."""
    CURSOR.write_text(cursor)
    return cursor


async def poll(hub: Client, cursor: str | None) -> dict[str, Any]:
    """Ask for what came after *cursor*; without one for nothing but the cursor of this moment."""
    params = {"name": "payment.failed", "cursor": cursor, "maxEvents": 20}
    request = Request[dict[str, Any], str](method="events/poll", params=params)
    return await hub.session.send_request(request, ANSWER)


async def act(hub: Client, event: dict[str, Any]) -> None:
    """Do what was decided, and say what came of it."""
    tool, arguments = decide(event)
    result = await hub.call_tool(tool, arguments)
    if result.is_error:  # in words that a model can mend its call by
        print(f"event {event['eventId']}: {result.content[0].text}", flush=True)
    else:
        print(f"event {event['eventId']}: note {result.structured_content['client_note_id']}", flush=True)


async def watch(hub: Client, *, once: bool) -> None:
    """Act on each event, oldest first, and remember how far that has come."""
    cursor = read_cursor()
    while True:
        answer = await poll(hub, cursor)
        for event in answer["events"]:
            await act(hub, event)
        cursor = keep_cursor(answer["cursor"])
        if once and not answer["hasMore"]:
            return
        if not answer["hasMore"]:
            await asyncio.sleep(answer["nextPollMs"] / 1000)


async def main() -> None:
    """Connect with the key as a bearer token."""
    address, headers = f"{os.environ['HUB']}/mcp", {"Authorization": f"Bearer {os.environ['KEY']}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(address, http_client=http)) as hub,
    ):
        await watch(hub, once="--once" in sys.argv)


if __name__ == "__main__":
    asyncio.run(main())
