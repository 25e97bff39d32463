"""The disk under the embedded database is full while events flow: callers are told, and it goes on when there is room."""

import contextlib
import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from trunkline.testing.receiver import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


class SmallDisk:
    """A file system in memory that a file of no use can fill: ENOSPC, as from any disk."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, process) -> None:
        with self._ballast.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        assert shutil.disk_usage(self.folder).free == 0

    def make_room(self, process) -> None:
        self._ballast.unlink()


class FileSizeLimit:
    """A limit on how large a file a process may write, as a quota sets it: EFBIG, which SQLite calls an I/O error."""

    def __init__(self, folder: Path):
        self.folder = folder

    def fill(self, process) -> None:
        self._limit(process, (self.folder / "trunkline.db-wal").stat().st_size)

    def make_room(self, process) -> None:
        self._limit(process, resource.RLIM_INFINITY)

    def _limit(self, process, size_bytes: int) -> None:
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


@pytest.fixture(params=["no space left", "file size limit"])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "file size limit":
        yield FileSizeLimit(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip(
            "only root may mount a small disk, and not in every container; the other case shows the same"
        )
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_loses_nothing_and_everything_flows_again_when_there_is_room(
    deploy, disk, receiver, until, writers
):
    deployment = deploy(f"sqlite:///{disk.folder / 'trunkline.db'}")
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    process = await deployment.serve()
    load = writers(deployment, [process])
    load.start(8)
    await load.go_on(receiver)
    receiver.script([Answer(500)] * 20)
    disk.fill(process)
    await until(lambda: load.answers[503] > 20, seconds=20, what="an answer that says so")
    log = process.errors
    await until(
        lambda: "cannot renew the leases" in log.read_text(), seconds=20, what="a worker without leases"
    )
    async with deployment.client(process, 1) as client:
        refused = await client.post("/events", json=deployment.event(1))
        assert (refused.status_code, refused.json()["type"]) == (
            503,
            "urn:trunkline:problem:store-unavailable",
        )
        assert "nothing was stored" in refused.json()["detail"]
        assert (await client.get("/events")).status_code == 200, "what is stored can still be polled"
    disk.make_room(process)
    await load.go_on(receiver)
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    assert process.stop() == 0
    assert "Traceback" not in log.read_text()
