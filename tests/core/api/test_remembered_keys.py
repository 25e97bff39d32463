"""Keys in memory: the statement that stores an event checks the caller's key, so that a change elsewhere counts at once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from tests.statements import count, execute, scalar
from tests.waiting import until

from trunkline_kit.hubs import TestHub

EVENT = {"type": "client.created"}


@pytest.fixture
def event(running: TestHub) -> Mapping[str, Any]:
    return EVENT | {"payload": running.events("client.created")}


async def remembered_client(running: TestHub, event: Mapping[str, Any]) -> httpx2.AsyncClient:
    """Make a client whose key is in memory and was used."""
    client = await running.client_of(running.company_id)
    assert (await client.post("/api/v1/events", json=event)).status_code == 201
    await until(lambda: last_used_ms(running, client), what="a note of the key's use")
    return client


def key_id(running: TestHub, client: httpx2.AsyncClient) -> str:
    known = running.hub.keys.remembered(client.headers["x-api-key"])
    assert known is not None
    return known[0].key_id


async def last_used_ms(running: TestHub, client: httpx2.AsyncClient) -> int | None:
    used = "SELECT last_used_ms FROM api_keys WHERE id = :id"
    return await scalar(running.hub.engines, used, id=key_id(running, client))


async def change(running: TestHub, client: httpx2.AsyncClient, what: str) -> None:
    """Change the client's key as another process does, which this process does not notice."""
    changed = f"UPDATE api_keys SET {what} WHERE id = :id"
    await execute(running.hub.engines, changed, id=key_id(running, client))


async def stored(running: TestHub) -> int:
    return await count(running.hub.engines, "events WHERE type = 'client.created'")


@pytest.mark.parametrize("naming", ["X-Api-Key", "Authorization", "X-Company-Id", "its reference", "charset"])
async def test_an_event_of_a_key_in_memory_needs_no_lookup_of_its_own(running, event, naming, monkeypatch):
    client = await remembered_client(running, event)
    if naming == "Authorization":
        client.headers["authorization"] = f"Bearer {client.headers.pop('x-api-key')}"
    if naming == "charset":
        client.headers["content-type"] = "application/json; charset=utf-8"
    if naming in {"X-Company-Id", "its reference"}:
        client = await running.client_of(None)
        client.headers["x-company-id"] = str(running.company_id)
        if naming == "its reference":
            named = await client.patch(
                f"/api/v1/companies/{running.company_id}", json={"reference": f"co-{running.company_id}"}
            )
            assert named.status_code == 200, named.text
            client.headers["x-company-id"] = f"co-{running.company_id}"
        assert (await client.post("/api/v1/events", json=event)).status_code == 201
        await until(lambda: last_used_ms(running, client), what="a note of the key's use")

    async def look_up(*_: object) -> None:
        pytest.fail("the key was looked up")

    monkeypatch.setattr(running.hub.keys, "authenticate", look_up)
    answer = await client.post("/api/v1/events", json=event)
    assert (answer.status_code, answer.json()["companyId"]) == (201, running.company_id)
    assert answer.headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize("what", ["revoked_ms = 1", "expires_ms = 1"])
@pytest.mark.parametrize("body", ["valid", "invalid", "no JSON"])
async def test_a_key_that_ended_elsewhere_is_refused_at_once(running, event, what, body):
    client = await remembered_client(running, event)
    before = await stored(running)
    await change(running, client, what)
    broken = {"content": b"{", "headers": {"content-type": "application/json"}}
    sent = {"valid": {"json": event}, "invalid": {"json": {"type": "no.such"}}, "no JSON": broken}[body]
    answer = await client.post("/api/v1/events", **sent)
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

    async def is_noted_again() -> bool:
        return (await last_used_ms(running, client) or 0) > 1

    await until(is_noted_again)


@pytest.mark.parametrize("place", ["body", "header"])
@pytest.mark.parametrize("moment", ["before the call", "while the call waits"])
async def test_a_reference_that_moved_elsewhere_names_its_new_company_at_once(
    running, event, place, moment, monkeypatch
):
    first, second = running.company_id + 1, running.company_id + 2
    moving = f"moving-{first}"
    operator = await running.client_of(None)
    for company_id, reference in ((first, moving), (second, f"staying-{second}")):
        made = await operator.patch(f"/api/v1/companies/{company_id}", json={"reference": reference})
        assert made.status_code == 200, made.text
    sent = {"json": {**event, "companyId": moving}}
    if place == "header":
        sent = {"json": event, "headers": {"x-company-id": moving}}
    for _ in range(3):
        answer = await operator.post("/api/v1/events", **sent)
        assert answer.json()["companyId"] == first, answer.text

    async def move(*_: object) -> None:
        moved = "UPDATE companies SET reference = :reference WHERE company_id = :company"
        for company_id, reference in ((first, None), (second, moving)):
            await execute(running.hub.engines, moved, reference=reference, company=company_id)
        await execute(running.hub.engines, "UPDATE stream_head SET companies_version = companies_version + 1")

    if moment == "before the call":
        await move()
    else:  # and meanwhile another call of this process learns of it

        async def move_and_notice(*_: object) -> None:
            await move()
            for company_id in (first, second):
                await running.hub.directory.reference_of(await running.hub.directory.existing(company_id))

        monkeypatch.setattr(running.hub.event_pace, "take", move_and_notice)
    answer = await operator.post("/api/v1/events", **sent)
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
