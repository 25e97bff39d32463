"""Backlogs: a paused subscription that is resumed, and retries that are due all at once."""

from attack import Attack
from fill import World
from row import row

from trunkline_kit.receiver import Answer, Hang

CHANGES = 5
PORT_TO_COME = "http://127.0.0.1:9"
"""A port at which nothing listens: the hub can reduce the backlog only by trying."""


async def paused(world: World) -> None:
    """Make a paused subscription with half a million events to catch up with."""
    await world.subscribe(f"{PORT_TO_COME}/hook", status="paused")
    await world.events(world.size(500_000, 40_000))


async def due(world: World) -> None:
    """Make 200,000 deliveries whose retry is due."""
    number = await world.subscribe(f"{PORT_TO_COME}/hook")
    first, last = await world.events(world.size(200_000, 20_000))
    await world.deliveries(first, last, number, status="pending")


@row(prepare=paused, in_part=("postgresql",), seconds=8, is_alone=True)
async def backlog_resumed(attack: Attack) -> None:
    """A paused subscription with half a million deliveries is resumed; its target answers at once."""
    url = attack.target(Answer(), path="/hook")
    change = {"target_url": url, "status": "active"}
    await attack.call("PATCH", await attack.path_of_subscription(), change)
    await attack.rest()


@row(prepare=paused, seconds=8, is_alone=True)
async def backlog_to_a_hanging_target(attack: Attack) -> None:
    """A paused subscription with half a million deliveries is resumed; its target hangs."""
    url = attack.target(Hang(), path="/hook")
    change = {"target_url": url, "status": "active"}
    await attack.call("PATCH", await attack.path_of_subscription(), change)
    await attack.rest()


@row(prepare=paused, seconds=8, is_alone=True)
async def backlog_paused_and_resumed(attack: Attack) -> None:
    """A subscription with half a million deliveries is repeatedly paused and resumed."""
    path = await attack.path_of_subscription()
    await attack.call("PATCH", path, {"target_url": attack.target(Answer(), path="/hook")})
    statuses = ("active", "paused")
    await attack.repeat(
        lambda turn: attack.call("PATCH", path, {"status": statuses[turn % 2]}), pause_seconds=0.2
    )


@row(prepare=due, in_part=("sqlite",), seconds=8, is_alone=True)
async def retries_due_at_once(attack: Attack) -> None:
    """200,000 retries are due at the start; the target answers at once."""
    url = attack.target(Answer(), path="/hook")
    await attack.call("PATCH", await attack.path_of_subscription(), {"target_url": url})
    await attack.rest()


@row(prepare=due, seconds=8, is_alone=True)
async def retries_due_to_nobody(attack: Attack) -> None:
    """200,000 retries are due at the start; nothing listens at the target."""
    await attack.rest()


@row(prepare=due, seconds=8, is_alone=True)
async def retries_due_that_get_a_pace(attack: Attack) -> None:
    """200,000 retries are due at the start; then their subscription gets a pace."""
    change = {"target_url": attack.target(Answer(), path="/hook"), "rate": "100/second"}
    await attack.call("PATCH", await attack.path_of_subscription(), change)
    await attack.rest()


@row(prepare=due, seconds=8, is_alone=True)
async def retries_due_paused_and_resumed(attack: Attack) -> None:
    """A subscription with 200,000 due retries is repeatedly paused and resumed, and deleted in the end."""
    path = await attack.path_of_subscription()
    statuses = ("paused", "active")

    async def change(turn: int) -> None:
        if turn < CHANGES:
            await attack.call("PATCH", path, {"status": statuses[turn % 2]})
        elif turn == CHANGES:
            await attack.call("DELETE", path)

    await attack.repeat(change, pause_seconds=0.5)
