"""A process hands its appended events to its own reader in memory; events of other processes are read from the log."""

import asyncio

import pytest

EVENTS = 5


async def test_an_event_is_pushed_without_reading_it_again(open_house, receiver, statements):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.until(house.routing_is_fresh)
        await house.until(house.is_read)
        statements.clear()
        for _ in range(EVENTS):
            await house.emit(to=[no])
            await house.check_recorded()
        pages = [statement for statement in statements if " AS page ON true" in statement]
        assert len(pages) <= 1, "at most the look once a second has read one, before the hand-over"
        await house.check_settled()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_events_of_two_processes_are_pushed_once_each(open_house, receiver):
    async with open_house() as first, open_house() as second:
        numbers = {
            company: await first.subscribe(f"{receiver.url}/h", company=company) for company in (1, 2, 3)
        }
        for house in (first, second):
            await house.until(house.routing_is_fresh)
        for _ in range(10):
            for company, no in numbers.items():
                both = (house.emit(2, to=[no], company=company) for house in (first, second))
                await asyncio.gather(*both)
        await first.check_settled()
    assert len(receiver.requests) == 10 * 3 * 4
