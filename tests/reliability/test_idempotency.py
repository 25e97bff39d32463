"""Many concurrent identical requests, to two processes on one PostgreSQL database: one record, one event, one answer."""

import asyncio

import httpx2
import pytest

from trunkline import settings
from trunkline.hub.hub import Hub

CALLERS = 64
COMPANY = 92
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def deployment(postgres_database_url, deploy):
    return deploy(postgres_database_url)


@pytest.fixture
async def clients(deployment):
    """A client of each of two processes that serve the same company."""
    deployment.environment["TRUNKLINE_PLUGINS__ENABLED"] = "polling,actions,searches,crm"
    async with Hub(settings.load(environment=deployment.environment), dispatch=False) as hub:
        scopes = ["events:read", "integrations:read", "integrations:write"]
        _, deployment.keys[COMPANY] = await hub.keys.create(COMPANY, name="test", scopes=scopes)
    processes = await asyncio.gather(deployment.serve(), deployment.serve())
    one, two = (deployment.client(process, COMPANY) for process in processes)
    async with one, two:
        yield one, two


async def create_at_once(clients, body, **headers) -> list[httpx2.Response]:
    return await asyncio.gather(
        *(
            clients[number % 2].post("/integrations/leads", json=body, headers=headers)
            for number in range(CALLERS)
        )
    )


async def lead_events(client) -> list[dict]:
    return (await client.get("/events", params={"limit": 200})).json()["events"]


async def test_one_idempotency_key_makes_one_record_one_event_and_one_answer(deployment, clients):
    answers = await create_at_once(clients, LEAD, **{"Idempotency-Key": "first"})
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    (event,) = await lead_events(clients[0])
    assert event["payload"]["client_id"] == answers[0].json()["client_id"]
    [(rows,)] = await deployment.query("SELECT count(*) FROM crm_clients")
    assert rows == 1


async def test_one_external_id_makes_one_record_and_one_event_and_one_caller_is_the_first(
    deployment, clients
):
    answers = await create_at_once(clients, LEAD | {"external_id": "ext-1"})
    assert sorted(answer.status_code for answer in answers) == [200] * (CALLERS - 1) + [201]
    assert len({answer.content for answer in answers}) == 1
    assert len(await lead_events(clients[0])) == 1
    [(rows,)] = await deployment.query("SELECT count(*) FROM crm_clients")
    assert rows == 1


async def test_keys_and_external_ids_together_and_many_of_them(deployment, clients):
    """Send eight different leads, each eight times, with a separate key and external_id for each lead."""
    asked = [
        clients[number % 2].post(
            "/integrations/leads",
            json=LEAD | {"external_id": f"ext-{number // 8}"},
            headers={"Idempotency-Key": f"key-{number // 8}"},
        )
        for number in range(CALLERS)
    ]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["client_id"] for answer in answers}) == CALLERS // 8
    assert len(await lead_events(clients[0])) == CALLERS // 8


async def test_of_two_requests_with_one_key_the_one_that_comes_second_is_refused(clients):
    first, second = await asyncio.gather(
        *(
            client.post("/integrations/leads", json=LEAD | {"city": city}, headers={"Idempotency-Key": "k"})
            for client, city in zip(clients, ("Austin", "Dallas"), strict=True)
        )
    )
    assert sorted((first.status_code, second.status_code)) == [201, 409]
    assert len(await lead_events(clients[0])) == 1
