"""Messages of agents to ``/mcp``, in both eras of the protocol."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
from aiohttp import web
from attack import Answer, Attack
from row import row

from trunkline_kit.receiver import Hang

_VERSION = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_LEAD = {"first_name": "M", "last_name": "D", "email": "m@example.com"}


async def _say(
    attack: Attack, method: str, params: dict[str, Any], *, is_modern: bool, company: int = 0
) -> Answer:
    headers, message = _written(method, params, is_modern=is_modern)
    return await attack.call("POST", "/mcp", message, headers=headers, company=company, base="")


def _written(
    method: str, params: dict[str, Any], *, is_modern: bool
) -> tuple[dict[str, str], dict[str, Any]]:
    headers = {"Accept": "application/json, text/event-stream"}
    if is_modern:
        headers |= {
            "MCP-Protocol-Version": _VERSION,
            "Mcp-Method": method,
            "Mcp-Name": params.get("name", ""),
        }
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": params | ({"_meta": _META} if is_modern else {}),
    }
    return headers, message


@contextlib.asynccontextmanager
async def _callback(*, takes_seconds: float = 0.2) -> AsyncGenerator[str]:
    """Lend a URL that answers every challenge at once, and every other request after a while."""

    async def take(request: web.Request) -> web.Response:
        said = await request.json()
        if "challenge" not in said:
            await asyncio.sleep(takes_seconds)
        return web.json_response({"challenge": said.get("challenge")})

    app = web.Application()
    app.router.add_post("/{path}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _subscription(url: str, number: int) -> dict[str, Any]:
    delivery = {"mode": "webhook", "url": url, "secret": "whsec_" + "c2VjcmV0" * 4}
    return {"name": "lead.created", "arguments": {"client_id": number}, "delivery": delivery}


@row(in_part=("sqlite",))
async def tools_in_a_loop(attack: Attack) -> None:
    """Agents list tools and call them, rightly and wrongly, as often as the limits allow."""
    calls = (
        ("tools/list", {}),
        ("tools/call", {"name": "create_lead", "arguments": _LEAD}),
        ("tools/call", {"name": "find_lead", "arguments": {"phone": "+1555"}}),
        ("tools/call", {"name": "get_recent_events", "arguments": {"limit": 20, "text": "nowhere"}}),
        ("tools/call", {"name": "explain_event", "arguments": {"event_id": 1000}}),
        ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    )

    async def act(turn: int) -> None:
        method, params = calls[turn % len(calls)]
        await _say(attack, method, params, is_modern=turn % 2 == 0, company=turn % 3)

    await attack.repeat(act, at_once=8)


@row()
async def large_messages(attack: Attack) -> None:
    """Messages of the maximum size contain only arguments that no tool knows, four at a time."""
    arguments = {f"a{number}": [[number]] for number in range(1_700)}

    async def act(turn: int) -> None:
        params = {"name": "create_lead", "arguments": arguments}
        await _say(attack, "tools/call", params, is_modern=turn % 2 == 0, company=turn % 3)

    await attack.repeat(act, at_once=4)


@row(seconds=8)
async def callbacks(attack: Attack) -> None:
    """Agents subscribe as fast as they are allowed: repeatedly to URLs that answer their challenge, and to URLs that hang."""
    hanging = attack.target(Hang())

    async def act(turn: int) -> None:
        url = hanging if turn % 4 == 0 else f"{url_of}/{turn % 7}"
        params = _subscription(url, turn % 30)
        method = "events/unsubscribe" if turn % 11 == 0 else "events/subscribe"
        await _say(attack, method, params, is_modern=turn % 2 == 0, company=turn % 3)
        if turn % 50 == 0:
            await attack.emit(30, company=turn % 3)

    async with _callback() as url_of:
        await attack.repeat(act, at_once=40)


@row(seconds=8)
async def ten_thousand_subscribe_calls(attack: Attack) -> None:
    """10,000 calls subscribe to as many URLs, forty at a time, each as soon as the previous one is answered."""
    numbers = iter(range(attack.size(10_000, 2_000)))

    async def subscribe() -> None:
        for number in numbers:
            params = _subscription(f"{url_of}/{number}", number)
            await _say(attack, "events/subscribe", params, is_modern=number % 2 == 0, company=number % 3)

    async with _callback() as url_of:
        await asyncio.gather(*(subscribe() for _ in range(40)))


@row(seconds=8)
async def gaps(attack: Attack) -> None:
    """Agents' subscriptions to callbacks that hang are repeatedly paused, and resumed without the missed events."""
    made = attack.size(40, 15)

    async def act(turn: int) -> None:
        path = paths[turn % len(paths)]
        await attack.emit(1)
        for change in ({"status": "paused"}, {"status": "active", "catch_up": False}):
            await attack.call("PATCH", path, change)

    async with _callback(takes_seconds=60) as url_of:
        for number in range(made):
            await _say(
                attack, "events/subscribe", _subscription(f"{url_of}/{number % 5}", number), is_modern=True
            )
        listed = await attack.call("GET", "/subscriptions?channel=mcp")
        paths = [f"/subscriptions/{each['id']}" for each in listed.json()["subscriptions"]]
        attack.noted["subscriptions"] += len(paths)
        await attack.repeat(act, at_once=4)


@row()
async def streams(attack: Attack) -> None:
    """Agents open as many streams from the oldest event on as they are allowed, read little or nothing, and leave."""
    headers, message = _written("events/stream", {"name": "lead.created", "cursor": "ZTE6MA"}, is_modern=True)

    async def act(turn: int) -> None:
        sent = headers | {"X-Api-Key": attack.key(turn % 3)}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with attack.http.post(f"{attack.url}/mcp", json=message, headers=sent) as answer:
                attack.noted[str(answer.status)] += 1
                if turn % 2:
                    async with asyncio.timeout(1):
                        await answer.read()
                else:
                    await asyncio.sleep(1)
        if turn % 20 == 0:
            await attack.emit(100, company=turn % 3)

    await attack.repeat(act, at_once=60)
