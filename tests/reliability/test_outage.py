"""PostgreSQL stops under load and comes back: everything continues without a restart."""

import asyncio
import time

import httpx2
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_everything_flows_again_after_the_database_was_away(
    deploy, own_server, receiver, until, writers
):
    deployment = deploy(own_server.get_uri())
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    receiver.answer(200, delay_seconds=0.05)
    processes = await asyncio.gather(deployment.serve(), deployment.serve())
    load = writers(deployment, processes)
    load.start(12)
    for _ in range(2):
        await load.go_on(receiver, count=100)
        unavailable = load.answers[503]
        await asyncio.to_thread(own_server.stop)
        await until(lambda u=unavailable: load.answers[503] > u + 10, what="an answer that says so")
        assert (await _get(processes[0], "/healthz"), await _get(processes[0], "/readyz")) == (200, 503)
        await asyncio.to_thread(own_server.start)
        back = time.monotonic()
        await load.go_on(receiver, count=1)
        print(f"flows again {time.monotonic() - back:.1f} s after the server is back")
    await load.go_on(receiver, count=100)
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    assert await _get(processes[0], "/readyz") == 200
    assert [process.stop() for process in processes] == [0, 0]


async def _get(process, path: str) -> int:
    async with httpx2.AsyncClient(base_url=process.url, timeout=15) as client:
        return (await client.get(path)).status_code
