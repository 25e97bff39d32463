"""Subscriptions that are changed, paused and deleted while several workers settle, retry and disable them."""

import asyncio
import contextlib
import random

import pytest

from trunkline.errors import NotFound
from trunkline_kit.receiver import Answer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.parametrize("engine", ["postgresql"], indirect=True),
]


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_worker_stops_and_no_delivery_is_lost_whatever_is_changed(open_house, receiver, seed):
    chance = random.Random(seed)

    async def reply(connection):
        status = chance.choices([200, 500, 410], [5, 5, 0.2])[0]
        await Answer(status, delay_seconds=chance.uniform(0, 0.02))(connection)

    receiver.always(reply)
    options = {"breaker_failures": 5, "breaker_span_seconds": 0, "retry_schedule_seconds": "0.05,0.1,0.1"}
    async with open_house(**options) as first, open_house(**options) as second:
        numbers = [await first.subscribe(f"{receiver.url}/{n}", company=1 + n % 4) for n in range(24)]
        ids = {no: (await first.subscription(no))["id"] for no in numbers}
        stop = asyncio.Event()

        async def emit(company: int) -> None:
            while not stop.is_set():
                await first.emit(5, company=company)

        async def change() -> None:
            while not stop.is_set():
                index = chance.randrange(len(numbers))
                hub = chance.choice([first, second]).hub
                with contextlib.suppress(NotFound):
                    await _change(hub.subscriptions, 1 + index % 4, ids[numbers[index]], chance)

        busy = [asyncio.create_task(emit(company)) for company in (1, 2, 3, 4)]
        busy += [asyncio.create_task(change()) for _ in range(8)]
        await asyncio.sleep(4)
        await first.until(lambda: first.query("SELECT 1 FROM deliveries LIMIT 1 OFFSET 600"))
        stop.set()
        await asyncio.gather(*busy)
        receiver.answer(200)

        async def all_have_ended():
            for index, no in enumerate(numbers):  # an answer to an earlier attempt may still disable one
                if (await first.subscription(no))["status"] in {"paused", "disabled"}:
                    changes = {"status": "active", "catch_up": False}
                    await first.hub.subscriptions.update(1 + index % 4, ids[no], changes, channel="webhooks")
            return await first.is_read() and not (await first.statuses()).keys() & {"pending", "held"}

        await first.until(all_have_ended, seconds=120, what="the end of every delivery")
        [statistics] = await first.query(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        print(f"{statistics['deadlocks']} deadlocks")
        first.matched.update((row.position, row.no) for row in await first.rows())
        await first.check_ledger()
        assert len(first.matched) > 500
        assert first.hub.dispatcher.is_alive
        assert second.hub.dispatcher.is_alive


async def _change(subscriptions, company: int, identifier: str, chance: random.Random) -> None:
    wish = chance.choices(["active", "paused", "described", "deleted"], [10, 3, 10, 0.3])[0]
    if wish == "deleted":
        await subscriptions.delete(company, identifier, channel="webhooks")
        return
    changes = {"description": "x"} if wish == "described" else {"status": wish, "catch_up": False}
    await subscriptions.update(company, identifier, changes, channel="webhooks")
