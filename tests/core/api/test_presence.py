"""A call that waits ends when its caller hangs up, over a real connection."""

import asyncio

import pytest
from tests.waiting import until

from trunkline.api import server
from trunkline.hub.hub import Hub
from trunkline_kit.hubs import settings_for

LEAN = {"plugins.enabled": "polling,webhooks", "limits.enabled": "true", "limits.long_polls": "1"}


async def hang_up_after(condition, address, request: bytes) -> None:
    """Send *request*, and close the connection once *condition* holds."""
    _, writer = await asyncio.open_connection(*address)
    writer.write(request)
    await writer.drain()
    await until(condition)
    writer.close()
    await writer.wait_closed()


def head(method: str, path: str, key: str, body: bytes = b"") -> bytes:
    lines = f"{method} {path} HTTP/1.1\r\nhost: hub\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n"
    return f"{lines}content-length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
async def served(sqlite_database_url):
    """Serve a hub on a port; give it with a key of company 92."""
    hub = Hub(settings_for(sqlite_database_url, LEAN), dispatch=False)
    listener = server.bind("127.0.0.1", 0)
    async with server.running(hub, listener=listener):
        _, key = await hub.keys.create(92, name="test", scopes=["events:read", "webhooks:write", "admin"])
        yield hub, listener.getsockname(), key


async def test_a_long_poll_ends_and_makes_room_for_the_next(served):
    hub, address, key = served
    request = head("GET", "/api/v1/events?wait=30", key)
    for _ in range(3):
        await hang_up_after(lambda: hub.streaming._watch._waiting, address, request)
        await until(lambda: not hub.streaming._watch._waiting)


async def test_a_dry_run_ends(served):
    hub, address, key = served
    request = {"target_url": "https://example.com/", "event_types": ["*"]}
    made = await hub.subscriptions.create(92, request, channel="webhooks")
    counts = hub.replays._dry_runs.counts
    await counts.take(92, wait_seconds=0)  # another count, which this one waits for
    path = f"/api/v1/webhooks/subscriptions/{made['id']}/replay"
    await hang_up_after(lambda: counts.waiting(92), address, head("POST", path, key, b'{"dry_run": true}'))
    await until(lambda: not counts.waiting(92))
