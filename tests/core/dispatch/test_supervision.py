"""A part of the dispatcher restarts after an unknown error; cancelled statements lose nothing."""

import asyncio
import logging

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from trunkline.dispatch import supervision
from trunkline.dispatch.reading.reader import Reader
from trunkline.errors import StoreUnavailable
from trunkline.store import deliveries as ledger
from trunkline.store import replays as replay_store
from trunkline.store.sql import text


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(supervision, "PAUSES", (0.1,) * supervision.MAX_FAILURES)


@pytest.fixture
def failing(monkeypatch):
    """``failing(module, name, times)``: let a statement fail that many times with an unknown error."""

    def fail(module, name, times):
        real, left = getattr(module, name), [times]

        async def statement(*arguments, **more):
            if left[0] > 0:
                left[0] -= 1
                raise RuntimeError(name)
            return await real(*arguments, **more)

        monkeypatch.setattr(module, name, statement)
        return left

    return fail


async def _is_empty(query):
    return not await query


@pytest.mark.parametrize(
    "statement",
    [(Reader, "_read_page"), (ledger, "insert_attempts"), (ledger, "next_due_ms")],
    ids=["reader", "settlement", "retries"],
)
async def test_a_failing_part_begins_again_without_loss(open_house, receiver, failing, caplog, statement):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(20, to=[no])
        left = failing(*statement, 2)
        house.hub.signals.due.set()
        await house.emit(20, to=[no])
        await house.until(lambda: not left[0])
        await house.emit(20, to=[no])
        await house.check_settled(delivered=60)
        await house.until(lambda: house.hub.dispatcher.state == "ok")
    assert len([r for r in caplog.records if "failed and begins again" in r.message]) == 2


async def test_meanwhile_it_holds_no_shard_and_says_so(open_house, receiver, failing, monkeypatch):
    monkeypatch.setattr(supervision, "PAUSES", (60,) * supervision.MAX_FAILURES)
    async with open_house() as house:
        failing(Reader, "_read_page", 1)
        await house.emit(1)
        await house.until(lambda: house.hub.dispatcher.state != "ok")
        await house.until(lambda: not house.hub.dispatcher.owned_shards)
        held = "SELECT shard FROM shards WHERE holder IS NOT NULL"
        await house.until(lambda: _is_empty(house.query(held)))
        assert (await house.hub.readiness())["dispatcher"] == "has failed and begins again"


async def test_what_fails_again_and_again_ends_the_process(open_house, failing):
    async with open_house() as house:
        failing(Reader, "_read_page", 1_000)
        await house.emit(1)
        await asyncio.wait_for(house.hub.dispatcher.failed(), 40)
        assert house.hub.dispatcher.state == "stopped"


async def test_replays_that_fail_stop_nobody(open_house, receiver, failing):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        left = failing(replay_store, "running", 1_000)
        house.hub.signals.replay.set()
        await house.until(lambda: left[0] < 1_000 - supervision.MAX_FAILURES)
        await house.deliver(5, to=[no])
        assert house.hub.dispatcher.state == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_statements_that_are_cancelled_end_no_delivery(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        driver_url = make_url(house.hub.engines.url).set(drivername="postgresql+asyncpg")
        admin = create_async_engine(driver_url, isolation_level="AUTOCOMMIT")
        cancel = text(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
            "WHERE state <> 'idle' AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        async with admin.connect() as connection:
            cancelled = 0
            while cancelled < 30:
                await asyncio.gather(house.emit(1), return_exceptions=True)
                cancelled += len((await connection.execute(cancel)).all())
        await admin.dispose()
        await house.emit(20)
        log = "SELECT count(*) AS n FROM events"
        sent = "SELECT count(*) AS n FROM deliveries WHERE subscription_no = :no AND status = 'delivered'"

        async def is_all_delivered():
            return (await house.query(sent, no=no))[0]["n"] == (await house.query(log))[0]["n"]

        await house.until(is_all_delivered)
        assert house.hub.dispatcher.state == "ok"


async def test_a_part_tells_of_each_outage_once(monkeypatch, caplog):
    monkeypatch.setattr(supervision, "LOOK_SECONDS", 0)
    away = StoreUnavailable("away")
    answers = iter([away, away, 0.0, away])
    is_over = asyncio.Event()

    async def step():
        answer = next(answers, None)
        if answer is None:
            is_over.set()
        elif answer is away:
            raise away
        return answer

    part = asyncio.create_task(supervision.repeating("count", step)())
    await asyncio.wait_for(is_over.wait(), 60)
    part.cancel()
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == ["cannot count now: away"] * 2
