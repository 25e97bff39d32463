"""Events that break their schema: rejected, quarantined with an inbox, or accepted with a warning, by their type's mode."""

import asyncio
import json
import logging

import pytest
from sqlalchemy import text
from tests.answers import json_of, paths
from tests.core.api.invoices import invoice, polled
from tests.payloads import FAILED
from tests.statements import execute

from trunkline.ingest import quarantine as inbox

INBOX = "/api/v1/quarantine"
ACCEPTED = "trunkline_events_accepted_total"
QUARANTINED = "trunkline_events_quarantined_total"
WARNED = "trunkline_events_warned_total"
MODES = {"validation.types": '{"invoice.created": "quarantine", "payment.failed": "warn"}'}
EXACT = (
    b'{"invoice_id":1,"client_id":2,"amount":"%s","due_date":"2026-02-01","invoice_status":"Paid","x":9.900}'
)


@pytest.fixture
async def hub(engine, lend_hub):
    """Start a hub on each engine that quarantines one type and warns about another."""
    return await lend_hub(engine, MODES, dispatch=False)


@pytest.fixture
async def lite(lend_hub):
    """Start the same hub on SQLite alone, for tests that do not depend on the database."""
    return await lend_hub("sqlite", MODES, dispatch=False)


def failed(amount=5, **changes):
    return {"type": "payment.failed", "payload": {**FAILED, "amount_attempted": amount}, **changes}


BROKEN = invoice("ninety-nine")
PATHS = ["/payload/amount"]


async def post(client, event, key=None):
    return await client.post("/api/v1/events", json=event, headers={"Idempotency-Key": key} if key else {})


