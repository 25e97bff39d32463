"""The answers of a server between the signal to stop and its end."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest
from tests.raw_http import Client, Site, head

from trunkline.api import server
from trunkline.hub.hub import Hub
from trunkline_kit.hubs import settings_for

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n"
READY = b"GET /readyz HTTP/1.1\r\nhost: hub\r\n\r\n"


@contextlib.asynccontextmanager
async def served(url: str, **changed: str) -> AsyncIterator[tuple[server.Serving, Site]]:
    hub = Hub(settings_for(url, {"plugins.enabled": "polling", **changed}), dispatch=False)
    async with contextlib.AsyncExitStack() as clients:  # they stay open longer than the server runs
        with server.bind("127.0.0.1", 0) as listener:
            site = Site(hub, listener.getsockname()[1], clients)
            async with server.running(hub, listener=listener) as serving:
                yield serving, site


async def ask(client: Client, request: bytes) -> tuple[int, str | None]:
    await client.send(request)
    answer = await client.answer()
    return answer.status, answer.headers.get("connection")


async def test_while_it_drains_a_server_is_not_ready_and_answers_everybody_once_more(sqlite_database_url):
    async with served(sqlite_database_url, **{"server.drain_seconds": "60"}) as (serving, site):
        kept = await site.connect()
        assert await ask(kept, HEALTH) == (200, None)
        stop = server.Stop()
        stop.ask()
        draining = asyncio.create_task(serving.drain(stop))
        await asyncio.sleep(0)
        fresh = await site.connect()
        await fresh.send(READY)
        answer = await fresh.answer()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert b'"server":"stopping"' in answer.body
        assert await fresh.is_closed()
        assert await ask(kept, HEALTH) == (200, "close")
        assert await kept.is_closed()
        assert not draining.done()
        stop.ask()
        await asyncio.wait_for(draining, 60)


async def test_a_long_poll_is_answered_at_the_end_and_its_connection_with_it(sqlite_database_url):
    async with served(sqlite_database_url, **{"server.drain_seconds": "0.3"}) as (serving, site):
        polling = await site.connect()
        await polling.send(head("GET", "/api/v1/events?wait=30", f"x-api-key: {await site.key()}"))
        await asyncio.sleep(0.3)
        stop = server.Stop()
        stop.ask()
        await serving.drain(stop)
    answer = await polling.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("case", ["no signal", "at once", "no time"])
async def test_nothing_is_drained_where_nobody_asked_or_has_the_time(sqlite_database_url, case):
    seconds = "0" if case == "no time" else "60"
    async with served(sqlite_database_url, **{"server.drain_seconds": seconds}) as (serving, site):
        stop = server.Stop()
        if case == "at once":
            stop.end_at_once()
        elif case == "no time":
            stop.ask()
        await asyncio.wait_for(serving.drain(stop), 60)
        assert await ask(await site.connect(), READY) == (200, None)


async def test_who_waits_to_be_accepted_when_the_server_stops_is_answered(sqlite_database_url):
    connecting: list[socket.socket] = []

    def connect(port: int) -> None:
        connecting.append(socket.create_connection(("127.0.0.1", port)))
        connecting[0].sendall(HEALTH)

    async with served(sqlite_database_url) as (_, site):
        # just before the server's next step, its last
        asyncio.get_running_loop().call_soon(connect, site.port)
    client = Client(*await asyncio.open_connection(sock=connecting[0]))
    with contextlib.closing(client):
        assert await ask(client, b"") == (200, "close")


async def test_who_has_connected_and_asks_just_after_the_server_stops_is_answered(sqlite_database_url):
    async def ask_late(client: Client) -> tuple[int, str | None]:
        await asyncio.sleep(0.05)
        return await ask(client, HEALTH)

    async with served(sqlite_database_url) as (_, site):
        asking = asyncio.create_task(ask_late(await site.connect()))
    assert await asking == (200, "close")


async def test_connections_that_ask_nothing_do_not_hold_a_stop_up(sqlite_database_url):
    async with served(sqlite_database_url) as (_, site):
        await site.connect()
        await asyncio.sleep(0.05)
        began = time.monotonic()
    assert time.monotonic() - began < 10
