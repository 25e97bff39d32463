"""Connections to PostgreSQL that are cut in the middle of transactions: clients get an error, and nothing is lost or doubled."""

import asyncio

import asyncpg
import httpx2
import pytest
from tests.silent_proxy import silent_proxy

from trunkline_kit.receiver import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ENOUGH = 30
CUT = """
SELECT count(*) FILTER (WHERE is_open), count(*) FILTER (WHERE pg_terminate_backend(pid))
FROM (SELECT pid, xact_start IS NOT NULL AND (backend_xid IS NOT NULL OR state = 'idle in transaction') AS is_open
      FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) AS found
WHERE is_open OR {also_idle}
"""


async def test_connections_cut_in_the_middle_of_transactions_lose_nothing_and_double_nothing(
    deploy, postgres_database_url, receiver, until, writers
):
    deployment = deploy(postgres_database_url)
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    receiver.script([Answer(500)] * 40)
    processes = await asyncio.gather(deployment.serve(), deployment.serve())
    load = writers(deployment, processes)
    load.start(12)
    await load.go_on(receiver)
    in_transaction = 0
    knife = await asyncpg.connect(postgres_database_url)
    try:
        for turn in range(6_000):
            cut, _ = await knife.fetchrow(CUT.format(also_idle="TRUE" if turn % 30 == 0 else "FALSE"))
            in_transaction += cut
            if in_transaction > ENOUGH:
                break
            await asyncio.sleep(0.02)
    finally:
        await knife.close()
    print(f"{in_transaction} connections were cut inside a transaction")
    assert in_transaction > ENOUGH
    await load.go_on(receiver)
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    for process in processes:
        assert process.stop() == 0
        assert "Traceback" not in process.errors.read_text()


async def test_events_are_accepted_again_soon_after_every_connection_died_without_a_word(
    deploy, postgres_database_url, receiver, until
):
    """A router that forgets its connections sends no reset, so that sent data is never answered."""
    async with silent_proxy(postgres_database_url) as proxy:
        deployment = deploy(proxy.url)
        await deployment.set_up(1, target_url=f"{receiver.url}/h")
        process = await deployment.serve()
        async with deployment.client(process, 1) as client:
            client.timeout = 15
            assert (await client.post("/events", json=deployment.event(1))).status_code == 201
            proxy.fall_silent()

            async def is_accepted() -> bool:
                try:
                    return (await client.post("/events", json=deployment.event(2))).status_code == 201
                except httpx2.TimeoutException:
                    return False

            await until(is_accepted, seconds=90, what="acceptance")


async def test_a_statement_that_waits_for_a_lock_ends_soon_after_the_hub_gave_it_up(
    deploy, postgres_database_url, receiver, until
):
    """Otherwise such statements use up the server's connections during a long lock, and store their events after it."""
    deployment = deploy(postgres_database_url)
    await deployment.set_up(1, target_url=f"{receiver.url}/h")
    process = await deployment.serve()
    other = await asyncpg.connect(postgres_database_url)

    async def is_nothing_waiting() -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH locked%'"
        return await other.fetchval(waiting) == 0

    try:
        async with deployment.client(process, 1) as client:
            accepted = await client.post("/events", json=deployment.event(1))  # prepares the statement
            async with other.transaction():
                await other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
                answer = await client.post("/events", json=deployment.event(2))
                assert answer.status_code == 503
                assert "may or may not have been stored" in answer.json()["detail"]
                await until(is_nothing_waiting, seconds=20, what="the end of the statement")
            again = await client.post("/events", json=deployment.event(3))
            found = (await client.get("/events")).json()["events"]
            assert [event["id"] for event in found] == [accepted.json()["id"], again.json()["id"]]
    finally:
        await other.close()
    assert process.stop() == 0
