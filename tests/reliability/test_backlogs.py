"""A target returns to a long backlog of one company: the retries of another do not wait for it."""

import time

import orjson
import pytest

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.model.events import Draft
from trunkline.store import deliveries as ledger
from trunkline.store.deliveries import Settled
from trunkline.store.sql import text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
MANY, FEW = 4_000, 40


async def test_few_due_retries_of_one_company_do_not_wait_for_the_many_of_another(
    deploy, database_url, receiver, until
):
    deployment = deploy(database_url)
    await deployment.set_up(1, 2, target_url=f"{receiver.url}/h")
    await make_due(deployment, {1: MANY, 2: FEW})
    await deployment.serve()

    await until(lambda: companies_of(receiver).count(2) == FEW, seconds=60, what="the delivery of the few")
    arrived = companies_of(receiver)
    before = arrived[: len(arrived) - arrived[::-1].index(2)].count(1)
    print(f"{before} of the {MANY} were delivered before the last of the {FEW}")
    assert before < MANY // 4


def companies_of(receiver) -> list[int]:
    """List whose the pushes are, in the order in which they came."""
    return [orjson.loads(request.body)["companyId"] for request in receiver.requests]


async def make_due(deployment, counts: dict[int, int]) -> None:
    """Store events whose deliveries have failed once and are due, those of the first company for longest."""
    async with Hub(settings.load(environment=deployment.environment), dispatch=False) as hub:
        due_ms = int(time.time() * 1000) - 60_000
        for company, count in counts.items():
            payload = hub.catalog.get("lead.created").example
            draft = Draft(company, "lead.created", "2026-01-28T10:30:00Z", orjson.dumps(payload))
            events = []
            for start in range(0, count, 500):
                events += (await hub.ingest.accept(Submission([draft] * min(500, count - start)))).events
            rows = [
                Settled(event.event_id, deployment.numbers[company], "pending", 0, None, wait_ms=0)
                for event in events
            ]
            async with hub.database.write() as connection:
                await ledger.record(connection, rows, now_ms=due_ms)
                await connection.execute(
                    text("UPDATE shards SET cursor = (SELECT position FROM stream_head)")
                )
            due_ms += 1_000
