"""Names of targets that are slow to resolve, or never do."""

from attack import Attack
from row import row

from trunkline_kit.receiver import Answer


async def _push_to(attack: Attack, behaviour: str, *, events: int = 1) -> None:
    await attack.flood(lambda n: f"http://t{n}.{behaviour}.test:9/hook", events=events)


@row(in_part=("sqlite",), seconds=7)
async def silent_names(attack: Attack) -> None:
    """A hundred targets whose names no name server answers for, and an event for each twice a second."""
    await _push_to(attack, "silent")


@row(seconds=6)
async def failing_names(attack: Attack) -> None:
    """A hundred targets whose name servers fail (SERVFAIL)."""
    await _push_to(attack, "broken", events=5)


@row(seconds=6)
async def missing_names(attack: Attack) -> None:
    """A hundred targets whose names do not exist."""
    await _push_to(attack, "missing", events=5)


@row(seconds=6)
async def slow_names(attack: Attack) -> None:
    """A hundred targets whose name servers take 1.8 s, with answers that are valid for one second."""
    attack.receiver.always(Answer())
    await attack.flood(lambda n: f"http://t{n}.slow.test:{attack.receiver.port}/hook", events=1)


@row(seconds=7)
async def silent_names_of_three(attack: Attack) -> None:
    """Three companies with a hundred silent names each, at the same time."""
    for company in range(3):
        await attack.subscribe(
            100, lambda n, c=company: f"http://c{c}t{n}.silent.test:9/hook", company=company, at_once=8
        )
    await attack.repeat(lambda turn: attack.emit(1, company=turn % 3), pause_seconds=0.3)


@row(seconds=6)
async def test_calls_to_silent_names(attack):
    """Subscriptions to silent names are made, tested by a test call and deleted, eight at a time."""

    async def try_one(turn: int) -> None:
        request = {"target_url": f"http://x{turn}.silent.test:9/hook", "event_types": ["*"]}
        made = await attack.call("POST", "/webhooks/subscriptions", request)
        if made.status == 201:
            path = f"/webhooks/subscriptions/{made.json()['id']}"
            await attack.call("POST", f"{path}/test", {})
            await attack.call("DELETE", path)

    await attack.repeat(try_one, at_once=8)
