"""Workers on one PostgreSQL whose processes end: their locks show it long before their leases lapse, and only for dead workers."""

import asyncio
import contextlib
import time
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from trunkline.dispatch.leases import leases as leases_module
from trunkline.dispatch.leases import missing_locks as suspects
from trunkline.dispatch.leases.leases import Leases
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.store import shards as shard_store
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline.store.wakeup import Signal, Wakeup
from trunkline.store.worker_locks import WorkerLock

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
APART_SECONDS = 0.1


@pytest.fixture(autouse=True)
def _long_leases(monkeypatch):
    monkeypatch.setattr(leases_module, "LEASE_MS", 60_000)
    monkeypatch.setattr(leases_module, "JUDGE_SECONDS", 0.0)
    monkeypatch.setattr(leases_module, "SUSPECT_SECONDS", APART_SECONDS * 1.5)
    monkeypatch.setattr(suspects, "APART_SECONDS", APART_SECONDS)


class Worker:
    """The leases of a worker, with its two connections."""

    def __init__(self, name: str, database: Database, wakeup: Wakeup, for_leases: Database):
        self.owned = OwnedShards(name, 16)
        self.lock = wakeup.lock
        self.leases = Leases(for_leases, self.owned, Signal(), self.lock, mark_hot=lambda _: None)
        self.database = database
        self._wakeup = wakeup

    async def lose(self, *sessions: str) -> None:
        """Close the worker's connections, as the kernel does when the process is killed."""
        pids = [self.lock._sessions[session].get_server_pid() for session in sessions]
        if "leases" in sessions:
            self.lock._sessions["leases"].terminate()
        if "listener" in sessions:
            for task in self._wakeup._tasks:
                task.cancel()
            await asyncio.gather(*self._wakeup._tasks, return_exceptions=True)
        while await self.query(
            f"SELECT 1 FROM pg_stat_activity WHERE pid = ANY(CAST(ARRAY{pids} AS integer[]))"
        ):
            await asyncio.sleep(0.01)

    async def terminate_from_outside(self) -> None:
        """End both sessions of the worker, as an administrator of the database may."""
        pids = [session.get_server_pid() for session in self.lock._sessions.values()]
        await self.query(f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY{pids}) AS pid")

    async def query(self, statement: str):
        async with self.database.read() as connection:
            return (await connection.execute(text(statement))).all()

    async def execute(self, statement: str) -> None:
        async with self.database.write() as connection:
            await connection.execute(text(statement))

    async def look(self, times: int = 1) -> int:
        """Check *times* times, far enough apart; return the number of shards that it has then."""
        for _ in range(times):
            await asyncio.sleep(APART_SECONDS * 1.2)
            await self.leases.renew()
        return len(self.owned.progress)


@pytest.fixture
async def start(database_url):
    """Start a worker whose lock the others see: ``await start("wrk_a")``."""
    async with contextlib.AsyncExitStack() as stack:

        async def start_(name: str, **options) -> Worker:
            database = await stack.enter_async_context(EngineDatabase(database_url, **options))
            wakeup = await stack.enter_async_context(Wakeup(database, WorkerLock()))
            worker = Worker(name, database, wakeup, await stack.enter_async_context(database.apart(1)))
            deadline = time.monotonic() + 40
            while "listener" not in worker.lock._sessions and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            await worker.leases.renew()
            return worker

        yield start_


async def _two(start) -> tuple[Worker, Worker]:
    first, second = await start("wrk_first"), await start("wrk_second")
    await first.leases.renew()
    await second.leases.renew()
    assert (len(first.owned.progress), len(second.owned.progress)) == (8, 8)
    return first, second


async def test_the_shards_of_a_worker_whose_process_has_ended_are_taken_at_the_second_look(start, caplog):
    caplog.set_level("INFO", "trunkline.dispatch.leases.leases")
    first, second = await _two(start)
    await second.lose("leases", "listener")
    assert await first.look() == 8, "one look may have come between two connections"
    await first.leases.renew()
    assert len(first.owned.progress) == 8, "and so may one that follows at once"
    assert await first.look() == 16
    assert "the process of wrk_second has ended" in caplog.messages


@pytest.mark.parametrize("lost", [("leases",), ("listener",), ()])
async def test_a_worker_that_has_one_of_its_connections_keeps_its_shards(start, lost):
    first, second = await _two(start)
    await second.lose(*lost)
    assert await first.look(4) == 8


async def test_a_worker_that_sends_heartbeats_between_the_looks_keeps_its_shards(start):
    first, second = await _two(start)
    await second.lose("leases", "listener")
    for _ in range(4):
        assert await first.look() == 8
        await second.execute("UPDATE workers SET heartbeat_ms = heartbeat_ms + 1 WHERE id = 'wrk_second'")


async def test_a_worker_that_shows_no_lock_is_left_to_its_lease(start):
    first, second = await _two(start)
    await second.lose("leases", "listener")
    await second.execute("UPDATE workers SET lock_no = NULL WHERE id = 'wrk_second'")
    assert await first.look(4) == 8


async def test_who_has_had_its_own_lock_for_less_than_a_lease_judges_nobody(start, monkeypatch):
    monkeypatch.setattr(leases_module, "JUDGE_SECONDS", 60.0)
    first, second = await _two(start)
    await second.lose("leases", "listener")
    assert await first.look(4) == 8, "after a restart of the database nobody has a lock at first"
    monkeypatch.setattr(leases_module, "JUDGE_SECONDS", 0.2)
    assert await first.look(2) == 16


async def test_a_lock_that_is_not_seen_where_leases_are_is_not_shown(start, database_url):
    other = urlsplit(database_url)._replace(path="/postgres").geturl()
    worker = await start("wrk_first", listen_url=other)
    assert worker.lock.shown_seconds() is None
    assert await worker.query("SELECT lock_no FROM workers") == [(None,)]


async def test_a_worker_that_is_cut_off_trusts_no_lease_until_it_has_renewed_them(start, monkeypatch):
    first, second = await _two(start)
    monkeypatch.setattr(suspects, "APART_SECONDS", 5.0)  # time for a new connection
    running = asyncio.create_task(second.leases.run())
    epochs = await second.query("SELECT shard, epoch FROM shards WHERE holder = 'wrk_second' ORDER BY 1")
    for _ in range(5):
        until = {progress.valid_until for progress in second.owned.progress.values()}
        assert second.owned.is_alive
        await second.terminate_from_outside()
        async with asyncio.timeout(40):
            while second.owned.is_alive:
                await asyncio.sleep(0)
            assert {progress.valid_until for progress in second.owned.progress.values()} == {0.0}
            while not second.owned.is_alive:
                assert await first.look() == 8
        assert min(progress.valid_until for progress in second.owned.progress.values()) > max(until)
    monkeypatch.setattr(suspects, "APART_SECONDS", APART_SECONDS)
    assert await first.look(4) == 8
    assert epochs == await second.query(
        "SELECT shard, epoch FROM shards WHERE holder = 'wrk_second' ORDER BY 1"
    )
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_renewal_that_began_before_the_worker_was_cut_off_is_not_trusted(start, monkeypatch):
    worker = await start("wrk_first")
    beat = shard_store.beat

    async def beat_and_be_cut_off(*arguments, **named):
        renewed = await beat(*arguments, **named)
        worker.leases._stop_trusting()
        return renewed

    with monkeypatch.context() as patch:
        patch.setattr(shard_store, "beat", beat_and_be_cut_off)
        await worker.leases.renew()
    assert not worker.owned.is_alive
    await worker.leases.renew()
    assert worker.owned.is_alive
