"""Groups of event types (`invoice.*`) in subscriptions, polls and long polls."""

from attack import Attack
from row import row

from trunkline_kit.receiver import Answer

GROUPS = ("invoice.*", "lead.*", "payment.*", "client.*", "affiliate.*", "document.*", "agreement.*")
IN_A_HEAD = 14_000
"""Number of characters of a query that fit into a request's head."""


@row(in_part=("postgresql",))
async def groups_of_subscriptions_changed(attack: Attack) -> None:
    """100 subscriptions to every other group change their groups repeatedly, four at a time, between batches of 1,000 events."""
    url = attack.target(Answer())
    ids = await attack.subscribe(100, lambda _: url, event_types=list(GROUPS[::2]))

    async def change(turn: int) -> None:
        body = {"event_types": list(GROUPS[turn % 2 :: 2])}
        await attack.call("PATCH", f"/webhooks/subscriptions/{ids[turn % len(ids)]}", body)
        if turn % 20 == 0:
            await attack.emit(1000)

    await attack.repeat(change, at_once=4)


@row()
async def queries_of_groups(attack: Attack) -> None:
    """Polls and long polls whose query names as many groups as fit, forty at a time, by three companies."""
    known, unknown = (",".join([name] * (IN_A_HEAD // (len(name) + 1))) for name in ("invoice.*", "a.b.*"))
    paths = (
        f"/events?types={known}&limit=1",
        f"/events?types={unknown}",
        f"/events?types={known}&wait=1&limit=1",
    )
    await attack.repeat(lambda turn: attack.call("GET", paths[turn % 3], company=turn % 3), at_once=40)
