"""Public addresses in a loop: metrics, health, documents and the pages about events."""

from attack import Attack
from row import row


async def _load(attack: Attack, *paths: str, at_once: int = 4, pause_seconds: float = 0.02) -> None:
    await attack.repeat(
        lambda turn: attack.ask("GET", paths[turn % len(paths)]),
        at_once=at_once,
        pause_seconds=pause_seconds,
    )


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

    await attack.repeat(lambda turn: attack.ask("GET", f"/no/such/{turn}"), at_once=8)


@row()
async def ids_of_requests(attack: Attack) -> None:
    """Calls with request ids of 8 KB and unknown methods, which the log might keep, without a key."""

    methods = ("GET", "BREW", "OPTIONS", "TRACE")
    await attack.repeat(
        lambda turn: attack.ask(methods[turn % 4], "/healthz", headers={"X-Request-Id": f"{turn:08000}"}),
        at_once=8,
    )
