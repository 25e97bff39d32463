"""A stream of MCP Events to the official Python client, against ``trunkline serve``."""

import asyncio
from typing import Any, Literal

import httpx2
import pytest
from mcp.client import Client
from mcp.client.extension import ClientExtension, NotificationBinding
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Request, RequestParams, Result
from pydantic import BaseModel, ConfigDict

TYPE = "payment.failed"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class StreamParams(RequestParams):
    name: str


class StreamRequest(Request[StreamParams, Literal["events/stream"]]):
    method: Literal["events/stream"] = "events/stream"


class Frame(BaseModel):
    model_config = ConfigDict(extra="allow")


class Watching(ClientExtension):
    identifier = "io.modelcontextprotocol/events"

    def __init__(self) -> None:
        self.frames: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    def notifications(self) -> list[NotificationBinding[Any]]:
        return [self._binding(kind) for kind in ("active", "event", "heartbeat")]

    def _binding(self, kind: str) -> NotificationBinding[Any]:
        async def take(frame: Frame) -> None:
            self.frames.put_nowait((kind, frame.model_dump()))

        return NotificationBinding(method=f"notifications/events/{kind}", params_type=Frame, handler=take)


async def test_it_opens_a_stream_gets_each_event_and_leaves(served_hub):
    watching = Watching()
    headers = {"Authorization": f"Bearer {served_hub.key}"}
    example = served_hub.call("GET", f"/api/v1/event-types/{TYPE}")["example"]
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(
            streamable_http_client(f"{served_hub.url}/mcp", http_client=http), extensions=[watching]
        ) as client,
    ):
        assert client.server_capabilities.extensions == {
            "io.modelcontextprotocol/events": {"listChanged": False}
        }
        request = StreamRequest(params=StreamParams(name=TYPE))
        stream = asyncio.create_task(client.session.send_request(request, Result))
        async with asyncio.timeout(60):
            kind, opened = await watching.frames.get()
        assert (kind, opened["truncated"]) == ("active", False)
        made = []
        for _ in range(3):
            body = {"type": TYPE, "payload": example}
            made.append((await asyncio.to_thread(served_hub.call, "POST", "/api/v1/events", json=body))["id"])
            async with asyncio.timeout(60):
                kind, event = await watching.frames.get()
            assert (kind, event["eventId"], event["data"]) == ("event", str(made[-1]), example)
        async with asyncio.timeout(90):
            assert await watching.frames.get() == (
                "heartbeat",
                {"cursor": event["cursor"]} | {"_meta": event["_meta"]},
            )
        stream.cancel()
