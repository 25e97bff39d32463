"""The file of an SQLite database is moved away and put back, or replaced, while ``trunkline serve`` works on it."""

import asyncio
import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import httpx2
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TIMINGS = 100


def check_file(file: Path, accepted: set[int]) -> None:
    """The file is whole, and every accepted event is in it."""
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = {position for (position,) in connection.execute("SELECT position FROM events")}
    assert accepted <= stored, sorted(accepted - stored)[:5]


@contextlib.asynccontextmanager
async def asked_all_the_time(process, path: str, seen: list[int], *, headers=None):
    """Ask for *path* again and again; the status codes go to *seen*."""

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
            file.rename(elsewhere)
            await asyncio.sleep(chance.choice([0, 0.001, 0.01, 0.05, 0.2]))
            assert not file.exists(), "the hub has made another file"
            elsewhere.rename(file)
        before = len(writing.ids)
        await until(lambda: len(writing.ids) > before + 20, seconds=20, what="acceptance")
        await writing.stop()
        await asyncio.sleep(0.5)
    assert {200, 503} == set(ready) == set(polled)
    print(len(writing.ids), dict(writing.answers))
    assert process.stop() == 0
    check_file(file, writing.ids)
    process = await deployment.serve()
    for company, promised in writing.accepted.items():
        assert await deployment.poll_all(process, company) == sorted(promised)


async def test_a_file_that_is_replaced_takes_nothing_until_the_hub_is_started_again(
    deploy, writers, tmp_path, until
):
    file, elsewhere = tmp_path / "hub.db", tmp_path / "elsewhere.db"
    deployment = deploy(f"sqlite:///{file}")
    await deployment.set_up(1, 2)
    chance = random.Random(40)
    ids: set[int] = set()
    for _ in range(5):
        process = await deployment.serve()
        writing = writers(deployment, [process])
        writing.start(4)
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        file.rename(elsewhere)
        shutil.copyfile(elsewhere, file)
        held = file.read_bytes()
        await asyncio.sleep(0.2)
        before = writing.ids
        await asyncio.sleep(1.5)
        assert writing.ids == before, "accepted into a copy"
        assert file.read_bytes() == held
        ids |= before
        await writing.close()
        process.stop()
        elsewhere.rename(file)
        check_file(file, ids)
