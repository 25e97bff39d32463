"""A machine with small limits: a log that nobody reads, few open files, few connections to the database."""

import asyncio
import json
import os
import socket
import time
from collections import Counter
from pathlib import Path

import asyncpg
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
            os.write(writing, b"x" * 4096)  # unread data, up to the last page of the pipe
    except BlockingIOError:
        os.set_blocking(writing, True)
    os.close(writing)
    async with (
        deployment.client(process, 1) as client,
        httpx2.AsyncClient(base_url=process.url, timeout=30) as anyone,
    ):
        for number in range(20):
            assert (await client.post("/events", json=deployment.event(1 + number))).status_code == 201
        await until(lambda: receiver.count >= 40, what="two attempts of each")
        assert (await anyone.get("/healthz")).status_code == 200
        assert (await anyone.get("/readyz")).status_code == 200
        assert "\ntrunkline_log_lines_dropped_total 0.0\n" in (await anyone.get("/metrics")).text
    began = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - began < 30
    os.close(reading)


async def _ask(deployment, process, company, number) -> Counter:
    """Post an event on a new connection; return the answer."""
    body = json.dumps(deployment.event(1 + number)).encode()
    host, _, port = process.url.removeprefix("http://").partition(":")
    head = (
        f"POST /api/v1/events HTTP/1.1\r\nhost: hub\r\nx-api-key: {deployment.keys[company]}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        finally:
            writer.close()
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        return Counter({type(error).__name__: 1})
    if " 503 " in answer:
        assert "retry-after: 1" in answer.lower()
    return Counter({answer.split()[1]: 1})


async def test_few_open_files_reset_nobody_and_cost_no_target_an_attempt(
    deploy, database_url, receiver, until
):
    deployment = deploy(database_url, timeout_seconds=3)
    await deployment.set_up(1, target_url=f"{receiver.url}/h")
    await deployment.set_up(2)
    process = await deployment.serve(files=256)
    with socket.create_server(
        ("127.0.0.1", 0), backlog=1024
    ) as hanging:  # it accepts connections and sends nothing
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        async with deployment.client(process, 2) as client:
            for number in range(40):
                target = {"target_url": f"{url}{number}", "event_types": ["*"]}
                assert (await client.post("/webhooks/subscriptions", json=target)).status_code == 201
            for number in range(10):
                assert (await client.post("/events", json=deployment.event(1 + number))).status_code == 201
        posts = [_ask(deployment, process, 1, number) for number in range(600)]
        answers = sum(await asyncio.gather(*posts), Counter())
        print(dict(answers), "files open:", len([*Path(f"/proc/{process.popen.pid}/fd").iterdir()]))
        assert answers.keys() <= {"201", "503"}
        assert answers["201"] > 50
        async with httpx2.AsyncClient(base_url=process.url, timeout=30) as anyone:
            assert (await anyone.get("/readyz")).status_code == 200
        await until(lambda: receiver.count >= answers["201"], what="every push")
        errors = {row.error for row in await deployment.query("SELECT DISTINCT error FROM attempts")}
        assert errors <= {None, "timeout"}
        assert "this process may open 256 files" in process.errors.read_text()
        assert process.stop() == 0


async def test_a_process_that_may_open_too_few_files_does_not_start(deploy, sqlite_database_url):
    process = deploy(sqlite_database_url).run("serve", "--port", "0", files=64)
    assert await asyncio.to_thread(process.popen.wait, 60) == 2
    assert process.errors.read_text() == (
        "This process may open 64 files and needs 134: raise its limit (ulimit -n, LimitNOFILE=).\n"
    )


async def _restart_with(own_server, most: int) -> None:
    connection = await asyncpg.connect(own_server.get_uri())
    await connection.execute(f"ALTER SYSTEM SET max_connections = {most}")
    await connection.close()
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.start)


async def test_few_connections_to_postgresql_leave_some_to_the_command_line(
    deploy, own_server, receiver, until
):
    deployment = deploy(own_server.get_uri())
    await deployment.set_up(1, target_url=f"{receiver.url}/h")
    await _restart_with(own_server, 10)
    refused = deployment.run("serve", "--port", "0")
    assert await asyncio.to_thread(refused.popen.wait, 60) == 2
    assert refused.errors.read_text() == (
        "PostgreSQL allows 7 connections here (max_connections, less those that it reserves, or the limit of the database or "
        "the role), and the hub needs 18: raise max_connections by 11.\n"
    )
    await _restart_with(own_server, 21)
    process = await deployment.serve()
    posts = [_ask(deployment, process, 1, number) for number in range(100)]
    assert await asyncio.gather(*posts) == [Counter({"201": 1})] * 100
    await until(lambda: receiver.count >= 100, what="every push")
    command = deployment.run("status")
    assert await asyncio.to_thread(command.popen.wait, 60) == 0
    [(taken,)] = await deployment.query(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    assert taken <= 15 + 1  # the connection of this query
    assert process.stop() == 0
