"""Keys in memory: the statement that stores an event checks the caller's key, so that a change elsewhere counts at once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from tests.statements import execute

from trunkline.store.sql import text
from trunkline_kit.hubs import TestHub

EVENT = {"type": "client.created"}


@pytest.fixture
def event(running: TestHub) -> Mapping[str, Any]:
    return EVENT | {"payload": running.events("client.created")}


async def remembered_client(
    running: TestHub, event: Mapping[str, Any], company_id: int | None = None
) -> httpx2.AsyncClient:
    """Make a client whose key is in memory and was used."""
    client = await running.client_of(running.company_id if company_id is None else company_id)
    for _ in range(100):
        assert (await client.post("/api/v1/events", json=event)).status_code == 201
        known = running.hub.keys.remembered(client.headers["x-api-key"])
        assert known is not None
        async with running.hub.engines.read() as connection:
            used = text("SELECT last_used_ms FROM api_keys WHERE id = :id")
            if (await connection.execute(used, {"id": known[0].key_id})).scalar_one() is not None:
                return client
        await asyncio.sleep(0.02)
    pytest.fail("the key's use was not noted")


async def change(running: TestHub, client: httpx2.AsyncClient, what: str) -> None:
    """Change the client's key as another process does, which this process does not notice."""
    known = running.hub.keys.remembered(client.headers["x-api-key"])
    assert known is not None
    await execute(running.hub.engines, f"UPDATE api_keys SET {what} WHERE id = :id", id=known[0].key_id)


async def stored(running: TestHub) -> int:
    async with running.hub.engines.read() as connection:
        counted = text("SELECT count(*) FROM events WHERE type = 'client.created'")
        return (await connection.execute(counted)).scalar_one()


async def test_an_event_of_a_key_in_memory_needs_no_lookup_of_its_own(running, event, monkeypatch):
    client = await remembered_client(running, event)

    async def look_up(*_: object) -> None:
        pytest.fail("the key was looked up")

    monkeypatch.setattr(running.hub.keys, "authenticate", look_up)
    assert (await client.post("/api/v1/events", json=event)).status_code == 201


@pytest.mark.parametrize("what", ["revoked_ms = 1", "expires_ms = 1"])
@pytest.mark.parametrize("body", ["valid", "invalid", "no JSON"])
async def test_a_key_that_ended_elsewhere_is_refused_at_once(running, event, what, body):
    client = await remembered_client(running, event)
    before = await stored(running)
    await change(running, client, what)
    sent = {"valid": {"json": event}, "invalid": {"json": {"type": "no.such"}}}.get(body)
    answer = await client.post(
        "/api/v1/events", **(sent or {"content": b"{", "headers": {"content-type": "application/json"}})
    )
    assert answer.status_code == 401, answer.text
    assert await stored(running) == before
    assert running.hub.keys.remembered(client.headers["x-api-key"]) is None


async def test_a_repeat_with_a_revoked_key_is_refused(running, event):
    client = await remembered_client(running, event)
    once = {"idempotency-key": "revoked-then-repeated"}
    assert (await client.post("/api/v1/events", json=event, headers=once)).status_code == 201
    assert (await client.post("/api/v1/events", json=event, headers=once)).status_code == 200
    await change(running, client, "revoked_ms = 1")
    assert (await client.post("/api/v1/events", json=event, headers=once)).status_code == 401


async def test_of_requests_stored_together_only_the_one_with_a_revoked_key_is_refused(running, event):
    clients = [await remembered_client(running, event) for _ in range(4)]
    before = await stored(running)
    await change(running, clients[1], "revoked_ms = 1")
    answers = await asyncio.gather(*(client.post("/api/v1/events", json=event) for client in clients))
    assert [answer.status_code for answer in answers] == [201, 401, 201, 201]
    assert await stored(running) == before + 3


async def test_the_last_use_is_noted_again_after_a_while(running, event):
    client = await remembered_client(running, event)
    await change(running, client, "last_used_ms = 1")
    assert (await client.post("/api/v1/events", json=event)).status_code == 201
    known = running.hub.keys.remembered(client.headers["x-api-key"])
    assert known is not None
    for _ in range(500):
        async with running.hub.engines.read() as connection:
            used = text("SELECT last_used_ms FROM api_keys WHERE id = :id")
            if (await connection.execute(used, {"id": known[0].key_id})).scalar_one() > 1:
                return
        await asyncio.sleep(0.02)
    pytest.fail("the key's use was not noted again")


async def test_a_reference_that_moved_elsewhere_names_its_new_company_at_once(running, event):
    first, second = running.company_id + 1, running.company_id + 2
    operator = await running.client_of(None)
    for company_id, reference in ((first, "moving-co"), (second, "staying-co")):
        made = await operator.patch(f"/api/v1/companies/{company_id}", json={"reference": reference})
        assert made.status_code == 200, made.text
    named = {**event, "companyId": "moving-co"}
    for _ in range(3):
        answer = await operator.post("/api/v1/events", json=named)
        assert answer.json()["companyId"] == first, answer.text
    async with running.hub.engines.write() as connection:
        for company_id, reference in ((first, None), (second, "moving-co")):
            moved = text("UPDATE companies SET reference = :reference WHERE company_id = :company")
            await connection.execute(moved, {"reference": reference, "company": company_id})
        await connection.execute(text("UPDATE stream_head SET companies_version = companies_version + 1"))
    answer = await operator.post("/api/v1/events", json=named)
    assert answer.json()["companyId"] == second, answer.text


async def test_a_body_that_is_refused_is_refused_as_before(running, event):
    client = await remembered_client(running, event)
    answer = await client.post("/api/v1/events", json={"type": "no.such", "payload": {}})
    assert answer.status_code == 422
    assert answer.headers.get_list("cache-control") == ["no-store"]


async def test_an_event_whose_key_is_looked_up_after_all_counts_once(running, event, monkeypatch):
    client = await remembered_client(running, event)
    counted: list[Mapping[int, int]] = []

    async def take(_: object, events: Mapping[int, int]) -> None:
        counted.append(events)

    monkeypatch.setattr(running.hub.event_pace, "take", take)
    await execute(running.hub.engines, "UPDATE stream_head SET companies_version = companies_version + 1")
    assert (await client.post("/api/v1/events", json=event)).status_code == 201
    assert counted == [{running.company_id: 1}]
