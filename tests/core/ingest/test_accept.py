"""Accepting events from inside the process: a plugin's own events, and events in a caller's transaction."""

import asyncio
import json

import pytest
from tests.payloads import FAILED

from trunkline import EmittedEvent
from trunkline.errors import IdempotencyConflict, StoreUnavailable
from trunkline.routes import EventRejected, read_json


def failed(company_id: int, **changes):
    return EmittedEvent(company_id, "payment.failed", {**FAILED, **changes}, {"source": "a plugin"})


async def polled(hub) -> list[dict]:
    return (await hub.client.get("/api/v1/events")).json()["events"]


async def test_an_emitted_event_is_polled_as_it_was_given_back(running):
    accepted = await running.hub.ingest.emit(failed(running.company_id))
    body = (await running.client.get(f"/api/v1/events/{accepted.event_id}")).content
    assert body == accepted.body
    (event,) = await polled(running)
    assert (event["payload"], event["metadata"]) == (FAILED, {"source": "a plugin"})


async def test_an_emitted_event_is_validated_like_any_other(api):
    for event, path in (
        (failed(api.company_id, amount_attempted="5"), "/payload/amount_attempted"),
        (EmittedEvent(api.company_id, "no.such", {}), "/type"),
    ):
        with pytest.raises(EventRejected) as caught:
            await api.hub.ingest.emit(event)
        assert [error.path for error in caught.value.errors] == [path]
    assert await polled(api) == []


async def test_a_payload_that_was_read_from_json_keeps_its_digits(running):
    text = json.dumps(FAILED).replace(": 5", ": 5.00")
    payload_json, payload = read_json(text.encode())
    event = EmittedEvent(running.company_id, "payment.failed", payload, payload_json=payload_json)
    await running.hub.ingest.emit(event)
    assert '"amount_attempted":5.00,' in (await running.client.get("/api/v1/events")).text


@pytest.mark.parametrize(
    ("payload_json", "path", "message"),
    [
        (b'{"failure_reason":"\\u0000"}', "/payload/failure_reason", "holds the character NUL"),
        (b'{"note":%b1%b}' % (b"[" * 64, b"]" * 64), "", "is nested deeper than 64 levels"),
        (b'{"client_id":1,"client_id":2}', "", "names the key 'client_id' twice"),
        (b'{"client_id":}', "", "is not valid JSON"),
        (b'{"client_id":1}', "/payload/payment_id", "is required"),
    ],
)
async def test_the_json_of_an_emitted_event_is_judged_as_that_of_a_request(api, payload_json, path, message):
    event = EmittedEvent(api.company_id, "payment.failed", FAILED, payload_json=payload_json)
    with pytest.raises(EventRejected) as caught:
        await api.hub.ingest.emit(event)
    fault = caught.value.errors[0]
    assert (fault.path, fault.message[: len(message)]) == (path, message)
    assert await polled(api) == []


@pytest.mark.parametrize(
    "values",
    [{"payload": {**FAILED, "failure_reason": "\0"}}, {"metadata": {"a": "\0"}}],
    ids=["payload", "metadata"],
)
async def test_an_emitted_value_with_a_nul_is_refused(api, values):
    with pytest.raises(EventRejected, match="NUL"):
        await api.hub.ingest.emit(
            EmittedEvent(api.company_id, "payment.failed", **{"payload": FAILED} | values)
        )
    assert await polled(api) == []


async def test_an_emitted_event_is_stored_once_under_one_key(running):
    emit, event = running.hub.ingest.emit, failed(running.company_id)
    first, again = await asyncio.gather(*(emit(event, idempotency_key="k") for _ in range(2)))
    assert first == again
    plain = EmittedEvent(running.company_id, "payment.failed", FAILED)
    for other in (failed(running.company_id, client_id=4), plain):
        with pytest.raises(IdempotencyConflict):
            await emit(other, idempotency_key="k")
    assert (await emit(failed(running.neighbour_id), idempotency_key="k")).company_id == running.neighbour_id
    assert len(await polled(running)) == 1


async def test_an_event_of_a_callers_transaction_is_there_when_that_commits(running, monkeypatch):
    monkeypatch.setattr("trunkline.stream.pages.LOOK_SECONDS", 600)  # it has to be woken
    ingest = running.hub.ingest
    poll = asyncio.create_task(running.client.get("/api/v1/events?wait=10"))
    await asyncio.sleep(0.1)
    async with running.hub.engines.write() as connection:
        _, tell = await ingest.store(connection, [ingest.draft(failed(running.company_id))])
        assert await polled(running) == []
    tell()
    (event,) = (await poll).json()["events"]
    assert event["payload"] == FAILED


async def test_an_event_of_a_transaction_that_is_rolled_back_was_never_there(running):
    ingest = running.hub.ingest

    async def append_and_fail() -> None:
        async with running.hub.engines.write() as connection:
            await ingest.store(connection, [ingest.draft(failed(running.company_id))])
            raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await append_and_fail()
    assert await polled(running) == []
    position = (await ingest.emit(failed(running.company_id))).event_id
    assert [event["id"] for event in await polled(running)] == [position]
