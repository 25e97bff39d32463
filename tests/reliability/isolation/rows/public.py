"""Public addresses in a loop: metrics, health, documents and the pages about events."""

import aiohttp
from attack import Attack
from row import row


async def _load(attack: Attack, *paths: str, at_once: int = 4, pause_seconds: float = 0.02) -> None:
    async def load(turn: int) -> None:
        try:
            async with attack.http.get(f"{attack.url}{paths[turn % len(paths)]}") as answer:
                await answer.read()
                attack.noted[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            attack.noted[type(error).__name__] += 1

    await attack.repeat(load, at_once=at_once, pause_seconds=pause_seconds)


@row()
async def metrics(attack: Attack) -> None:
    """Metrics are read four at a time, some 200 times a second, without a key."""
    await _load(attack, "/metrics")


@row()
async def documents(attack: Attack) -> None:
    """The OpenAPI and AsyncAPI documents and their page are read four at a time, without a key."""
    await _load(attack, "/openapi.json", "/asyncapi.json", "/docs")


@row()
async def event_docs(attack: Attack) -> None:
    """The pages about events are read four at a time, without a key."""
    await _load(attack, "/docs/events", "/docs/events/lead.created", "/docs/events/llms.txt")


@row()
async def schemas(attack: Attack) -> None:
    """Existing and missing schemas are read four at a time, without a key."""
    await _load(attack, "/schemas/events/lead.created.json", "/schemas/events/nothing.json")


@row()
async def readiness(attack: Attack) -> None:
    """`/readyz`, which queries the database, is called eight at a time, without a key."""
    await _load(attack, "/readyz", "/healthz", at_once=8, pause_seconds=0.01)


@row()
async def paths_that_are_not_there(attack: Attack) -> None:
    """New missing paths with every call, as labels of metrics might remember them, without a key."""

    async def load(turn: int) -> None:
        async with attack.http.get(f"{attack.url}/no/such/{turn}") as answer:
            await answer.read()
            attack.noted[str(answer.status)] += 1

    await attack.repeat(load, at_once=8)


@row()
async def ids_of_requests(attack: Attack) -> None:
    """Calls with request ids of 8 KB and unknown methods, which the log might keep, without a key."""

    async def call(turn: int) -> None:
        headers = {"X-Request-Id": f"{turn:08000}"}
        method = ("GET", "BREW", "OPTIONS", "TRACE")[turn % 4]
        try:
            async with attack.http.request(method, f"{attack.url}/healthz", headers=headers) as answer:
                await answer.read()
                attack.noted[str(answer.status)] += 1
        except aiohttp.ClientError as error:
            attack.noted[type(error).__name__] += 1

    await attack.repeat(call, at_once=8)
