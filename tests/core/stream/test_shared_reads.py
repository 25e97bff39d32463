"""Callers that ask for the same page share a read, and none gets one that began before it asked."""

import asyncio

import pytest

from trunkline.errors import StoreUnavailable
from trunkline.stream.shared_reads import SharedReads


class Log:
    """Something to read: *value* is what a read sees that begins now."""

    def __init__(self) -> None:
        self.value = self.reads = 0
        self.may_begin, self.may_end = asyncio.Event(), asyncio.Event()

    async def read(self, begin) -> int:
        await self.may_begin.wait()
        begin()
        self.reads += 1
        seen = self.value
        await self.may_end.wait()
        return seen


async def test_who_asks_before_a_read_begins_shares_it_and_who_asks_later_has_a_newer_one():
    log, shared = Log(), SharedReads[int]()
    early = [asyncio.create_task(shared.read("page", log.read)) for _ in range(50)]
    other = asyncio.create_task(shared.read("another page", log.read))
    await asyncio.sleep(0.01)
    log.may_begin.set()
    await asyncio.sleep(0.01)
    assert log.reads == 2
    log.value = 1
    late = asyncio.create_task(shared.read("page", log.read))
    await asyncio.sleep(0.01)
    log.may_end.set()
    assert set(await asyncio.gather(*early, other)) == {0}
    assert await late == 1
    assert log.reads == 3


async def test_a_caller_that_leaves_takes_the_read_from_nobody_and_a_failure_reaches_all():
    log, shared = Log(), SharedReads[int]()
    leaving, staying = (asyncio.create_task(shared.read("page", log.read)) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    log.may_begin.set()
    log.may_end.set()
    assert await staying == 0
    assert leaving.cancelled()

    async def fail(_) -> int:
        raise StoreUnavailable("away")

    outcomes = await asyncio.gather(*(shared.read("page", fail) for _ in range(2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2
    with pytest.raises(StoreUnavailable):
        await shared.read("page", fail)
    assert await shared.read("page", log.read) == 0
