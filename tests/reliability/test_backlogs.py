"""A long backlog of one company, in the log or of retries: another company does not wait for it."""

import time

import orjson
import pytest

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.ingest.accept import Submission
from trunkline.model.events import Draft, Event, shard_of
from trunkline.store import deliveries as ledger
from trunkline.store.deliveries import Settled
from trunkline.store.sql import text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
MANY, FEW = 4_000, 40
IN_LOG = 60_000


async def test_few_due_retries_of_one_company_do_not_wait_for_the_many_of_another(
    deploy, database_url, receiver, until
):
    deployment = deploy(database_url)
    await deployment.set_up(1, 2, target_url=f"{receiver.url}/h")
    await make_due(deployment, {1: MANY, 2: FEW})
    await deployment.serve()

    await until(lambda: companies_of(receiver).count(2) == FEW, what="the delivery of the few")
    arrived = companies_of(receiver)
    before = arrived[: len(arrived) - arrived[::-1].index(2)].count(1)
    print(f"{before} of the {MANY} were delivered before the last of the {FEW}")
    assert before < MANY // 4


async def test_one_event_of_one_company_does_not_wait_for_the_backlog_of_another_in_another_shard(
    deploy, database_url, receiver, until
):
    assert shard_of(1, 16) != shard_of(2, 16)
    deployment = deploy(database_url)
    await deployment.set_up(1, 2, target_url=f"{receiver.url}/h")
    async with Hub(settings.load(environment=deployment.environment), dispatch=False) as hub:
        await store_events(hub, 1, IN_LOG)
        await store_events(hub, 2, 1)
        await deployment.serve()
        await until(lambda: 2 in companies_of(receiver), what="the delivery of the one")
    before = companies_of(receiver).index(2)
    print(f"{before} of the {IN_LOG} were delivered before the one")
    # The event of company 2 is last in the log: the reader reads all of the backlog while it hands over as many events as fit.
    assert before < IN_LOG // 8


def companies_of(receiver) -> list[int]:
    return [orjson.loads(request.body)["companyId"] for request in receiver.requests]


async def make_due(deployment, counts: dict[int, int]) -> None:
    """Store events whose deliveries have failed once and are due; the first company's are due for longest."""
    async with Hub(settings.load(environment=deployment.environment), dispatch=False) as hub:
        due_ms = int(time.time() * 1000) - 60_000
        for company, count in counts.items():
            events = await store_events(hub, company, count)
            rows = [
                Settled(event.position, deployment.numbers[company], "pending", 0, None, wait_ms=0)
                for event in events
            ]
            async with hub.engines.write() as connection:
                await ledger.record(connection, rows, now_ms=due_ms)
                await connection.execute(
                    text("UPDATE shards SET cursor = (SELECT position FROM stream_head)")
                )
            due_ms += 1_000


async def store_events(hub: Hub, company: int, count: int) -> list[Event]:
    payload = hub.catalog.get("lead.created").example
    draft = Draft(company, "lead.created", "2026-01-28T10:30:00Z", orjson.dumps(payload))
    events: list[Event] = []
    for start in range(0, count, 500):
        events += (await hub.ingest.accept(Submission([draft] * min(500, count - start)))).events
    return events
