"""The disk of the database is full while events flow: callers and operators get an error, and events flow again when space is free."""

import asyncio
import resource
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.answers import json_of
from tests.small_disks import SmallDisk, database_on, small_disk

from trunkline_kit.receiver import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


class FileSizeLimit:
    """A limit of the size of a file that a process writes, as a quota sets it: EFBIG, which SQLite reports as an I/O error."""

    def __init__(self, folder: Path):
        self.folder = folder

    def fill(self, process) -> None:
        self._limit(process, (self.folder / "trunkline.db-wal").stat().st_size)

    def make_room(self, process) -> None:
        self._limit(process, resource.RLIM_INFINITY)

    def _limit(self, process, size_bytes: int) -> None:
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


@dataclass(frozen=True, slots=True)
class Case:
    """A database, its disk, and the hub's reason when nothing more can be written."""

    url: str
    disk: SmallDisk | FileSizeLimit
    reason: str


@pytest.fixture(params=["sqlite", "sqlite, file size limit", "postgresql"])
async def case(request, tmp_path, postgres_server):
    full = "the disk that holds the database is full"
    if request.param == "sqlite, file size limit":
        reason = "the database cannot write to its disk"
        yield Case(f"sqlite:///{tmp_path / 'trunkline.db'}", FileSizeLimit(tmp_path), reason)
        return
    with small_disk(megabytes=40) as disk:
        if request.param == "sqlite":
            yield Case(f"sqlite:///{disk.folder / 'trunkline.db'}", disk, full)
            return
        async with database_on(disk, postgres_server, template="template1") as url:
            yield Case(url, disk, full)


async def test_a_full_disk_loses_nothing_and_everything_flows_again_when_there_is_room(
    deploy, case, receiver, until, writers
):
    disk, deployment = case.disk, deploy(case.url)
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    process = await deployment.serve()
    load = writers(deployment, [process])
    load.start(8)
    await load.go_on(receiver)
    receiver.script([Answer(500)] * 20)
    disk.fill(process)
    await until(lambda: load.answers[503] > 20, what="an answer that says so")
    log = process.errors
    if deployment.url.startswith("sqlite"):  # PostgreSQL updates the lease rows in place
        await until(lambda: "cannot renew the leases" in log.read_text(), what="a worker without leases")
    async with httpx2.AsyncClient(base_url=process.url, timeout=30) as anyone:
        for _ in range(3):
            ready = json_of(await anyone.get("/readyz"), 503)
            assert ready["log"].startswith(f"cannot be written: {case.reason}: ")
            assert "\ntrunkline_log_writable 0.0\n" in (await anyone.get("/metrics")).text
            await asyncio.sleep(2)  # the hub checks every three seconds
    async with deployment.client(process, 1) as client:
        refused = await client.post("/events", json=deployment.event(1))
        assert (refused.status_code, refused.json()["type"]) == (
            503,
            "urn:trunkline:problem:store-unavailable",
        )
        assert refused.json()["detail"].lower().startswith(f"{case.reason}; nothing was stored.")
        assert refused.headers["retry-after"] == "5"
        polled = await client.get("/events")
        assert polled.status_code == 200, f"what is stored can still be polled, but: {polled.text}"
    disk.make_room(process)
    await load.go_on(receiver)
    async with httpx2.AsyncClient(base_url=process.url, timeout=30) as anyone:

        async def is_ready() -> bool:
            ready = await anyone.get("/readyz")
            return (ready.status_code, ready.json()["log"]) == (200, "ok")

        await until(is_ready, what="readiness")
        assert "\ntrunkline_log_writable 1.0\n" in (await anyone.get("/metrics")).text
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    assert process.stop() == 0
    assert "Traceback" not in log.read_text()
