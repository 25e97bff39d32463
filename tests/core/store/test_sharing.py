"""Connections are shared fairly: no company holds so many that another company has to wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from tests.statements import scalar
from tests.waiting import until

from trunkline.errors import TooMuchAtOnce
from trunkline.runtime import callers
from trunkline.store import database as module
from trunkline.store.database import Database

ATTACKER, VICTIM, THIRD = 1, 2, 3


class Holders:
    """Tasks that hold a database's connections until they are ended."""

    def __init__(self, database: Database) -> None:
        self.holding = list[int | None]()
        self._database = database
        self._tasks = list[asyncio.Task[None]]()

    async def begin(self, company_id: int | None, count: int, *, held: int) -> None:
        """Let *count* calls of a company request a connection, and wait until *held* are held in all."""
        tasks = [asyncio.create_task(self._hold(company_id)) for _ in range(count)]
        self._tasks += tasks
        await until(lambda: len(self.holding) >= held)
        await self._settle()

    async def end_one(self, of: int) -> None:
        """End a call of the company *of* that holds a connection."""
        task = next(t for t in self._tasks if t.get_name() == f"holds {of}" and not t.done())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold(self, company_id: int | None) -> None:
        callers.work_for(company_id)
        async with self._database.read():
            self.holding.append(company_id)
            task = asyncio.current_task()
            assert task is not None
            task.set_name(f"holds {company_id}")
            await asyncio.Event().wait()

    async def _settle(self) -> None:
        """Wait until no waiting call gets a connection: the hub's own call comes last."""
        for _ in range(3):
            await scalar(self._database, "SELECT 1")


@pytest.fixture
async def holders(database: Database) -> AsyncIterator[Holders]:
    holders = Holders(database)
    yield holders
    await holders.end()


async def test_a_company_holds_half_of_the_connections_and_others_get_one_at_once(database, holders):
    half = database.dialect.readers(10) // 2
    await holders.begin(ATTACKER, 20, held=half)
    assert holders.holding == [ATTACKER] * half
    await holders.begin(VICTIM, 1, held=half + 1)
    assert holders.holding[half:] == [VICTIM]


async def test_companies_together_leave_a_connection_to_the_hub(database, holders):
    readers = database.dialect.readers(10)
    for count, company_id in enumerate((ATTACKER, VICTIM, THIRD), start=1):
        await holders.begin(company_id, readers, held=min(count * (readers // 2), readers - 1))
    assert len(holders.holding) == readers - 1
    assert await scalar(database, "SELECT 1") == 1


async def test_companies_that_wait_take_turns(database, holders):
    readers = database.dialect.readers(10)
    half = readers // 2
    await holders.begin(ATTACKER, readers, held=half)
    await holders.begin(VICTIM, readers, held=readers - 1)
    await holders.begin(THIRD, 1, held=readers - 1)
    assert THIRD not in holders.holding
    await holders.end_one(VICTIM)
    await holders.end_one(VICTIM)
    await until(lambda: THIRD in holders.holding)


async def test_what_is_lent_within_a_turn_needs_no_other(database, holders):
    half = database.dialect.readers(10) // 2
    await holders.begin(ATTACKER, half - 1, held=half - 1)
    callers.work_for(ATTACKER)
    async with database.read(), database.read() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    assert callers.company() == ATTACKER
    callers.work_for(None)


async def test_a_call_whose_turn_does_not_come_is_told_to_come_again(database, holders, monkeypatch):
    monkeypatch.setattr(module, "TURN_SECONDS", 0.01)
    half = database.dialect.readers(10) // 2
    await holders.begin(ATTACKER, half, held=half)
    callers.work_for(ATTACKER)
    with pytest.raises(TooMuchAtOnce) as refused:
        async with database.read():
            pass
    callers.work_for(None)
    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": "5"}


async def test_one_writer_is_lent_to_companies_in_turn(sqlite_database):
    order = list[int]()

    async def write(company_id: int) -> None:
        callers.work_for(company_id)
        async with sqlite_database.write() as connection:
            await connection.execute(text("UPDATE stream_head SET position = position WHERE id = 1"))
            order.append(company_id)

    async with contextlib.AsyncExitStack() as stack:
        tasks = [asyncio.create_task(write(ATTACKER)) for _ in range(50)]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(write(VICTIM)))
        stack.push_async_callback(asyncio.gather, *tasks)
    assert order.index(VICTIM) <= 2
    assert len(order) == 51
