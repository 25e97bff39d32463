"""Named consumers and digests: too many of either, leases that never end, and cursors that move all the time."""

from attack import Attack
from fill import long_delivery_log
from row import row


async def _make(attack: Attack, count: int, **request: object) -> None:
    for number in range(count):
        await attack.call("PUT", f"/consumers/c-{number}", {"start": "beginning", **request})


@row()
async def ten_thousand_consumers(attack: Attack) -> None:
    """Ten thousand consumers, or as many as the limits allow, are made and listed with their lags."""

    async def make(turn: int) -> None:
        await attack.call("PUT", f"/consumers/c-{turn % 10_000}", {"start": "beginning"})
        if turn % 10 == 0:
            await attack.call("GET", "/consumers?limit=100")

    await attack.emit(1000)
    await attack.repeat(make, at_once=4)


@row(prepare=long_delivery_log)
async def leases_that_never_end(attack: Attack) -> None:
    """Pages of 200,000 events are leased for an hour each, by dozens of pollers, and never committed."""
    await _make(attack, 20)

    await attack.repeat(
        lambda turn: attack.call("GET", f"/consumers/c-{turn % 20}/events?limit=1&lease_seconds=3600&wait=1"),
        at_once=40,
    )


@row(prepare=long_delivery_log, in_part=("sqlite",))
async def digests_over_everything(attack: Attack) -> None:
    """Digests of 200,000 events in a thousand ranges, by types and by a filter that reads every body."""
    queries = (
        "ranges=1000",
        "types=lead.created,client.created",
        "filter=%7B%22payload.first_name%22%3A%22x%22%7D",
    )
    await attack.repeat(lambda turn: attack.call("GET", f"/events/digest?{queries[turn % 3]}"), at_once=8)


@row(prepare=long_delivery_log)
async def seeks_in_a_loop(attack: Attack) -> None:
    """A consumer of 200,000 events is repeatedly moved back and read."""
    await _make(attack, 1, filter={"payload.client_id": -1})

    async def seek(turn: int) -> None:
        await attack.call("POST", "/consumers/c-0/seek", {"time": "2020-01-01T00:00:00Z"})
        await attack.call("GET", "/consumers/c-0/events?limit=200")

    await attack.repeat(seek, at_once=4)
