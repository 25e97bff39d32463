"""Work for a caller ends when the caller leaves."""

import asyncio

import pytest

from trunkline.runtime import callers


@pytest.fixture(autouse=True)
def nobody():
    yield
    callers.begin(None)


async def test_work_ends_when_its_caller_goes_away():
    left = asyncio.Event()

    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}

    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    callers.begin(receive)
    task = asyncio.create_task(callers.while_present(work()))
    await asyncio.sleep(0)
    left.set()
    with pytest.raises(callers.CallerLeft):
        await task
    assert ended.is_set()


async def test_work_gives_its_result_and_raises_its_errors_while_the_caller_waits():
    async def receive():
        await asyncio.Event().wait()

    async def work(fails: bool) -> int:
        await asyncio.sleep(0)
        if fails:
            raise ValueError
        return 7

    callers.begin(receive)
    assert await callers.while_present(work(False)) == 7
    with pytest.raises(ValueError):
        await callers.while_present(work(True))


async def test_work_of_nobody_is_simply_done():
    async def work() -> int:
        return 7

    assert await callers.while_present(work()) == 7


async def test_a_call_begins_as_nobodys():
    callers.work_for(92)
    assert callers.company() == 92
    callers.begin(None)
    assert callers.company() is None
