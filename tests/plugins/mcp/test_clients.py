"""The official Python client against ``trunkline serve``, in both versions; it checks answers by the protocol's schemas."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Request
from pydantic import TypeAdapter

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.parametrize("mode", sorted(ERAS))]


@contextlib.asynccontextmanager
async def connected(hub, key: str, mode: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{hub.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def test_an_agent_finds_makes_and_looks_up(served_hub, mode):
    async with connected(served_hub, served_hub.key, mode) as client:
        assert (client.protocol_version, client.server_info.title) == (ERAS[mode], "WhiteLabelCRO")
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools["find_lead"].annotations.read_only_hint is True
        made = await client.call_tool("create_lead", LEAD)
        assert made.structured_content["status"] == "Lead - New"
        found = await client.call_tool("find_lead", {"client_id": made.structured_content["client_id"]})
        assert found.structured_content["results"][0]["email"] == LEAD["email"]
        events = (
            await client.call_tool("get_recent_events", {"type": "lead.created", "limit": 1})
        ).structured_content
        event = events["events"][0]
        assert event["payload"]["client_id"] == made.structured_content["client_id"]
        explained = await client.call_tool("explain_event", {"event_id": event["id"]})
        assert explained.structured_content == {"event_id": event["id"], "subscriptions": [], "consumers": []}


async def test_an_agent_reads_what_there_is_and_takes_a_prompt(served_hub, mode):
    async with connected(served_hub, served_hub.key, mode) as client:
        resources = {str(resource.uri): resource for resource in (await client.list_resources()).resources}
        (content,) = (await client.read_resource("trunkline://event-types/payment.failed")).contents
        assert '"amount_attempted"' in content.text
        assert resources["trunkline://docs/verify"].mime_type == "text/markdown"
        taken = await client.get_prompt("find_out_why", {"event_id": "7"})
        assert "explain_event" in taken.messages[0].content.text


async def test_an_agent_polls_for_what_comes_after_a_cursor(served_hub, mode):
    async with connected(served_hub, served_hub.key, mode) as client:

        async def poll(cursor: str | None) -> dict[str, Any]:
            params = {"name": "lead.created", "cursor": cursor}
            request = Request[dict[str, Any], str](method="events/poll", params=params)
            return await client.session.send_request(request, TypeAdapter(dict[str, Any]))

        now = await poll(None)
        assert (now["events"], now["hasMore"], now["truncated"]) == ([], False, False)
        made = await client.call_tool("create_lead", LEAD)
        (event,) = (await poll(now["cursor"]))["events"]
        assert event["name"] == "lead.created"
        assert event["data"]["client_id"] == made.structured_content["client_id"]


async def test_a_refusal_is_a_result_and_an_unknown_tool_an_error(served_hub, mode):
    async with connected(served_hub, served_hub.key, mode) as client:
        refused = await client.call_tool("create_lead", {"first_name": "Jane"})
        assert refused.is_error
        assert refused.content[0].text.split("\n")[1:] == ["- last_name is required", "- email is required"]
        with pytest.raises(MCPError, match="There is no tool 'make_coffee' here"):
            await client.call_tool("make_coffee", {})


async def test_a_wrong_key_does_not_connect(served_hub, mode):
    with pytest.raises((ExceptionGroup, MCPError)):
        async with connected(served_hub, "wlcro_live_92_" + "A" * 43, mode) as client:
            await client.list_tools()


async def test_an_agent_goes_on_after_a_restart(served_hub, mode):
    async with connected(served_hub, served_hub.key, mode) as client:
        before = [tool.name for tool in (await client.list_tools()).tools]
        served_hub.stop()
        served_hub.start()
        assert [tool.name for tool in (await client.list_tools()).tools] == before
