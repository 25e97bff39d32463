"""The clock is set an hour forward and an hour back under load: deliveries flow on, and nothing waits for the lost hour.

libfaketime (Debian: ``faketime``) moves the wall clock of the hub's processes, and PostgreSQL's with it; monotonic time, which
the kernel never sets, is left alone.
"""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from trunkline.testing.receiver import Answer

HOUR_MS = 3_600_000
RETRIES = {"retry_schedule_seconds": "5,5,5", "retry_jitter": 0}
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        LIBRARY is None and "CI" not in os.environ,
        reason="there is no faketime here: Debian's package 'faketime' brings it",
    ),
]


class Clock:
    """The wall clock of processes that are started with *environment*; it can be set while they run."""

    def __init__(self, folder: Path):
        self._file = folder / "clock"
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else waits for Python's lock end at once, and the process spins
        }

    def set(self, offset: str) -> None:
        """Set it *offset* away from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(offset)
        fresh.replace(self._file)  # whoever reads it meanwhile finds the old or the new


@pytest.fixture
def clock():
    """A clock that a database server can read too, which may run as another user."""
    assert LIBRARY is not None, "install the Debian package faketime"
    with tempfile.TemporaryDirectory(prefix="tl-clock-") as folder:
        Path(folder).chmod(0o755)
        yield Clock(Path(folder))


@pytest.fixture
def url_on_clock(clock, own_server, monkeypatch):
    """A database whose server lives by *clock*."""
    own_server.stop()
    with monkeypatch.context() as patch:
        for name, value in clock.environment.items():
            patch.setenv(name, value)
        own_server.start()
    return own_server.get_uri()


async def test_on_the_embedded_database(deploy, sqlite_database_url, *, clock, receiver, until, writers):
    deployment = deploy(sqlite_database_url, **RETRIES)
    await _set_forward_and_back(deployment, clock, receiver, until, writers, processes=1)


async def test_on_postgresql_with_two_workers(deploy, url_on_clock, *, clock, receiver, until, writers):
    deployment = deploy(url_on_clock, **RETRIES)
    await _set_forward_and_back(deployment, clock, receiver, until, writers, processes=2)


async def _set_forward_and_back(deployment, clock, receiver, until, writers, *, processes):
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    deployment.environment |= clock.environment
    started = await asyncio.gather(*(deployment.serve() for _ in range(processes)))
    load = writers(deployment, started, pause_seconds=0.05)
    load.start(6)
    await load.go_on(receiver)
    for offset in ("+1h", "+0"):
        await _leave_retries_pending(deployment, receiver, until)
        before = await _newest_ms(deployment)
        clock.set(offset)
        if offset == "+1h":
            await until(
                lambda b=before: _is_ahead(deployment, b), seconds=10, what="the clock's step forward"
            )
            # A heartbeat from the time ahead is what shows a step back; they are 1.5 s apart.
            await until(
                lambda b=before: _heartbeats_are_ahead(deployment, b),
                seconds=15,
                what="heartbeats from there",
            )
        await load.go_on(receiver, seconds=10)
        await until(lambda: _no_retry_waits(deployment), seconds=20, what="the retries of before the step")
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    assert [process.stop() for process in started] == [0] * processes


async def _leave_retries_pending(deployment, receiver, until):
    receiver.script([Answer(503)] * 10)
    await until(lambda: _pending(deployment, 10), seconds=25, what="ten deliveries that wait for a retry")


async def _pending(deployment, count):
    return (await deployment.statuses())["pending"] >= count


async def _no_retry_waits(deployment):
    return not (await deployment.statuses())["pending"]


async def _newest_ms(deployment):
    [(newest,)] = await deployment.query("SELECT max(accepted_ms) FROM events")
    return newest


async def _heartbeats_are_ahead(deployment, before):
    [(oldest,)] = await deployment.query("SELECT min(heartbeat_ms) FROM workers")
    return oldest > before + HOUR_MS // 2


async def _is_ahead(deployment, before):
    return await _newest_ms(deployment) > before + HOUR_MS // 2
