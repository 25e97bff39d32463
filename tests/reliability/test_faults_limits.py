"""The machine gives little: a log that nobody reads."""

import os
import time

import httpx2
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


async def test_a_log_that_nobody_reads_holds_nothing_up(deploy, sqlite_database_url, receiver, until):
    deployment = deploy(sqlite_database_url, retry_schedule_seconds="0.2")
    await deployment.set_up(1, target_url=f"{receiver.url}/h")
    receiver.answer(500)
    reading, writing = os.pipe()
    process = await deployment.serve(log_to=writing, TRUNKLINE_LOGGING__LEVEL="info")
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)  # what nobody has read, to the last page of the pipe
    except BlockingIOError:
        os.set_blocking(writing, True)
    os.close(writing)
    async with deployment.client(process, 1) as client, httpx2.AsyncClient(base_url=process.url) as anyone:
        for number in range(20):
            assert (await client.post("/events", json=deployment.event(1 + number))).status_code == 201
        await until(lambda: receiver.count >= 40, seconds=20, what="two attempts of each")
        assert (await anyone.get("/healthz")).status_code == 200
        assert (await anyone.get("/readyz")).status_code == 200
        assert "\ntrunkline_log_lines_dropped_total 0.0\n" in (await anyone.get("/metrics")).text
    began = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - began < 10
    os.close(reading)
