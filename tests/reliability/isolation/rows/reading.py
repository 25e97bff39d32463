"""Reads: long polls, pages of large events that are not read, logs and explanations."""

import asyncio
import json
from urllib.parse import quote, urlsplit

from attack import Attack
from fill import World, long_delivery_log
from row import row

from trunkline_kit.receiver import Answer


async def large_events(world: World) -> None:
    """Make 400 events of 200 KB."""
    await world.events(400, letters=200_000)


@row(in_part=("postgresql",), seconds=8)
async def long_polls(attack: Attack) -> None:
    """Long polls of 30 s by three companies, as many as their rate limits allow, and events that wake all of them."""

    async def poll(turn: int) -> None:
        newest = await attack.call("GET", "/events?limit=1&types=invoice.created&wait=30", company=turn % 3)
        if newest.status == 429:
            await asyncio.sleep(1)

    waking = asyncio.create_task(
        attack.repeat(lambda turn: attack.emit(1, company=turn % 3), pause_seconds=0.3)
    )
    await attack.repeat(poll, at_once=500)
    await waking


@row(prepare=large_events, seconds=6)
async def slow_readers_of_pages(attack: Attack) -> None:
    """Pages of 200 events of 200 KB, requested on 30 connections and not read."""
    host = urlsplit(attack.url).netloc

    async def ask(turn: int) -> None:
        head = f"GET /api/v1/events?limit=200 HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {attack.key()}\r\n\r\n"
        async with attack.connected() as (reader, writer):
            writer.write(head.encode())
            while attack.goes_on:
                await reader.read(1)
                await asyncio.sleep(0.2 + turn / 1000)

    await asyncio.gather(*(ask(n) for n in range(30)))


@row(prepare=large_events)
async def pages_of_large_events(attack: Attack) -> None:
    """Pages of 200 events of 200 KB, read repeatedly."""
    await attack.repeat(lambda _: attack.call("GET", "/events?limit=200"), at_once=4)


@row(prepare=long_delivery_log)
async def delivery_log(attack: Attack) -> None:
    """The delivery log of 200,000 deliveries, filtered without a match, and read page by page."""
    listed = await attack.call("GET", "/webhooks/subscriptions")
    path = f"/webhooks/subscriptions/{listed.json()['subscriptions'][0]['id']}/deliveries"

    async def read(turn: int) -> None:
        status = ("exhausted", "pending", "gone", "delivered")[turn % 4]
        await attack.call("GET", f"{path}?status={status}&limit=200")

    await attack.repeat(read, at_once=4)


@row(prepare=long_delivery_log)
async def polls_that_find_nothing(attack: Attack) -> None:
    """Polls by a rare type, from the beginning of 200,000 events, and by time."""

    async def poll(turn: int) -> None:
        query = ("types=invoice.created", "since=2020-01-01T00:00:00Z", "types=payment.failed&limit=200")
        await attack.call("GET", f"/events?{query[turn % 3]}")

    await attack.repeat(poll, at_once=4)


@row(prepare=long_delivery_log, seconds=6)
async def polls_by_a_filter(attack: Attack) -> None:
    """Polls by three companies with the most expensive filters that match nothing, over 200,000 events."""
    dear = [{"payload.first_name": {"contains": f"nowhere {n}"}} for n in range(30)]
    query = quote(json.dumps({"any": dear}))

    async def poll(turn: int) -> None:
        answer = await attack.call("GET", f"/events?limit=200&filter={query}", company=turn % 3)
        if answer.status == 429:
            attack.noted["told to wait"] += 1
            await asyncio.sleep(1)

    await attack.repeat(poll, at_once=12)


@row(prepare=long_delivery_log)
async def explanations_of_a_long_log(attack: Attack) -> None:
    """Events of a long log are explained, with 100 subscriptions that did not get them."""
    await attack.subscribe(99, lambda n: f"http://127.0.0.1:9/{n}", filter={"payload.client_id": 7})
    newest = (await attack.call("GET", "/events/sample?limit=1")).json()[0]["id"]
    await attack.repeat(lambda turn: attack.call("GET", f"/events/{newest - turn % 1000}/explain"), at_once=4)


@row()
async def versions_and_types(attack: Attack) -> None:
    """The lists of event types, actions and searches, in every version that exists or not."""

    async def read(turn: int) -> None:
        path = ("/event-types", "/actions", "/searches", "/event-types/lead.created", "/me")[turn % 5]
        await attack.call("GET", path, company=turn % 3)

    await attack.repeat(read, at_once=8)


@row()
async def samples(attack: Attack) -> None:
    """The company's newest 200 events are requested as samples, while events come in."""
    await attack.emit(1000, first_name="a" * 90)

    async def read(turn: int) -> None:
        await attack.call("GET", "/events/sample?limit=200", company=0)
        if turn % 10 == 0:
            await attack.emit(100)

    await attack.repeat(read, at_once=4)


@row(seconds=7)
async def pushes_with_large_bodies(attack: Attack) -> None:
    """100 subscriptions to a quick target, and events of 200 KB for all of them."""
    url = attack.target(Answer())
    await attack.subscribe(100, lambda _: url)
    event = {
        "type": "lead.created",
        "payload": {"client_id": 1, "first_name": "M", "last_name": "D", "email": "m@example.com"}
        | {"phone": "1", "status": "Lead - New", "status_id": 10, "created_date": "2026-01-28T10:30:00Z"},
        "metadata": {"text": "a" * 200_000},
    }
    body = {"events": [event] * 10}
    await attack.repeat(lambda _: attack.call("POST", "/events/batch", body), pause_seconds=0.5)
