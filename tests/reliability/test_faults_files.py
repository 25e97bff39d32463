"""The file of an SQLite database is moved away and put back, or replaced, while ``trunkline serve`` works on it."""

import asyncio
import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import httpx2
import pytest
from tests.reliability.conftest import Process
from tests.reliability.events import EVENTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TIMINGS = 100


def check_file(file: Path, accepted: set[int]) -> None:
    """Check that the file is intact, and that every accepted event is in it."""
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = {position for (position,) in connection.execute(f"SELECT position FROM {EVENTS}")}
    assert accepted <= stored, sorted(accepted - stored)[:5]


@contextlib.asynccontextmanager
async def asked_all_the_time(process, path: str, seen: list[int], *, headers=None):
    """Request *path* repeatedly; the status codes go to *seen*."""

    async def ask() -> None:
        async with httpx2.AsyncClient(base_url=process.url, headers=headers, timeout=15) as client:
            while True:
                seen.append((await client.get(path)).status_code)
                await asyncio.sleep(0.002)

    task = asyncio.create_task(ask())
    try:
        yield
    finally:
        assert not task.done(), task
        task.cancel()


async def test_a_file_that_is_moved_away_and_put_back_a_hundred_times_loses_nothing(
    deploy, writers, tmp_path, until
):
    file, elsewhere = tmp_path / "hub.db", tmp_path / "elsewhere.db"
    deployment = deploy(f"sqlite:///{file}")
    await deployment.set_up(1, 2)
    process = await deployment.serve()
    writing = writers(deployment, [process])
    writing.start(6)
    chance = random.Random(40)
    ready: list[int] = []
    polled: list[int] = []
    key = {"X-Api-Key": deployment.keys[1]}
    async with (
        asked_all_the_time(process, "/readyz", ready),
        asked_all_the_time(process, "/api/v1/events?limit=5", polled, headers=key),
    ):
        for _ in range(TIMINGS):
            await asyncio.sleep(chance.uniform(0, 0.03))
            moved = chance.choice([[""], ["", "-wal"], ["-wal", "", "-shm"]])
            for suffix in moved:
                Path(f"{file}{suffix}").rename(f"{elsewhere}{suffix}")
                await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
            await asyncio.sleep(chance.choice([0, 0.01, 0.2]))
            for suffix in chance.sample(moved, len(moved)):
                assert not Path(f"{file}{suffix}").exists(), "the hub has made another file"
                Path(f"{elsewhere}{suffix}").rename(f"{file}{suffix}")
                await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
        before = len(writing.ids)
        await until(lambda: len(writing.ids) > before + 20, what="acceptance")
        await writing.stop()
        await asyncio.sleep(0.5)
    assert {200, 503} == set(ready) == set(polled)
    assert process.stop() == 0
    check_file(file, writing.ids)
    process = await deployment.serve()
    for company, promised in writing.accepted.items():
        assert await deployment.poll_all(process, company) == sorted(promised)


@pytest.mark.parametrize("ends", [Process.stop, Process.kill])
async def test_a_file_that_is_replaced_takes_nothing_and_the_next_start_refuses_its_log(
    deploy, writers, tmp_path, until, ends
):
    file, first = tmp_path / "hub.db", tmp_path / "first.db"
    deployment = deploy(f"sqlite:///{file}")
    await deployment.set_up(1, 2)
    process = await deployment.serve()
    writing = writers(deployment, [process])
    writing.start(4)
    await until(lambda: len(writing.ids) > 20, what="acceptance")
    first.hardlink_to(file)
    shutil.copyfile(file, copy := tmp_path / "copy.db")
    copy.rename(file)
    held = file.read_bytes()
    before = writing.answers[503]
    await until(lambda: writing.answers[503] > before + 20, what="each writer's refusal")
    ids = writing.ids
    await asyncio.sleep(0.8)
    assert writing.ids == ids, "accepted into a copy"
    await writing.close()
    ends(process)
    refused = deployment.run("serve", "--port", "0")
    assert refused.popen.wait(60) == 2
    assert f"{file}-wal is of the file before: put that one back, or" in refused.errors.read_text()
    assert file.read_bytes() == held
    first.rename(file)
    check_file(file, ids)


async def test_a_file_that_is_gone_is_not_begun_anew(deploy, tmp_path):
    file = tmp_path / "hub.db"
    deployment = deploy(f"sqlite:///{file}")
    await deployment.set_up(1)
    assert (await deployment.serve()).stop() == 0
    file.unlink()
    refused = deployment.run("serve", "--port", "0")
    assert refused.popen.wait(60) == 2
    assert "or begin a new log with 'trunkline serve --new'." in refused.errors.read_text()
    assert not file.exists()
    assert (await deployment.serve("--new")).stop() == 0
