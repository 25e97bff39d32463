"""Companies take turns at a scarce resource."""

import asyncio

import pytest

from trunkline.runtime.turns import Turns


async def begin(
    turns: Turns, company_id: int, taken: list[int], *, wait_seconds: float = 60
) -> asyncio.Task[None]:
    """Let a task of a company take a turn, or wait in the company's queue."""

    async def take() -> None:
        await turns.take(company_id, wait_seconds=wait_seconds)
        taken.append(company_id)

    task = asyncio.create_task(take())
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_a_company_has_at_most_its_share_while_others_have_theirs():
    turns, taken = Turns(total=3, share=2), list[int]()
    for company_id in (1, 1, 1, 2):
        await begin(turns, company_id, taken)
    assert taken == [1, 1, 2]
    assert turns.waiting(1) == 1


async def test_companies_that_wait_take_turns_however_long_the_line_of_one_is():
    turns, taken = Turns(total=1, share=1), list[int]()
    await turns.take(9, wait_seconds=60)
    for company_id in (1, 1, 1, 2, 3):
        await begin(turns, company_id, taken)
    for holder in (9, 1, 2, 3, 1):
        turns.give_back(holder)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert taken == [1, 2, 3, 1, 1]


async def test_whoever_waits_in_vain_leaves_the_line_and_takes_nothing():
    turns, taken = Turns(total=1, share=1), list[int]()
    await turns.take(1, wait_seconds=60)
    with pytest.raises(TimeoutError):
        await turns.take(2, wait_seconds=0)
    assert turns.waiting(2) == 0
    turns.give_back(1)
    await begin(turns, 3, taken)
    assert taken == [3]


async def test_a_turn_that_comes_to_somebody_who_is_cancelled_goes_to_the_next():
    turns, taken = Turns(total=1, share=1), list[int]()
    await turns.take(1, wait_seconds=60)
    gone = await begin(turns, 2, taken)
    await begin(turns, 3, taken)
    turns.give_back(1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert taken == [3]


async def test_a_turn_ends_with_its_block():
    turns = Turns(share=1)
    for _ in range(2):
        async with turns.turn(1, wait_seconds=0):
            pass
