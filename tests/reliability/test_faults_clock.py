"""The clock is set an hour forward and an hour back under load: deliveries continue, and none waits for the lost hour.

The wall clocks of the hub's processes and of PostgreSQL are moved together.
"""

import asyncio

import pytest
from tests.reliability.clocks import NEEDS_FAKETIME

from trunkline_kit.receiver import Answer

HOUR_MS = 3_600_000
RETRIES = {"retry_schedule_seconds": "5,5,5", "retry_jitter": 0}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), NEEDS_FAKETIME]


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
        receiver.script(
            [Answer(503)] * 20
        )  # more than are waited for: on a slow machine the first are tried again by then
        await until(lambda: _pending(deployment, 10), what="ten deliveries that wait for a retry")
        before = await _newest_ms(deployment)
        clock.set(offset)
        if offset == "+1h":
            await until(lambda b=before: _is_ahead(deployment, b), what="the clock's step forward")
            # A heartbeat from a later time shows a step back; heartbeats are 1.5 s apart.
            await until(
                lambda b=before: _heartbeats_are_ahead(deployment, b),
                what="heartbeats from there",
            )
        await load.go_on(receiver)
        await until(lambda: _no_retry_waits(deployment), what="the retries of before the step")
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    assert [process.stop() for process in started] == [0] * processes


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
