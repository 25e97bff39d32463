"""A small limit of memory (a control group, as containers have): large bodies wait or are refused, everything else continues."""

import asyncio
import json
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MIB = 1024 * 1024
COMPANIES = 8
LIMITS = {"memory": "memory.limit_in_bytes", "": "memory.max"}


@pytest.fixture
def group():
    """Move this process, and the processes that it starts, into a control group for memory; move it back at the end."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own = Path("/sys/fs/cgroup", controllers, path.lstrip("/"))
        if controllers in LIMITS and (own / LIMITS[controllers]).exists():
            break
    else:
        pytest.skip("only root has a control group for memory here")
    group = own / f"trunkline-{os.getpid()}"
    try:
        group.mkdir()
        (group / LIMITS[controllers]).write_text(str(320 * MIB))
    except OSError:
        pytest.skip("only root makes control groups, and where they may be written")

    @contextmanager
    def entered():
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield
        (own / "cgroup.procs").write_text(str(os.getpid()))

    yield entered
    for pid in (group / "cgroup.procs").read_text().split():  # the hub, if the test failed
        (own / "cgroup.procs").write_text(pid)
    group.rmdir()


async def test_little_memory_makes_large_bodies_wait_and_nothing_else(
    deploy, sqlite_database_url, receiver, until, group
):
    deployment = deploy(sqlite_database_url)
    for company in range(1, COMPANIES + 2):
        await deployment.set_up(company, target_url=f"{receiver.url}/h")
    with group():
        process = await deployment.serve()
    event = deployment.event(1)
    event["payload"]["source"] = "x" * 15_000
    batch = json.dumps({"events": [event] * 1000})
    answers = {"batch": Counter(), "single": Counter()}
    ends = asyncio.Event()

    async def send_batches(company):
        async with deployment.client(process, company) as client:
            answer = await client.post(
                "/events/batch", content=batch, headers={"content-type": "application/json"}, timeout=60
            )
            answers["batch"][answer.status_code] += 1

    async def send_singles():
        async with deployment.client(process, COMPANIES + 1) as client:
            while not ends.is_set():
                answer = await client.post("/events", json=deployment.event(7), timeout=60)
                answers["single"][answer.status_code] += 1
                await asyncio.sleep(0.02)

    singles = asyncio.create_task(send_singles())
    for _ in range(2):
        await asyncio.gather(*map(send_batches, range(1, COMPANIES + 1)))
    ends.set()
    await singles
    assert answers["batch"].keys() <= {201, 503}
    assert answers["batch"][201] >= 2
    assert answers["single"].keys() == {201}
    assert answers["single"].total() > 10
    stored = answers["batch"][201] * 1000 + answers["single"][201]
    await until(lambda: receiver.count >= stored, what="every push")
    assert "this process may take 320 MiB of memory" in process.errors.read_text()
    assert process.stop() == 0
