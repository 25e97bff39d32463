"""The number of calls that may wait for events at once."""

import asyncio
import time

import pytest
from tests.waiting import until

from trunkline.runtime import callers

LIMITS = {"limits.enabled": "true", "limits.read": "1000/minute"}
LIMITS |= {"limits.long_polls": "2", "limits.long_polls_in_all": "3"}


async def wait_for_events(client):
    return await client.get("/api/v1/events", params={"wait": "30"})


@pytest.fixture
async def hub(engine, lend_hub):
    return await lend_hub(engine, LIMITS, dispatch=False)


async def polls_of(hub, client, company_id, count):
    polls = [asyncio.create_task(wait_for_events(client)) for _ in range(count)]
    await until(lambda: len(hub.hub.streaming._watch._waiting.get(company_id, ())) >= count)
    return polls


async def test_a_company_has_so_many_long_polls_and_the_process_so_many_of_all(hub):
    neighbour = await hub.client_of(hub.neighbour_id)
    polls = await polls_of(hub, hub.client, hub.company_id, 2)
    refused = await wait_for_events(hub.client)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert refused.json()["type"] == "urn:trunkline:problem:too-much-at-once"
    assert "has 2 long polls under way" in refused.json()["detail"]
    assert (await hub.client.get("/api/v1/events")).status_code == 200  # calls that do not wait are answered

    polls += await polls_of(hub, neighbour, hub.neighbour_id, 1)
    everybody = await wait_for_events(neighbour)
    assert "All companies together have 3 long polls" in everybody.json()["detail"]

    for company_id in (hub.company_id, hub.neighbour_id):
        await hub.emit("lead.created", company_id=company_id)
    answers = await asyncio.gather(*polls)
    assert [len(answer.json()["events"]) for answer in answers] == [1, 1, 1]
    assert (await wait_for_events(hub.client)).status_code == 200


async def test_a_long_poll_ends_with_its_caller_and_makes_room(hub):
    left = asyncio.Event()

    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}

    def poll():
        return asyncio.create_task(hub.hub.streaming.page(hub.company_id, wait_seconds=30))

    callers.begin(receive)
    polls = [poll(), poll()]
    callers.begin(None)
    await until(lambda: len(hub.hub.streaming._watch._waiting.get(hub.company_id, ())) >= 2)
    left.set()
    assert [type(e) for e in await asyncio.gather(*polls, return_exceptions=True)] == [callers.CallerLeft] * 2
    polls = await polls_of(hub, hub.client, hub.company_id, 2)
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


@pytest.mark.slow  # a key is checked every 4 s
async def test_a_long_poll_ends_when_its_key_is_revoked_and_those_of_other_keys_go_on(hub):
    revoked = await hub.client_of(hub.company_id)
    filtered = {"filter": '{"payload.client_id": {"exists": true}}'}
    polls = [
        asyncio.create_task(client.get("/api/v1/events", params={"wait": 30, **query}))
        for client, query in ((revoked, {}), (hub.client, filtered))
    ]
    await until(lambda: len(hub.hub.streaming._watch._waiting.get(hub.company_id, ())) >= 2)
    keys = await hub.hub.keys.list(hub.company_id)
    (key_id,) = (key.id for key in keys if revoked.headers["x-api-key"].endswith(key.last4))
    began = time.monotonic()
    assert (await hub.operator.delete(f"/api/v1/keys/{key_id}")).status_code == 204
    answer = await polls[0]
    assert (answer.status_code, time.monotonic() - began < 20) == (401, True)
    await hub.emit("lead.created")
    assert (await polls[1]).status_code == 200
