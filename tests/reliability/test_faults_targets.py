"""Hostile targets beside a healthy one: each attempt ends in time, memory stays bounded, and the healthy target is not delayed."""

import asyncio
import time

import psutil
import pytest

from trunkline_kit.receiver import CloseWithoutAnswer, Drip, EndlessHeaders, Garbage, Hang, Reset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TIMEOUT_SECONDS = 2
EVENTS = 20
MEMORY_BYTES = 64 * 1024 * 1024
"""Memory that the process may need in addition to healthy targets: less than one answer of 100 MB."""


async def _next_turn(connection):
    await asyncio.sleep(0)  # a lost connection accepts all writes at once
    await connection.drain()


async def hundred_megabytes(connection):
    connection.write(b"HTTP/1.1 500 \r\ncontent-length: 104857600\r\n\r\n")
    for _ in range(1600):
        connection.write(bytes(65_536))
        await _next_turn(connection)


async def endless_chunks(connection):
    connection.write(b"HTTP/1.1 500 \r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
        await _next_turn(connection)


async def endless_line(connection):
    connection.write(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        connection.write(b"y" * 65_536)
        await _next_turn(connection)


async def cut_off(connection):
    connection.write(b"HTTP/1.1 500 \r\ncontent-length: 10\r\n\r\nhalf")
    connection.close()


HOSTILE = {  # reply, and the error in the delivery log
    "hang": (Hang(), {"timeout"}),
    "drip": (Drip(0.05, 500), {None}),
    "slow-headers": (EndlessHeaders(0.05), {"timeout"}),
    "headers": (EndlessHeaders(), {"invalid_answer"}),
    "line": (endless_line, {"invalid_answer"}),
    "huge": (hundred_megabytes, {None}),
    "chunks": (endless_chunks, {None}),
    "cut-off": (cut_off, {None}),
    "garbage": (Garbage(), {"invalid_answer"}),
    "reset": (Reset(), {"connection_failed"}),
    "close": (CloseWithoutAnswer(), {"connection_failed"}),
}


async def test_hostile_targets_cost_one_failed_attempt_each_and_harm_nobody(
    deploy, database_url, receiver, until
):
    deployment = deploy(
        database_url,
        timeout_seconds=TIMEOUT_SECONDS,
        retry_schedule_seconds="3600",
        breaker_failures=1_000_000,
    )
    await deployment.set_up(1)
    process = await deployment.serve()
    memory = psutil.Process(process.popen.pid).memory_info
    async with deployment.client(process, 1) as client:
        await _subscribe(client, f"{receiver.url}/healthy")
        before = await _emit(client, deployment, EVENTS)
        calm = await _latencies(receiver, before, until)
        for name, (reply, _) in HOSTILE.items():
            receiver.always(reply, path=f"/{name}")
            await _subscribe(client, f"{receiver.url}/{name}")
        base = peak = memory().rss
        emitting = asyncio.create_task(_emit(client, deployment, EVENTS))
        deadline = time.monotonic() + 90
        while not (emitting.done() and await _all_tried(deployment)):
            peak = max(peak, memory().rss)
            assert time.monotonic() < deadline, await deployment.statuses()
            await asyncio.sleep(0.05)
        troubled = await _latencies(receiver, await emitting, until)
    print(
        f"healthy target, slowest of {EVENTS}: {max(calm):.2f} s before, {max(troubled):.2f} s beside the hostile; "
        f"memory {base / 2**20:.0f} MB before, {peak / 2**20:.0f} MB at most"
    )
    assert peak - base < MEMORY_BYTES
    assert max(troubled) < TIMEOUT_SECONDS, "nobody waits for a hostile target's time limit"
    await _check_attempts(deployment)
    assert process.stop() == 0
    assert "Traceback" not in process.errors.read_text()


async def _check_attempts(deployment):
    rows = await deployment.query(
        "SELECT s.target_url, d.status, d.attempts, a.outcome, a.error, a.duration_ms FROM deliveries d "
        "JOIN attempts a ON a.position = d.position AND a.subscription_no = d.subscription_no "
        "JOIN subscriptions s ON s.no = d.subscription_no"
    )
    found = {
        name: [row for row in rows if row.target_url.endswith(f"/{name}")] for name in [*HOSTILE, "healthy"]
    }
    healthy = found.pop("healthy")
    assert {row.status for row in healthy} == {"delivered"}, [r for r in healthy if r.status != "delivered"]
    for name, tried in found.items():
        assert len(tried) == EVENTS
        assert {(row.status, row.attempts, row.outcome) for row in tried} == {("pending", 1, "retry")}, name
        assert {row.error for row in tried} == HOSTILE[name][1], name
        assert max(row.duration_ms for row in tried) < TIMEOUT_SECONDS * 1000 + 8_000, name


async def _subscribe(client, url):
    answer = await client.post("/webhooks/subscriptions", json={"target_url": url, "event_types": ["*"]})
    assert answer.status_code == 201, answer.text


async def _emit(client, deployment, count):
    """Emit *count* events, one after the other; return the times of acceptance."""
    accepted = {}
    for number in range(1, count + 1):
        answer = await client.post("/events", json=deployment.event(number))
        accepted[str(answer.json()["id"])] = time.monotonic()
        await asyncio.sleep(0.005)
    return accepted


async def _latencies(receiver, accepted, until):
    """Give the seconds from acceptance to arrival at the healthy target, for each event."""

    def arrivals():
        return {
            r.headers["webhook-id"]: r.received_at / 1e9 for r in receiver.requests if r.path == "/healthy"
        }

    await until(lambda: accepted.keys() <= arrivals().keys(), what="every healthy delivery")
    times = arrivals()
    return [times[event] - moment for event, moment in accepted.items()]


async def _all_tried(deployment):
    [(tried,)] = await deployment.query("SELECT count(*) FROM attempts")
    return tried >= EVENTS * (2 + len(HOSTILE))
