"""Pauses: taken when a stretch is over, and not before."""

import asyncio

from trunkline.runtime.pauses import STRETCH_SECONDS, Pauses


class Clock:
    def __init__(self):
        self.now = 1.0

    def __call__(self):
        return self.now


async def test_a_stretch_that_is_not_over_goes_on_without_a_pause():
    clock = Clock()
    pauses = Pauses(clock)
    others = asyncio.create_task(asyncio.sleep(0))
    for _ in range(100):
        await pauses.pause_if_due()
    assert pauses.taken == 0
    assert not others.done()
    await others


async def test_in_a_pause_others_come_back_to_the_loop_more_than_once():
    clock = Clock()
    pauses = Pauses(clock)

    async def answer():
        for _ in range(5):
            await asyncio.sleep(0)

    others = asyncio.create_task(answer())
    clock.now += STRETCH_SECONDS
    await pauses.pause_if_due()
    assert others.done()
    assert pauses.taken == 1
    await pauses.pause_if_due()
    assert pauses.taken == 1, "the next stretch has begun"