async def post_batch(client, *events, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/api/v1/events/batch", json={"events": [*events]}, headers=headers)


async def waiting(client, **query) -> list[dict]:
    return json_of(await client.get(INBOX, params=query))["quarantined"]


async def quarantine(client, event=None) -> str:
    return json_of(await post(client, event or BROKEN), 202)["quarantined"]["id"]


async def mend(client, held: str, amount=99):
    return await client.patch(f"{INBOX}/{held}", json={"payload": invoice(amount)["payload"]})


async def release(client, held: str):
    """Release a quarantined event with a valid payload."""
    return await client.post(f"{INBOX}/{held}/release", json={"payload": invoice()["payload"]})


def counted(hub, name: str, **labels: str) -> float:
    """Add up the samples of *name* that have *labels*, with any further labels."""
    samples = [sample for metric in hub.hub.metrics.registry.collect() for sample in metric.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


async def test_the_default_holds_for_every_type_that_is_not_named(sqlite_database_url, make_hub):
    changed = {"validation.default": "quarantine", "validation.types": '{"payment.failed": "reject"}'}
    hub = await make_hub(sqlite_database_url, changed, dispatch=False)
    assert (await post(hub.client, BROKEN)).status_code == 202
    assert (await post(hub.client, failed("5"))).status_code == 422


async def test_what_a_plugin_emits_is_rejected_whatever_the_mode(lite):
    from trunkline import EmittedEvent
    from trunkline.routes import EventRejected

    for event in (BROKEN, failed("5")):
        with pytest.raises(EventRejected):
            await lite.hub.ingest.emit(EmittedEvent(lite.company_id, event["type"], event["payload"]))
    assert await waiting(lite.client) == await polled(lite.client) == []


async def test_a_payload_that_breaks_its_schema_waits_outside_of_the_stream_and_its_faults_are_named(hub):
    before = [counted(hub, QUARANTINED, type="invoice.created"), counted(hub, ACCEPTED)]
    answer = json_of(await post(hub.client, {**BROKEN, "createdUtc": "2026-01-28T12:30:00.50+02:00"}), 202)
    (shown,) = answer.values()
    assert shown.pop("id").startswith("qtn_")
    assert [error["path"] for error in shown.pop("errors")] == PATHS
    assert shown == {
        "type": "invoice.created",
        "company_id": hub.company_id,
        "created_utc": "2026-01-28T10:30:00.50Z",
    }
    assert await polled(hub.client) == []
    assert len(await waiting(hub.client)) == 1
    after = [counted(hub, QUARANTINED, type="invoice.created"), counted(hub, ACCEPTED)]
    assert after == [before[0] + 1, before[1]]


async def test_a_valid_event_of_such_a_type_is_accepted_without_a_word(hub, caplog):
    for event in (invoice(), failed()):
        answer = await post(hub.client, event)
        assert (answer.status_code, "trunkline-validation" in answer.headers) == (201, False)
    assert await waiting(hub.client) == []
    assert [one for one in caplog.records if one.name == "trunkline.ingest.accept"] == []


REFUSED = [
    {**BROKEN, "extra": 1},
    {**BROKEN, "metadata": []},
    {**BROKEN, "createdUtc": "yesterday"},
    {**BROKEN, "companyId": "92"},
    {**BROKEN, "payload": []},
    {**BROKEN, "type": "no.such"},
    {"type": "invoice.created"},
    {**failed("5"), "extra": 1},
    {**failed(), "payload": "text"},
    {"type": "affiliate.created", "payload": {}},  # a type without a mode of its own
]


async def test_a_bad_envelope_is_refused_whatever_the_mode(lite):
    for event in REFUSED:
        assert (await post(lite.client, event)).status_code == 422, event
        assert (await post_batch(lite.client, BROKEN, event)).status_code == 422, event
    large = invoice("x" * 262_144)
    assert (await post(lite.client, large)).status_code == 413
    assert (await post_batch(lite.client, BROKEN, large)).status_code == 422
    assert (await post(lite.client, {**BROKEN, "companyId": lite.neighbour_id})).status_code == 403
    assert await waiting(lite.client) == await polled(lite.client) == []


async def test_the_valid_events_of_a_batch_are_stored_in_order_and_the_others_wait(hub):
    answer = json_of(
        await post_batch(hub.client, invoice(1), invoice("x"), failed("5"), invoice(2), invoice("y")), 201
    )
    assert [event["payload"].get("amount") for event in answer["events"]] == [1, None, 2]
    assert [one["index"] for one in answer["quarantined"]] == [1, 4]
    assert [one["errors"][0]["path"] for one in answer["quarantined"]] == PATHS * 2
    assert answer["events"] == await polled(hub.client)
    kept = [one["id"] for one in await waiting(hub.client)]
    assert kept == [one["id"] for one in answer["quarantined"]][::-1]


async def test_a_batch_with_an_event_that_is_rejected_leaves_nothing_behind(hub):
    rejected = {"type": "affiliate.created", "payload": {}}
    answer = await post_batch(hub.client, invoice(1), invoice("x"), rejected)
    assert answer.status_code == 422
    assert {path.split("/")[2] for path in paths(answer)} == {"2"}
    assert await waiting(hub.client) == await polled(hub.client) == []


async def test_events_and_quarantined_ones_are_stored_together_or_not_at_all(database_url, make_hub):
    hub = await make_hub(database_url, MODES, dispatch=False)
    await execute(hub.hub.engines, "ALTER TABLE quarantine RENAME TO elsewhere")
    answer = await post_batch(hub.client, invoice(1), invoice("x"), key="k")
    assert answer.status_code >= 500
    await execute(hub.hub.engines, "ALTER TABLE elsewhere RENAME TO quarantine")
    assert await waiting(hub.client) == await polled(hub.client) == []
    assert (await post_batch(hub.client, invoice(1), invoice("x"), key="k")).status_code == 201


async def test_requests_at_once_with_one_key_keep_one_event(hub):
    before = counted(hub, QUARANTINED, type="invoice.created")
    answers = await asyncio.gather(*(post(hub.client, BROKEN, "k") for _ in range(32)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len(await waiting(hub.client)) == 1
    assert counted(hub, QUARANTINED, type="invoice.created") == before + 1


async def test_a_repeated_key_gives_the_envelope_once_the_event_was_released(hub):
    held = (await post(hub.client, BROKEN, "k")).json()["quarantined"]["id"]
    released = await release(hub.client, held)
    again = await post(hub.client, BROKEN, "k")
    assert (released.status_code, again.status_code) == (201, 200)
    assert again.content == released.content


async def test_a_repeated_key_gives_the_first_answer_whatever_became_of_the_event(hub):
    first = await post(hub.client, BROKEN, "k")
    for other in (invoice("other"), invoice(1)):
        assert (await post(hub.client, other, "k")).status_code == 409
    (held,) = [one["id"] for one in await waiting(hub.client)]
    await hub.client.patch(f"{INBOX}/{held}", json={"payload": {}})
    assert (await post(hub.client, BROKEN, "k")).content == first.content
    assert len(await waiting(hub.client)) == 1
    await hub.client.delete(f"{INBOX}/{held}")
    again = await post(hub.client, BROKEN, "k")
    assert (again.status_code, again.content) == (202, first.content)
    assert await waiting(hub.client) == await polled(hub.client) == []


async def test_a_repeated_batch_gives_the_first_answer_in_all_its_parts(hub):
    for key, events, statuses, waiting_then in (
        ("some", [invoice(1), invoice("x")], [201, 200], 1),
        ("none", [invoice("x"), invoice("y")], [202, 202], 2),
    ):
        first = await post_batch(hub.client, *events, key=key)
        assert len(first.json()["quarantined"]) == len(await waiting(hub.client)) == waiting_then
        held = first.json()["quarantined"][0]["id"]
        await release(hub.client, held)
        again = await post_batch(hub.client, *events, key=key)
        assert [first.status_code, again.status_code] == statuses
        assert again.content == first.content


async def test_a_key_that_has_lived_its_day_is_free_again(hub):
    await post(hub.client, BROKEN, "k")
    async with hub.hub.engines.write() as connection:
        for table in ("idempotency_keys", "quarantine_answers"):
            statement = f"UPDATE {table} SET created_ms = created_ms - 86400001 WHERE namespace = :company_id"
            await connection.execute(text(statement), {"company_id": hub.company_id})
    fresh = await post(hub.client, invoice(1), "k")
    again = await post(hub.client, invoice(1), "k")
    assert (fresh.status_code, again.status_code) == (201, 200)
    assert again.content == fresh.content
    assert (await post(hub.client, BROKEN, "k")).status_code == 409


async def test_requests_with_keys_of_every_kind_share_a_transaction(hub):
    keyed = [(invoice(1) if n % 2 else BROKEN, f"k-{n % 8}") for n in range(16)]
    plain = [(invoice(n) if n % 2 else BROKEN, None) for n in range(8)]
    answers = await asyncio.gather(*(post(hub.client, *sent) for sent in keyed + plain))
    assert len(await polled(hub.client)) == [answer.status_code for answer in answers].count(201)
    kept = {answer.json()["quarantined"]["id"] for answer in answers if answer.status_code == 202}
    assert {one["id"] for one in await waiting(hub.client)} == kept


async def test_the_inbox_is_listed_newest_first_and_page_by_page(hub):
    ids = [await quarantine(hub.client, invoice(f"{n}")) for n in range(5)]
    seen, cursor = [], None
    for size in (2, 2, 1):
        answer = await hub.client.get(INBOX, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        page, cursor = answer.json()["quarantined"], answer.json()["next_cursor"]
        assert len(page) == size
        seen += [one["id"] for one in page]
    assert (seen, cursor) == (ids[::-1], None)
    assert (await hub.client.get(INBOX, params={"cursor": "made-up"})).status_code == 400
    assert await waiting(hub.client, type="payment.failed") == []
    for name in ("invoice.created", "INVOICE.created"):
        assert len(await waiting(hub.client, type=name)) == 5


async def test_an_event_is_shown_with_the_bytes_that_came_in(hub):
    payload = EXACT % b"caf\\u00e9 \\/"
    body = b'{"type":"invoice.created","payload":%b,"metadata":{"n":1.50}}' % payload.replace(b",", b" ,\n")
    held = (await hub.client.post("/api/v1/events", content=body)).json()["quarantined"]["id"]
    shown = await hub.client.get(f"{INBOX}/{held}")
    assert b'"payload":' + payload + b',"metadata":{"n":1.50}}' in shown.content
    assert sorted(error["path"] for error in shown.json()["errors"]) == ["/payload/amount", "/payload/x"]
    assert "metadata" not in (await hub.client.get(f"{INBOX}/{await quarantine(hub.client)}")).json()


async def test_another_payload_is_judged_at_once_and_kept_valid_or_not(hub):
    held = await quarantine(hub.client)
    worse = await hub.client.patch(f"{INBOX}/{held}", json={"payload": {"amount": "x"}})
    assert (worse.status_code, len(worse.json()["errors"])) == (200, 5)
    body = json.dumps({"payload": invoice(7)["payload"]}).replace("7", "7.00")
    better = await hub.client.patch(f"{INBOX}/{held}", content=body)
    assert (better.status_code, better.json()["errors"]) == (200, [])
    assert b'"amount":7.00' in better.content
    assert (await hub.client.get(f"{INBOX}/{held}")).content == better.content
    assert await polled(hub.client) == []
    released = await hub.client.post(f"{INBOX}/{held}/release")
    assert released.status_code == 201
    assert b'"amount":7.00' in released.content


async def test_a_released_event_has_its_own_time_and_metadata_and_is_in_every_poll(hub):
    sent = {"createdUtc": "2026-01-28T10:30:00Z", "metadata": {"source": "web_portal"}}
    held = await quarantine(hub.client, {**BROKEN, **sent})
    released = await release(hub.client, held)
    assert released.status_code == 201
    event = released.json()
    assert isinstance(event.pop("id"), int)
    company_id, payload = hub.company_id, invoice()["payload"]
    assert event == {"type": "invoice.created", "companyId": company_id, "payload": payload, **sent}
    assert (await hub.client.get("/api/v1/events")).content.count(released.content) == 1
    assert await waiting(hub.client) == []
    for method in ("GET", "PATCH", "DELETE"):
        body = {"payload": {}} if method == "PATCH" else None
        assert (await hub.client.request(method, f"{INBOX}/{held}", json=body)).status_code == 404
    assert len(await polled(hub.client)) == 1


async def test_an_event_without_a_time_gets_that_of_its_first_receipt(hub):
    answer = await post(hub.client, BROKEN)
    shown = answer.json()["quarantined"]
    await asyncio.sleep(0.05)
    released = await release(hub.client, shown["id"])
    assert released.json()["createdUtc"] == shown["created_utc"]


async def test_a_released_event_is_delivered(engine, lend_hub, receiver):
    hub = await lend_hub(engine, MODES)
    await hub.subscribe(receiver.url)
    held = await quarantine(hub.client)
    released = await release(hub.client, held)
    (pushed,) = await receiver.wait_for(1)
    assert pushed.body == released.content


async def test_an_event_that_still_breaks_its_schema_is_not_released_and_stays_as_it_was(hub):
    held = await quarantine(hub.client)
    before = (await hub.client.get(f"{INBOX}/{held}")).content
    as_it_is = await hub.client.post(f"{INBOX}/{held}/release")
    worse = {"payload": {**invoice("x")["payload"], "y": 1}}
    changed = await hub.client.post(f"{INBOX}/{held}/release", json=worse)
    assert (as_it_is.status_code, paths(as_it_is)) == (422, PATHS)
    assert (changed.status_code, sorted(paths(changed))) == (422, ["/payload/amount", "/payload/y"])
    assert (await hub.client.get(f"{INBOX}/{held}")).content == before
    assert await polled(hub.client) == []


async def test_an_event_is_released_once_however_many_do_it_at_once(hub):
    held = await quarantine(hub.client)
    await mend(hub.client, held)
    answers = await asyncio.gather(*(hub.client.post(f"{INBOX}/{held}/release") for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert len(await polled(hub.client)) == 1


async def test_a_release_with_another_payload_after_the_first_is_a_conflict(hub):
    held = await quarantine(hub.client)
    sent = [{"payload": invoice(n)["payload"]} for n in (1, 2)]
    answers = await asyncio.gather(*(hub.client.post(f"{INBOX}/{held}/release", json=one) for one in sent))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await polled(hub.client)) == 1


async def test_a_deleted_event_is_gone_for_good(hub):
    held = await quarantine(hub.client)
    assert (await hub.client.delete(f"{INBOX}/{held}")).status_code == 204
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/release")):
        body = {"payload": {}} if method in {"PATCH", "POST"} else None
        answer = await hub.client.request(method, f"{INBOX}/{held}{path}", json=body)
        assert (answer.status_code, held in answer.json()["detail"]) == (404, True)
    assert await waiting(hub.client) == await polled(hub.client) == []


async def test_everything_that_is_valid_by_now_is_released_oldest_first(hub):
    ids = [await quarantine(hub.client, invoice(f"{n}")) for n in range(6)]
    for number, held in enumerate(ids):
        if number % 2:
            await mend(hub.client, held, number)
    answer = await hub.client.post(f"{INBOX}/release", json={"type": "invoice.created"})
    assert (answer.status_code, answer.json()) == (200, {"released": 3, "invalid": 3, "next_cursor": None})
    assert [event["payload"]["amount"] for event in await polled(hub.client)] == [1, 3, 5]
    assert [one["id"] for one in await waiting(hub.client)] == [ids[4], ids[2], ids[0]]


async def test_a_release_of_all_goes_on_where_one_call_ended(hub, monkeypatch):
    monkeypatch.setattr(inbox, "MAX_LOOKED_AT", 2)
    monkeypatch.setattr(inbox, "_PAGE", 2)
    for n in range(5):
        held = await quarantine(hub.client, invoice(f"{n}"))
        if n > 1:
            await mend(hub.client, held, n)
    found, cursor = [], None
    while not found or cursor:
        sent = {"type": "invoice.created"} | ({"cursor": cursor} if cursor else {})
        counts = (await hub.client.post(f"{INBOX}/release", json=sent)).json()
        cursor = counts.pop("next_cursor")
        found.append(tuple(counts.values()))
    assert found == [(0, 2), (2, 0), (1, 0)]
    assert len(await polled(hub.client)) == 3


async def test_releases_of_all_at_once_release_each_event_once(hub):
    for n in range(30):
        held = await quarantine(hub.client, invoice(f"{n}"))
        await mend(hub.client, held, n)
    sent = {"type": "invoice.created"}
    answers = await asyncio.gather(*(hub.client.post(f"{INBOX}/release", json=sent) for _ in range(4)))
    assert sum(answer.json()["released"] for answer in answers) == 30
    assert sorted(event["payload"]["amount"] for event in await polled(hub.client)) == [*range(30)]


async def test_what_waits_is_released_after_its_schema_was_changed(sqlite_database_url, make_hub, tmp_path):
    def settings(amount: str) -> dict[str, str]:
        folder = tmp_path / f"schemas-{amount}"
        (folder / "events").mkdir(parents=True)
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Order placed",
            "description": "An order was placed.",
            "type": "object",
            "properties": {"amount": {"type": amount, "description": "what it costs"}},
            "examples": [{"amount": 5 if amount == "number" else "5"}],
        }
        (folder / "events" / "order.placed.json").write_text(json.dumps(schema))
        return {"product.schemas": str(folder), "validation.types": '{"order.placed": "quarantine"}'}

    strict = await make_hub(sqlite_database_url, settings("number"), dispatch=False)
    event = {"type": "order.placed", "payload": {"amount": "9.90"}}
    first = await post(strict.client, event, "k")
    assert first.status_code == 202
    mended = await make_hub(sqlite_database_url, settings("string"), dispatch=False)
    client = await mended.client_of(92)
    (shown,) = await waiting(client)
    assert shown["errors"] == []
    assert (await post(strict.client, event, "k")).content == first.content
    counts = (await client.post(f"{INBOX}/release", json={"type": "order.placed"})).json()
    assert counts == {"released": 1, "invalid": 0, "next_cursor": None}
    assert [one["payload"] for one in await polled(client)] == [event["payload"]]
    assert (await post(strict.client, event, "k")).status_code == 200


async def test_an_event_whose_type_is_no_more_can_be_seen_and_deleted_but_not_released(hub):
    held = await quarantine(hub.client)
    await execute(hub.hub.engines, "UPDATE quarantine SET type = 'invoice.gone' WHERE id = :id", id=held)
    assert [error["path"] for error in (await waiting(hub.client))[0]["errors"]] == ["/type"]
    assert paths(await hub.client.post(f"{INBOX}/{held}/release")) == ["/type"]
    assert (await hub.client.delete(f"{INBOX}/{held}")).status_code == 204


BAD_BODIES = [
    (b"[]", [""]),
    (b"{}", ["/payload"]),
    (b'{"payload":[]}', ["/payload"]),
    (b'{"payload":{},"extra":1}', ["/extra"]),
    (b'{"payload":{"a":1,"a":2}}', [""]),
    (b"{", [""]),
]


async def test_a_body_that_is_no_payload_is_refused_and_named(lite):
    held = await quarantine(lite.client)
    for body, wrong in BAD_BODIES:
        patched = await lite.client.patch(f"{INBOX}/{held}", content=body)
        released = await lite.client.post(f"{INBOX}/{held}/release", content=body)
        assert (patched.status_code, paths(patched)) == (422, wrong), body
        assert (released.status_code, paths(released)) == (422, wrong), body
    assert paths(await lite.client.patch(f"{INBOX}/{held}", content=b"")) == [""]
    large = {"payload": {"amount": "x" * 262_144}}
    assert (await lite.client.patch(f"{INBOX}/{held}", json=large)).status_code == 413
    unknown = await lite.client.post(f"{INBOX}/release", json={"type": "no.such"})
    assert (unknown.status_code, paths(unknown)) == (422, ["/type"])


async def test_a_payload_that_would_make_the_event_too_large_is_refused(lite):
    held = await quarantine(lite.client, {**BROKEN, "metadata": {"filler": "x" * 200_000}})
    large = {"payload": {**invoice()["payload"], "description": "y" * 100_000}}
    assert (await lite.client.patch(f"{INBOX}/{held}", json=large)).status_code == 413
    assert (await lite.client.post(f"{INBOX}/{held}/release", json=large)).status_code == 413


async def test_a_company_sees_and_changes_its_own_only(hub):
    held = await quarantine(hub.client)
    other = await hub.client_of(hub.neighbour_id)
    assert await waiting(other) == []
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/release")):
        body = {"payload": invoice()["payload"]} if method in {"PATCH", "POST"} else None
        assert (await other.request(method, f"{INBOX}/{held}{path}", json=body)).status_code == 404
    await mend(hub.client, held)
    counts = (await other.post(f"{INBOX}/release", json={"type": "invoice.created"})).json()
    assert counts["released"] == 0
    assert len(await waiting(hub.client)) == 1


async def test_an_operator_sees_and_changes_everybodys(database_url, make_hub):
    hub = await make_hub(database_url, MODES, dispatch=False)
    await quarantine(hub.client)
    mine = await quarantine(await hub.client_of(hub.neighbour_id))
    assert [one["company_id"] for one in await waiting(hub.operator)] == [hub.neighbour_id, hub.company_id]
    named = await hub.operator.get(INBOX, headers={"X-Company-Id": str(hub.company_id)})
    assert [one["company_id"] for one in named.json()["quarantined"]] == [hub.company_id]
    for one in await waiting(hub.operator):
        await mend(hub.operator, one["id"])
    answer = await hub.operator.post(f"{INBOX}/{mine}/release")
    assert (answer.status_code, answer.json()["companyId"]) == (201, hub.neighbour_id)
    counts = (await hub.operator.post(f"{INBOX}/release", json={"type": "invoice.created"})).json()
    assert counts["released"] == 1
    assert len(await polled(hub.client)) == 1


async def test_whoever_only_sends_events_reads_nothing_that_is_quarantined(lite):
    sender = await lite.client_of(lite.company_id, ["events:write", "admin"])
    waits = await quarantine(sender)
    for path in ("", f"/{waits}"):
        answer = await sender.get(INBOX + path)
        assert (answer.status_code, "'events:read'" in answer.json()["detail"]) == (403, True)
    reader = await lite.client_of(lite.company_id, ["events:read"])
    assert (await reader.get(f"{INBOX}/{waits}")).json()["payload"] == BROKEN["payload"]
    assert waits in [one["id"] for one in await waiting(reader)]


async def test_an_event_of_a_type_that_is_only_warned_of_is_accepted_once_with_a_header(hub, caplog):
    before = counted(hub, WARNED, type="payment.failed")
    event = failed("secret value", metadata={"a": 1})
    with caplog.at_level(logging.WARNING, logger="trunkline.ingest.accept"):
        answer, again = [await post(hub.client, event, "k") for _ in range(2)]
    assert (answer.status_code, answer.headers["trunkline-validation"]) == (201, "warned")
    assert (again.status_code, again.content) == (200, answer.content)
    accepted = answer.json()
    assert accepted["payload"] == event["payload"]
    assert await polled(hub.client) == [accepted]
    assert await waiting(hub.client) == []
    assert counted(hub, WARNED, type="payment.failed") == before + 1
    (entry,) = [one for one in caplog.records if one.name == "trunkline.ingest.accept"]
    logged = (entry.event_id, entry.company_id, entry.type, entry.paths)
    assert logged == (accepted["id"], hub.company_id, "payment.failed", ["/payload/amount_attempted"])
    assert "secret value" not in str(vars(entry))


async def test_a_batch_with_an_event_that_is_warned_of_says_so(hub):
    answer = await post_batch(hub.client, failed(), failed("5"))
    assert (answer.status_code, answer.headers["trunkline-validation"]) == (201, "warned")
    assert len(await polled(hub.client)) == 2
    assert "trunkline-validation" not in (await post_batch(hub.client, failed())).headers


async def test_a_quarantined_event_is_logged_with_its_paths_and_without_its_values(hub, caplog):
    with caplog.at_level(logging.WARNING, logger="trunkline.ingest.accept"):
        held = await quarantine(hub.client, invoice("secret value"))
    (entry,) = [one for one in caplog.records if one.name == "trunkline.ingest.accept"]
    assert (entry.quarantine_id, entry.paths) == (held, PATHS)
    assert "secret value" not in str(vars(entry))


async def test_long_payloads_are_judged_a_few_for_each_page_and_none_is_missed(lite, monkeypatch):
    monkeypatch.setattr(inbox, "LARGE_BYTES", 10)
    monkeypatch.setattr(inbox, "PAGE_BYTES", 250)
    client = await lite.client_of(lite.neighbour_id)
    made = [await quarantine(client) for _ in range(7)]
    seen, query = [], {"limit": 5}
    while True:
        page = (await client.get(INBOX, params=query)).json()
        assert 1 <= len(page["quarantined"]) < 5
        seen += [one["id"] for one in page["quarantined"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made[::-1]
    for one in made[::2]:
        await mend(client, one)
    counts = (await client.post(f"{INBOX}/release", json={"type": "invoice.created"})).json()
    assert counts == {"released": 4, "invalid": 3, "next_cursor": None}
    assert len(await polled(client)) == 4
