"""Ordered deliveries: many keys, changed orders, many deliveries behind one, and ordered replays."""

from attack import Attack
from fill import World
from row import row

from rows.backlog import PORT_TO_COME
from trunkline_kit.receiver import Hang

BY_CLIENT = {"key": "/payload/client_id"}


async def keys_due(world: World) -> None:
    """Make 200,000 due deliveries, each with a separate key in one order."""
    number = await world.subscribe(f"{PORT_TO_COME}/hook", ordering=BY_CLIENT)
    first, last = await world.events(world.size(200_000, 20_000))
    await world.deliveries(first, last, number, status="pending", in_order=True)


async def one_key_held(world: World) -> None:
    """Make 500,000 deliveries of one order that all wait for the first."""
    number = await world.subscribe(f"{PORT_TO_COME}/hook", ordering="subscription")
    first, last = await world.events(world.size(500_000, 20_000))
    await world.deliveries(first, last, number, status="pending", in_order=True)
    await world.hold(first, last)


async def log_for_an_order(world: World) -> None:
    """Make a log of 200,000 events."""
    await world.events(world.size(200_000, 20_000))


@row(prepare=keys_due, in_part=("sqlite",), seconds=8, is_alone=True)
async def keys_that_hang(attack: Attack) -> None:
    """200,000 deliveries are due at the start, each with a separate key in one order; the target hangs."""
    url = attack.target(Hang(), path="/hook")
    await attack.call("PATCH", await attack.path_of_subscription(), {"target_url": url})
    await attack.rest()


@row(prepare=keys_due, seconds=8, is_alone=True)
async def orders_changed(attack: Attack) -> None:
    """A subscription with 200,000 ordered deliveries repeatedly changes its order, drops it, and is replayed."""
    path = await attack.path_of_subscription()
    url = attack.target(Hang(), path="/hook")
    orderings = (None, BY_CLIENT, "subscription", {"key": "/payload/email"})

    async def change(turn: int) -> None:
        await attack.call("PATCH", path, {"target_url": url, "ordering": orderings[turn % 4]})
        begun = await attack.call("POST", f"{path}/replay", {"event_types": ["payment.failed"]})
        if begun.status == 202 and turn % 2:
            await attack.call("DELETE", f"/replays/{begun.json()['id']}")

    await attack.repeat(change, pause_seconds=0.1)


@row(prepare=one_key_held, seconds=8, is_alone=True)
async def held_paused_and_resumed(attack: Attack) -> None:
    """A subscription with half a million deliveries behind one is repeatedly paused and resumed."""
    path = await attack.path_of_subscription()
    await attack.call("PATCH", path, {"target_url": attack.target(Hang(), path="/hook")})
    statuses = ("paused", "active")
    await attack.repeat(
        lambda turn: attack.call("PATCH", path, {"status": statuses[turn % 2], "catch_up": False}),
        at_once=2,
        pause_seconds=0.05,
    )


@row(prepare=log_for_an_order, seconds=8, is_alone=True)
async def replays_in_an_order_taken_back(attack: Attack) -> None:
    """A replay of 200,000 events in one order, to a target that hangs, is started and cancelled after it has read for a while."""
    url = attack.target(Hang())
    [subscription] = await attack.subscribe(1, lambda _: url, ordering="subscription")

    async def begin_and_cancel(_: int) -> None:
        begun = await attack.call("POST", f"/webhooks/subscriptions/{subscription}/replay", {})
        if begun.status == 202:
            await attack.pause(3)
            await attack.call("DELETE", f"/replays/{begun.json()['id']}")

    await attack.repeat(begin_and_cancel)
