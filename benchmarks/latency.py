"""The time of an event from ``POST`` to the first byte at its target: on an idle hub, and at 70 % of its push rate.

``trunkline serve`` delivers to a target in a separate process. The load is open-loop: batches are sent when due, even if
earlier ones have no answer yet, and an event's time starts when its batch is due. The limits of this suite are
for the time from the answer to the batch.
"""

import asyncio
import random
import time

import aiohttp
import orjson

from benchmarks import processes, push, served
from benchmarks.hubs import make_hub
from benchmarks.results import Options, Row, medians

COMPANY = 92
LOAD = 0.7
BATCH_SECONDS = 0.02
IDLE_TARGET_MS = (5, 25)
LOADED_TARGET_MS = 150

Sent = tuple[float, float, list[int]]
"""The time at which a request was due, the time of its answer, and the ids of its events."""


def run(options: Options) -> list[Row]:
    """Measure both engines, idle and under load."""
    return [row for engine in options.engines for row in _rows(engine, options)]


def _rows(engine: str, options: Options) -> list[Row]:
    events, seconds = options.scaled(200, least=20), max(5 * options.scale, 0.5)
    limit = push.limit(engine, options.scaled(20_000, least=500))
    idle, loaded = [], []
    for _ in range(options.rounds):
        rounds = asyncio.run(_round(engine, events=events, seconds=seconds, per_second=limit * LOAD))
        idle.append(rounds[0])
        loaded.append(rounds[1])
    still, busy = medians(idle), medians(loaded)
    p50, p99 = IDLE_TARGET_MS
    met = still["after_the_answer_p50_ms"] <= p50 and still["after_the_answer_p99_ms"] <= p99
    return [
        Row(f"idle, {engine}", still, None, f"p50 ≤ {p50} ms, p99 ≤ {p99} ms", met),
        Row(
            f"at {LOAD:.0%} of {limit:,.0f}/s, {engine}",
            busy,
            None,
            f"p99 ≤ {LOADED_TARGET_MS} ms",
            busy["after_the_answer_p99_ms"] <= LOADED_TARGET_MS,
        ),
    ]


async def _round(
    engine: str, *, events: int, seconds: float, per_second: float
) -> tuple[dict[str, float], dict[str, float]]:
    with (
        processes.child("benchmarks.sink", "arrivals") as sink,
        processes.database(engine) as database_url,
    ):
        target = f"http://127.0.0.1:{int(sink.stdout.readline())}/"
        async with make_hub(database_url, dispatch=False) as hub:
            _, key = await hub.keys.create(COMPANY, name="bench", scopes=["events:write"])
            request = {"target_url": target, "event_types": ["*"]}
            await hub.subscriptions.create(COMPANY, request, channel="webhooks")
        with served.started(database_url) as (url, _):
            served.warm(url)
            async with aiohttp.ClientSession(headers={"X-Api-Key": key}) as session:
                await _one_by_one(session, url, 20)
                idle = await _one_by_one(session, url, events)
                loaded = await _open_loop(session, url, seconds=seconds, per_second=per_second)
                arrivals = await _arrivals(session, target, [*idle, *loaded])
    return _times(idle, arrivals), _times(loaded, arrivals)


async def _one_by_one(session: aiohttp.ClientSession, url: str, count: int) -> list[Sent]:
    """Post *count* events, 15 to 35 ms apart; the pauses vary, so that they do not match a period of the hub."""
    sent = []
    for _ in range(count):
        sent.append(await _post(session, f"{url}/api/v1/events", served.EVENT, due=time.monotonic()))
        await asyncio.sleep(random.uniform(0.015, 0.035))
    return sent


async def _open_loop(
    session: aiohttp.ClientSession, url: str, *, seconds: float, per_second: float
) -> list[Sent]:
    """Post a batch every ``BATCH_SECONDS``, with as many events as make *per_second* events per second."""
    body = b'{"events":[' + b",".join([served.EVENT] * max(round(per_second * BATCH_SECONDS), 1)) + b"]}"
    began = time.monotonic()
    posts = []
    for number in range(int(seconds / BATCH_SECONDS)):
        due = began + number * BATCH_SECONDS
        await asyncio.sleep(due - time.monotonic())
        posts.append(asyncio.create_task(_post(session, f"{url}/api/v1/events/batch", body, due=due)))
    return await asyncio.gather(*posts)


async def _post(session: aiohttp.ClientSession, url: str, body: bytes, *, due: float) -> Sent:
    async with session.post(url, data=body, headers={"content-type": "application/json"}) as answer:
        said = await answer.read()
    answered = time.monotonic()
    assert answer.status == 201, said
    answer = orjson.loads(said)
    return due, answered, [event["id"] for event in answer.get("events", [answer])]


async def _arrivals(session: aiohttp.ClientSession, target: str, sent: list[Sent]) -> dict[int, float]:
    """Wait until the target has received everything; return the arrival time of each event."""
    expected = {event_id for _, _, ids in sent for event_id in ids}
    async with asyncio.timeout(60):
        while True:
            async with session.get(f"{target}arrivals") as answer:
                arrivals = {int(key): at for key, at in orjson.loads(await answer.read()).items()}
            if expected <= arrivals.keys():
                return arrivals
            await asyncio.sleep(0.5)


def _times(sent: list[Sent], arrivals: dict[int, float]) -> dict[str, float]:
    """Return percentiles of the time to arrival, counted from the request and from the answer to the request.

    An event that arrives before the answer counts as 0 in the second case.
    """
    asked = sorted(arrivals[event_id] - due for due, _, ids in sent for event_id in ids)
    told = sorted(max(arrivals[event_id] - at, 0) for _, at, ids in sent for event_id in ids)
    return {
        "p50_ms": asked[len(asked) // 2] * 1000,
        "p99_ms": asked[len(asked) * 99 // 100] * 1000,
        "longest_ms": asked[-1] * 1000,
        "after_the_answer_p50_ms": told[len(told) // 2] * 1000,
        "after_the_answer_p99_ms": told[len(told) * 99 // 100] * 1000,
    }
