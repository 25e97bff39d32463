"""The amount of work that begins in one step of the event loop."""

import asyncio

from trunkline.runtime.beginnings import Beginnings


async def begin(beginnings: Beginnings, company_id: int, begun: list[int], *, units: int = 1) -> None:
    if not beginnings.try_take(units):
        await beginnings.wait(company_id, units)
    begun.append(company_id)


async def turns_of(beginnings: Beginnings, *work: tuple[int, int]) -> list[list[int]]:
    """Begin *work* (pairs of company and units) at once; return the companies whose work began, step by step."""
    begun: list[int] = []
    tasks = [asyncio.create_task(begin(beginnings, company, begun, units=units)) for company, units in work]
    turns: list[list[int]] = []
    while not all(task.done() for task in tasks):
        before = len(begun)
        await asyncio.sleep(0)
        if len(begun) > before:
            turns.append(begun[before:])
    return turns


async def test_a_few_begin_in_each_turn_and_all_begin():
    assert await turns_of(Beginnings(3), *[(1, 1)] * 8) == [[1, 1, 1], [1, 1, 1], [1, 1]]


async def test_companies_that_wait_begin_one_after_the_other():
    work = [*[(1, 1)] * 6, (2, 1), (3, 1)]
    assert await turns_of(Beginnings(2), *work) == [[1, 1], [1, 2], [3, 1], [1, 1]]


async def test_long_work_counts_as_several_and_is_never_too_long_to_begin():
    assert await turns_of(Beginnings(4), (1, 100), (2, 1), (3, 2), (4, 2)) == [[1], [2, 3, 4]]


async def test_who_is_cancelled_while_it_waits_takes_no_turn():
    beginnings, begun = Beginnings(1), []
    tasks = [asyncio.create_task(begin(beginnings, company, begun)) for company in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 2, 3]
    assert await turns_of(beginnings, (1, 1), (1, 1)) == [[1], [1]]
