"""Pauses: taken after a stretch of work, and not before."""

import asyncio

import pytest

from trunkline.runtime.pauses import STRETCH_SECONDS, Pauses, run_in_turns
from trunkline.runtime.turns import Turns


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

    are_done = []
    for _ in range(20):  # a loop with timers in whole milliseconds may end a pause at once
        others = asyncio.create_task(answer())
        clock.now += STRETCH_SECONDS
        await pauses.pause_if_due()
        are_done.append(others.done())
        await others
    assert True in are_done
    assert pauses.taken == 20
    await pauses.pause_if_due()
    assert pauses.taken == 20, "the next stretch has begun"


async def test_steps_in_turns_are_done_one_at_a_time_company_after_company():
    turns, done = Turns(share=1, total=1), list[int]()

    def steps(company: int):
        yield  # the first pause is shared and immediate
        for _ in range(3):
            done.append(company)
            assert turns.taken(company) == 1
            yield
        return company

    works = [run_in_turns(steps(company), turns, company) for company in (1, 1, 1, 2)]
    assert await asyncio.gather(*works) == [1, 1, 1, 2]
    assert done[:9].count(2) == 3  # three calls of one company do not delay a call of another
    assert turns.try_take(1)  # all slots were given back


async def test_work_of_one_step_waits_for_nobody():
    turns = Turns(share=1, total=1)
    assert turns.try_take(7)

    def steps():
        if turns.waiting(7):
            yield
        return "read"

    assert await run_in_turns(steps(), turns, 7) == "read"


async def test_a_turn_is_given_back_when_a_step_fails():
    turns = Turns(share=1, total=1)

    def steps():
        yield
        raise ValueError

    with pytest.raises(ValueError):
        await run_in_turns(steps(), turns, 7)
    assert turns.try_take(7)
