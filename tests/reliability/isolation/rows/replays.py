"""Replays over a long log: counted, started, and cancelled."""

from attack import Attack
from fill import World
from row import row

from trunkline_kit.receiver import Answer


async def long_log(world: World) -> None:
    """Make a log of 60,000 events."""
    await world.events(world.size(60_000, 60_000))


async def _subscription(attack: Attack, **more: object) -> str:
    url = attack.target(Answer())
    return (await attack.subscribe(1, lambda _: url, **more))[0]


@row(prepare=long_log, in_part=("sqlite",), seconds=6)
async def dry_runs(attack: Attack) -> None:
    """Twenty dry-run replays at once over 60,000 events."""
    subscription = await _subscription(attack, filter={"payload.client_id": {"lt": 0}})
    path = f"/webhooks/subscriptions/{subscription}/replay"
    body = {"dry_run": True}
    await attack.repeat(lambda _: attack.call("POST", path, body), at_once=20, pause_seconds=0.1)


@row(prepare=long_log, seconds=6)
async def dry_runs_of_one_hundred_clauses(attack: Attack) -> None:
    """Twenty dry-run replays at once over 60,000 events, as many of them with 100 clauses as the cost limit allows."""
    clauses = [{"payload.first_name": {"contains": f"x{n}"}} for n in range(100)]
    [subscription] = await attack.subscribe_dearly(1, lambda _: attack.target(Answer()), clauses)
    path = f"/webhooks/subscriptions/{subscription}/replay"
    body = {"dry_run": True}
    await attack.repeat(lambda _: attack.call("POST", path, body), at_once=20, pause_seconds=0.1)


@row(prepare=long_log, seconds=8)
async def replays_of_everything(attack: Attack) -> None:
    """As many replays of 60,000 events as a company may have, to a target that answers at once."""
    subscription = await _subscription(attack)
    path = f"/webhooks/subscriptions/{subscription}/replay"
    await attack.repeat(lambda _: attack.call("POST", path, {}), at_once=4, pause_seconds=0.2)


@row(prepare=long_log)
async def replays_begun_and_cancelled(attack: Attack) -> None:
    """Replays of 60,000 events are started and cancelled, four at a time."""
    subscription = await _subscription(attack)
    path = f"/webhooks/subscriptions/{subscription}/replay"

    async def begin_and_cancel(_: int) -> None:
        begun = await attack.call("POST", path, {})
        if begun.status == 202:
            await attack.call("DELETE", f"/replays/{begun.json()['id']}")

    await attack.repeat(begin_and_cancel, at_once=4)


@row(prepare=long_log)
async def subscriptions_that_start_in_the_past(attack: Attack) -> None:
    """Subscriptions that begin with the first of 60,000 events are made and deleted."""
    url = attack.target(Answer())
    request = {"target_url": url, "event_types": ["*"], "start": "2020-01-01T00:00:00Z"}

    async def make_and_delete(_: int) -> None:
        made = await attack.call("POST", "/webhooks/subscriptions", request)
        if made.status == 201:
            await attack.call("DELETE", f"/webhooks/subscriptions/{made.json()['id']}")

    await attack.repeat(make_and_delete, at_once=4)


@row(prepare=long_log, seconds=8)
async def replays_that_wait_for_their_pace(attack: Attack) -> None:
    """A hundred subscriptions that catch up with 60,000 events, each at one a minute."""
    past = {"rate": "1/minute", "start": "2020-01-01T00:00:00Z"}
    await attack.subscribe(100, lambda _: attack.target(Answer()), **past)
    await attack.rest()
