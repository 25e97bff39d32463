"""Wake-ups: at once in the process, through PostgreSQL between processes, and again after PostgreSQL was unavailable."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.silent_proxy import silent_proxy
from tests.waiting import until

from trunkline.model.events import Event
from trunkline.store.engines import EngineDatabase
from trunkline.store.stream import Appended
from trunkline.store.wakeup import Handover, Signal, Wakeup


async def test_a_signal_that_was_set_before_anybody_waited_wakes_the_next_waiter_once():
    signal = Signal()
    signal.set()
    signal.set()
    assert await signal.wait(1)
    assert not await signal.wait(0.01)


async def test_a_waiter_wakes_by_itself_when_nobody_sets_its_signal():
    began = time.monotonic()
    assert not await Signal().wait(0.05)
    assert 0.04 < time.monotonic() - began < 10


async def test_an_announcement_wakes_every_waiter_in_the_process(database):
    async with Wakeup(database) as wakeup:
        with wakeup.signal() as first, wakeup.signal() as second:
            waiting = asyncio.gather(first.wait(5), second.wait(5))
            await asyncio.sleep(0)
            wakeup.announce()
            assert await waiting == [True, True]


async def test_a_signal_that_was_given_back_is_no_longer_set(database):
    async with Wakeup(database) as wakeup:
        with wakeup.signal() as signal:
            pass
        wakeup.announce()
        assert not await signal.wait(0.05)


async def test_a_process_is_woken_once_by_what_it_announces_itself(postgres_database):
    async with Wakeup(postgres_database) as here, Wakeup(postgres_database) as there:
        with here.signal() as own, there.signal() as other:
            await _listening(own)
            await _listening(other)
            await _quiet(own)
            await _quiet(other)
            here.announce()
            assert await own.wait(60)
            assert await other.wait(60), "the notification has come"
            assert not await own.wait(0.1)


@pytest.fixture
async def heard(postgres_database_url) -> AsyncIterator[list[str]]:
    """Collect the notifications that the processes of the database send."""
    messages: list[str] = []
    listener = await asyncpg.connect(postgres_database_url)
    await listener.add_listener("trunkline", lambda *message: messages.append(message[3]))
    yield messages
    await listener.close()


async def test_many_announcements_share_few_notifications(postgres_database, heard):
    async with Wakeup(postgres_database) as here:
        with here.signal() as own:
            await _listening(own)
        here.announce()
        await asyncio.sleep(0.1)
        assert set(heard) == {"present"}, "no other process listens"
        async with Wakeup(postgres_database) as there:
            with there.signal() as other:
                await _quiet(other)
                for _ in range(200):
                    here.announce()
                    await asyncio.sleep(0)
                assert await other.wait(60)
            await until(lambda: "" in heard)
    assert heard.count("") < 100


async def test_a_process_that_has_gone_is_sent_none(postgres_database, heard, monkeypatch):
    monkeypatch.setattr("trunkline.store.notifications.CHECK_SECONDS", 0.1)
    monkeypatch.setattr("trunkline.store.notifications.GONE_SECONDS", 1.5)
    async with Wakeup(postgres_database) as here:
        async with Wakeup(postgres_database) as there:
            with there.signal() as other:
                await _quiet(other)
                await asyncio.sleep(2)
                here.announce()
                assert await other.wait(60), "it says again and again that it listens"
        await asyncio.sleep(2.5)
        count = heard.count("")
        assert count
        here.announce()
        await asyncio.sleep(0.1)
        assert heard.count("") == count


async def test_a_listener_whose_connection_is_cut_listens_again(postgres_database, postgres_database_url):
    async with Wakeup(postgres_database) as here, Wakeup(postgres_database) as there:
        with there.signal() as signal:
            await _listening(signal)
            connection = await asyncpg.connect(postgres_database_url)
            cut = await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await connection.close()
            assert cut >= 1  # the listening connection; others may not be open yet
            assert await signal.wait(60), "it looks as soon as it listens again, for what it has missed"
            async with asyncio.timeout(60):
                while True:
                    here.announce()
                    if await signal.wait(0.5):
                        break


async def test_a_listener_whose_connection_died_silently_listens_again(postgres_database_url, monkeypatch):
    monkeypatch.setattr("trunkline.store.notifications.CHECK_SECONDS", 0.1)
    monkeypatch.setattr("trunkline.store.notifications.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("trunkline.store.wakeup._RECONNECT_SECONDS", 0.1)
    async with (
        silent_proxy(postgres_database_url) as proxy,
        EngineDatabase(proxy.url) as database,
        Wakeup(database) as wakeup,
    ):
        with wakeup.signal() as signal:
            await _listening(signal)
            proxy.fall_silent()
            await _listening(signal)


def test_a_reader_is_handed_what_is_next_in_order_and_nothing_else():
    handover = Handover()
    handover.put(appended(11, 12))
    handover.put(appended(13, version=4))
    assert handover.take(9) is None, "10 is missing"
    assert handover.take(10) is None, "what does not go on is given up"
    handover.put(appended(11, 12))
    handover.put(appended(13, version=4))
    assert handover.take(11) == appended(12, 13, version=4)
    assert handover.take(13) is None
    handover.put(appended(14))
    handover.put(appended(16))
    assert handover.take(13) is None, "another process has appended 15"
    handover.put(appended(*range(100, 100 + Handover.MOST_EVENTS + 1)))
    assert handover.take(99) is None, "the reader is behind"
    handover.put(appended(7, body=b"x" * (Handover.MOST_BYTES + 1)))
    assert handover.take(6) is None


def appended(*positions: int, version: int = 3, body: bytes = b"{}") -> Appended:
    return Appended([Event(position, 92, "lead.created", 0, body) for position in positions], version)


async def _quiet(signal: Signal) -> None:
    """Wait until the signal's process knows the others: it sets its signals once for each process that it hears first."""
    while await signal.wait(0.2):
        pass


async def _listening(signal: Signal) -> None:
    """Wait until the signal's process listens: it sets its signals once when it begins to listen."""
    assert await signal.wait(60)
