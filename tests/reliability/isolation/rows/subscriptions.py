"""Subscriptions that are made, changed, tested and deleted all the time."""

import asyncio
import contextlib

from attack import Attack
from row import row

from trunkline_kit.receiver import Answer, Hang

PATH = "/webhooks/subscriptions"


@row()
async def made_and_deleted(attack: Attack) -> None:
    """Subscriptions that are made and deleted, four at a time, with events in between."""
    url = attack.target(Answer())

    async def make_and_delete(turn: int) -> None:
        made = await attack.call("POST", PATH, {"target_url": url, "event_types": ["*"]}, company=turn % 3)
        await attack.emit(1, company=turn % 3)
        if made.status == 201:
            await attack.call("DELETE", f"{PATH}/{made.json()['id']}", company=turn % 3)

    await attack.repeat(make_and_delete, at_once=4)


@row()
async def made_at_once(attack: Attack) -> None:
    """Three companies make subscriptions with filters, twelve at a time, also beyond their limit."""
    url = attack.target(Answer())

    async def make(turn: int) -> None:
        filters = {"any": [{"payload.client_id": turn * 100 + n} for n in range(20)]}
        request = {"target_url": url, "event_types": ["*"], "filter": filters}
        await attack.call("POST", PATH, request, company=turn % 3)

    await attack.repeat(make, at_once=12)


@row()
async def twenty_large_filters(attack: Attack) -> None:
    """Three companies have twenty filters of 60 KB each; they list, explain and change them, and read their events."""
    members = {"in": [f"{number:0>60}" for number in range(950)]}
    url = attack.target(Answer())
    ids = [
        await attack.subscribe(20, lambda _: url, company=company, filter={"metadata.x": members})
        for company in range(3)
    ]

    async def use(turn: int) -> None:
        company = turn % 3
        emitted = await attack.emit(1, company=company)
        await attack.call("GET", "/subscriptions", company=company)
        if emitted.status == 201:
            event_id = emitted.json()["events"][0]["id"]
            await attack.call("GET", f"/events/{event_id}/explain", company=company)
        changed = ids[company][turn % len(ids[company])]
        await attack.call("PATCH", f"{PATH}/{changed}", {"filter": {"metadata.y": members}}, company=company)

    await attack.repeat(use, at_once=6)


@row()
async def changed(attack: Attack) -> None:
    """100 subscriptions whose filter of 100 clauses is changed repeatedly."""
    ids = await attack.subscribe(100, lambda n: f"http://127.0.0.1:9/{n}")

    async def change(turn: int) -> None:
        condition = {"any": [{"payload.client_id": turn * 100 + n} for n in range(20)]}
        await attack.call("PATCH", f"{PATH}/{ids[turn % len(ids)]}", {"filter": condition})

    await attack.repeat(change, at_once=4)


@row()
async def rotations(attack: Attack) -> None:
    """Secrets are rotated with a long overlap, so that old secrets still sign, and events have to be signed."""
    url = attack.target(Answer())
    [subscription] = await attack.subscribe(1, lambda _: url)
    body = {"overlap_seconds": 2_592_000}

    async def rotate(turn: int) -> None:
        await attack.call("POST", f"{PATH}/{subscription}/rotate-secret", body)
        if turn % 5 == 0:
            await attack.emit(100)

    await attack.repeat(rotate, at_once=4, pause_seconds=0.01)


@row(seconds=11.5)
async def tests_of_hanging_targets(attack: Attack) -> None:
    """Test calls to a target that hangs, a hundred at once."""
    url = attack.target(Hang())
    ids = await attack.subscribe(10, lambda _: url)
    await attack.repeat(
        lambda turn: attack.call("POST", f"{PATH}/{ids[turn % len(ids)]}/test", {}), at_once=100
    )


@row(seconds=11.5)
async def tests_that_nobody_waits_for(attack: Attack) -> None:
    """Test calls to a target that hangs for a minute, as many as the limits allow, by callers that disconnect at once."""
    url = attack.target(Hang())
    ids = await attack.subscribe(10, lambda _: url, timeout_seconds=60)

    async def call_and_go(turn: int) -> None:
        head = (
            f"POST /api/v1{PATH}/{ids[turn % len(ids)]}/test HTTP/1.1\r\nHost: hub\r\nX-Api-Key: {attack.key()}\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            async with attack.connected() as (_, writer):
                writer.write(head.encode())
                await asyncio.sleep(0.05)

    await attack.repeat(call_and_go, at_once=8, pause_seconds=0.01)


@row()
async def large_headers(attack: Attack) -> None:
    """100 subscriptions with as many and as long own headers as allowed, and events for them."""
    url = attack.target(Answer())
    headers = {f"X-Own-{n}": "v" * 1000 for n in range(20)}
    await attack.subscribe(100, lambda _: url, headers=headers)
    if not attack.noted["subscriptions"]:
        await attack.subscribe(100, lambda _: url, headers={"X-Own": "v" * 200})
    await attack.repeat(lambda _: attack.emit(20), pause_seconds=0.5)


@row(seconds=8)
async def a_hundred_targets_a_batch(attack: Attack) -> None:
    """100 subscriptions to a quick target, and batches of 1,000 events: 100,000 pushes each."""
    url = attack.target(Answer())
    await attack.flood(lambda _: url, events=1000, pause_seconds=1)


@row(seconds=20, has_worker=True, is_alone=True)
async def a_hot_company_over_two_workers(attack: Attack) -> None:
    """100 subscriptions to a quick target, and events for all of them as fast as they are pushed; two workers share the shard."""
    url = attack.target(Answer())
    await attack.subscribe(100, lambda _: url)
    sent = 0

    async def keep_a_backlog(_: int) -> None:
        nonlocal sent
        if sent * 100 - attack.receiver.count < 300_000:
            sent += 500 * ((await attack.emit(500)).status == 201)

    await attack.repeat(keep_a_backlog, pause_seconds=0.1)
    metrics = (await attack.call("GET", "/metrics", base="")).body.decode()
    if "trunkline_shards_held 8.0" in metrics:  # half of the sixteen; a worker with parts has more
        attack.noted["broken: the shard was not divided"] += 1


@row()
async def subscriptions_listed(attack: Attack) -> None:
    """The list of 100 subscriptions with large filters is read repeatedly."""
    condition = {"any": [{"metadata.x": {"eq": "y" * 500}}] * 20}
    await attack.subscribe(100, lambda n: f"http://127.0.0.1:9/{n}", filter=condition)
    await attack.repeat(lambda _: attack.call("GET", PATH), at_once=4)
