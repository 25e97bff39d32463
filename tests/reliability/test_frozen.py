"""A process is frozen at the worst moment, in a transaction whose locks the other processes need: they continue within seconds."""

import asyncio

import httpx2
import pytest

from trunkline_kit.receiver import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

FREEZE = """
import os, signal, sys
def freeze(event, arguments):
    if event == "trunkline.fault" and arguments[0] == os.environ["FREEZE_AT"] and os.path.exists("freeze"):
        os.unlink("freeze")
        os.kill(os.getpid(), signal.SIGSTOP)
sys.addaudithook(freeze)
"""


@pytest.fixture
def freezing(deploy, postgres_database_url, tmp_path):
    """Make a deployment, and the settings of a process that freezes at a fault point once the file ``freeze`` exists."""
    (tmp_path / "sitecustomize.py").write_text(FREEZE)
    return deploy(postgres_database_url), {"PYTHONPATH": str(tmp_path)}


async def test_the_others_go_on_to_accept_while_one_is_frozen_with_the_logs_lock(
    freezing, tmp_path, receiver, until
):
    deployment, environment = freezing
    await deployment.set_up(1, target_url=f"{receiver.url}/h")
    environment |= {"FREEZE_AT": "accept.before_commit", "TRUNKLINE_VALIDATION__DEFAULT": "quarantine"}
    frozen = await deployment.serve(**environment)
    other = await deployment.serve()
    (tmp_path / "freeze").touch()
    async with deployment.client(frozen, 1) as stopped, deployment.client(other, 1) as going:
        stopped.timeout = 180  # until it is thawed
        assert (await going.get("/events")).status_code == 200, "its routes are loaded"
        # Events alone are appended without a transaction.
        quarantined = deployment.event(1) | {"payload": {}}
        both = {"events": [deployment.event(1), quarantined]}
        lost = asyncio.create_task(stopped.post("/events/batch", json=both))
        await until(lambda: not (tmp_path / "freeze").exists(), what="the freezing")
        waiting = asyncio.create_task(going.post("/events", json=deployment.event(2)))
        async with httpx2.AsyncClient(timeout=30) as anybody:

            async def says_so() -> bool:
                answer = await anybody.get(f"{other.url}/readyz")
                return (answer.status_code, answer.json().get("events")) == (
                    503,
                    "wait to be appended to the log",
                )

            await until(says_so, what="a word of what waits")
        assert (await waiting).status_code == 201, "the lock was taken from the frozen process"
        await until(lambda: receiver.count == 1, what="the push")
        frozen.thaw()
        assert (await lost).status_code == 503, "nothing of it was stored"
        assert (await stopped.post("/events", json=deployment.event(1))).status_code == 201, "and it goes on"
    await until(lambda: receiver.count == 2, what="the push of what was accepted after the thaw")


async def test_shards_of_a_process_that_is_frozen_while_it_settles_are_taken_over(
    freezing, tmp_path, receiver, until
):
    deployment, environment = freezing
    companies = range(1, 17)
    await deployment.set_up(*companies, target_url=f"{receiver.url}/h")
    # What succeeds at the first attempt is settled without a transaction.
    receiver.script([Answer(503)] * len(companies))
    other = await deployment.serve()
    frozen = await deployment.work(**environment, FREEZE_AT="settle.before_commit")

    async def shared() -> bool:
        return len(await deployment.query("SELECT DISTINCT holder FROM shards")) == 2

    await until(shared, what="an even share of shards")
    (tmp_path / "freeze").touch()
    accepted: set[int] = set()

    async def write_all() -> None:
        for company in companies:
            async with deployment.client(other, company) as client:
                accepted.add((await client.post("/events", json=deployment.event(company))).json()["id"])

    await write_all()
    await until(lambda: not (tmp_path / "freeze").exists(), what="the freezing")
    await write_all()
    await deployment.check_ledger(accepted)
    frozen.thaw()
    await write_all()
    await deployment.check_ledger(accepted)
    await deployment.check_balance()
