"""An agent without a model: `HUB=http://127.0.0.1:8000 KEY=… python note_failed_payments.py`.

It reads the newest events, and gives every client whose payment failed a note. What `decide` does with a rule, a model does
elsewhere: it reads the tools and their descriptions, and what it chooses goes through `call_tool` just so.
"""

import asyncio
import os
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


def decide(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Choose a tool for an event, with its arguments. The key makes it harmless to see an event twice."""
    payment = event["payload"]
    text = f"A payment of {payment['amount_attempted']:.2f} failed: {payment['failure_reason']}. Call about another card."
    note = {"client_id": payment["client_id"], "text": text}
    return "add_client_note", note | {"idempotency_key": f"payment-failed-{event['id']}"}


async def note_failed_payments(hub: Client) -> None:
    """Act on the newest failed payments, oldest first."""
    wanted = {"type": "payment.failed", "limit": 20}
    recent = await hub.call_tool("get_recent_events", wanted)
    for event in reversed(recent.structured_content["events"]):
        tool, arguments = decide(event)
        result = await hub.call_tool(tool, arguments)
        if result.is_error:  # in words that a model can mend its call by
            print(result.content[0].text)
        else:
            print(f"event {event['id']}: note {result.structured_content['client_note_id']}")


async def main() -> None:
    """Connect with the key as a bearer token."""
    address, headers = f"{os.environ['HUB']}/mcp", {"Authorization": f"Bearer {os.environ['KEY']}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(address, http_client=http)) as hub,
    ):
        await note_failed_payments(hub)


if __name__ == "__main__":
    asyncio.run(main())
