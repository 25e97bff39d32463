"""Events over HTTP, from the received body to the answer."""

import asyncio
import json

import pytest
from tests.answers import json_of, paths
from tests.core.api.invoices import PAID, invoice, polled
from tests.statements import execute

EXACT = (
    b'{"invoice_id":1,"client_id":2,"amount":%s,"due_date":"2026-02-01","invoice_status":"Paid",'
    b'"description":"caf\\u00e9 \\/ \\ud83d\\ude00"}'
)


async def test_an_accepted_event_is_answered_with_its_envelope(api):
    sent = {"metadata": {"source": "web_portal", "user_id": 7}, "createdUtc": "2026-01-28T10:30:00Z"}
    answer = await api.client.post("/api/v1/events", json=invoice(**sent))

    envelope = json_of(answer, 201)
    assert answer.headers["content-type"] == "application/json"
    assert list(envelope) == ["id", "type", "createdUtc", "companyId", "payload", "metadata"]
    assert isinstance(envelope["id"], int)
    assert envelope == invoice(**sent, id=envelope["id"], companyId=api.company_id)


@pytest.mark.parametrize("metadata", [{}, None, "left out"])
async def test_metadata_is_absent_when_empty(api, metadata):
    event = invoice() if metadata == "left out" else invoice(metadata=metadata)
    assert "metadata" not in json_of(await api.client.post("/api/v1/events", json=event), 201)


async def test_an_event_without_a_time_gets_the_present_one_with_z(api):
    created = (await api.client.post("/api/v1/events", json=invoice())).json()["createdUtc"]
    assert created.endswith("Z")
    assert created[:4].isdigit()


async def test_a_time_with_an_offset_is_turned_into_z(api):
    for given, kept in (
        ("2026-01-28T10:30:00Z", "2026-01-28T10:30:00Z"),
        ("2026-01-28T12:30:00+02:00", "2026-01-28T10:30:00Z"),
        ("2025-12-31T22:30:00.120-05:30", "2026-01-01T04:00:00.120Z"),
        ("2026-01-28t10:30:00.123456789z", "2026-01-28T10:30:00.123456789Z"),
    ):
        answer = await api.client.post("/api/v1/events", json=invoice(createdUtc=given))
        assert answer.json()["createdUtc"] == kept


async def test_a_time_that_is_none_is_refused_at_its_path(api):
    incomplete = ["2026-01-28", "2026-01-28T10:30:00", "yesterday", 1769596200, ""]
    for given in (*incomplete, "2026-02-30T10:30:00Z", "0001-01-01T00:00:00+14:00"):
        answer = await api.client.post("/api/v1/events", json=invoice(createdUtc=given))
        assert (answer.status_code, paths(answer)) == (422, ["/createdUtc"])


async def test_ids_grow_in_stream_order(api):
    ids = [(await api.client.post("/api/v1/events", json=invoice())).json()["id"] for _ in range(3)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    "amount",
    ["99.00", "1e2", "-0.0", "123456789012345678901234567890", "0.1000000000000000055511151231257827"],
)
async def test_every_channel_shows_the_same_bytes_as_came_in(running, receiver, amount):
    await running.subscribe(receiver.url)
    payload = EXACT % amount.encode()
    sent = b'{"type": "invoice.created", "payload": ' + payload.replace(b",", b" ,\n ") + b"}"
    accepted = await running.client.post("/api/v1/events", content=sent)
    body = accepted.content

    assert accepted.status_code == 201
    assert b'"payload":' + payload in body
    (pushed,) = await receiver.wait_for(1)
    assert pushed.body == body
    assert (await running.client.get(f"/api/v1/events/{accepted.json()['id']}")).content == body
    page = (await running.client.get("/api/v1/events")).content
    assert page.startswith(b'{"events":[' + body + b'],"next_cursor":"')
    sample = await running.client.get("/api/v1/events/sample?type=invoice.created")
    assert sample.content == b"[" + body + b"]"


async def test_each_of_the_ten_types_is_accepted_with_its_example(api):
    listed = (await api.client.get("/api/v1/event-types")).json()["event_types"]
    types = [kind for kind in listed if not kind["operational"]]
    for kind in types:
        event = {"type": kind["type"], "payload": kind["example"]}
        accepted = json_of(await api.client.post("/api/v1/events", json=event), 201)
        assert accepted["payload"] == kind["example"]
    assert len(types) == 10


FAULTS = [
    ({"payload": {}}, ["/type"]),
    ({"type": "invoice.created"}, ["/payload"]),
    ({}, ["/type", "/payload"]),
    ({"type": "no.such", "payload": {}}, ["/type"]),
    ({"type": "Invoice.Created", "payload": {}}, ["/type"]),
    ({"type": "subscription.failing", "payload": {}}, ["/type"]),  # the hub alone makes it
    ({"type": 5, "payload": []}, ["/type", "/payload"]),
    (invoice("99"), ["/payload/amount"]),
    ({"type": "invoice.created", "payload": {**PAID, "amuont": 5}}, ["/payload/amount", "/payload/amuont"]),
    (invoice(metadata=[]), ["/metadata"]),
    (invoice(companyId="92"), ["/companyId"]),
    (invoice(companyId=True), ["/companyId"]),
    (invoice(companyId=0), ["/companyId"]),
    (invoice(company_id=92), ["/company_id"]),
    (invoice(id=1, metadata=7), ["/id", "/metadata"]),
]


async def test_each_fault_of_an_event_is_named_at_its_path_and_nothing_is_stored(api):
    for event, wrong in FAULTS:
        answer = await api.client.post("/api/v1/events", json=event)
        assert (answer.status_code, sorted(paths(answer))) == (422, sorted(wrong))
        assert await polled(api.client) == []


NO_JSON = (
    b"",
    b"[]",
    b'"text"',
    b"null",
    b'{"type":"invoice.created","payload":{},"metadata":{"a":NaN}}',
    b'{"type":"invoice.created","payload":{},"metadata":{"a":"\\u0000"}}',
    b'{"type":"invoice.created","payload":{},"payload":{}}',
    b'{"type":"invoice.created","payload":{},"metadata":' + b'{"a":' * 64 + b"1" + b"}" * 64 + b"}",
)


async def test_a_body_that_is_not_plain_json_is_refused(api):
    for body in NO_JSON:
        for call, sent in (("/api/v1/events", body), ("/api/v1/events/batch", b'{"events":[' + body + b"]}")):
            answer = await api.client.post(call, content=sent)
            assert answer.status_code == 422, (call, body)
            assert answer.json()["detail"]
    assert await polled(api.client) == []


async def test_nesting_of_64_levels_is_accepted(api):
    event = invoice()
    for _ in range(63):
        event["metadata"] = {"a": event.get("metadata", 1)}
    assert (await api.client.post("/api/v1/events", json=event)).status_code == 201


async def test_a_body_over_256_kib_is_too_large_and_one_of_that_size_is_not(api):
    exact = json.dumps(invoice(metadata={"filler": ""})).encode()
    full = exact.replace(b'"filler": "', b'"filler": "' + b"x" * (262_144 - len(exact)))

    assert (await api.client.post("/api/v1/events", content=full)).status_code == 201
    assert "262144" in json_of(await api.client.post("/api/v1/events", content=full + b" "), 413)["detail"]

    async def chunks():
        yield full
        yield b" "

    assert (await api.client.post("/api/v1/events", content=chunks())).status_code == 413


async def test_a_company_key_may_name_its_own_company_and_no_other(api):
    own = await api.client.post("/api/v1/events", json=invoice(companyId=api.company_id))
    other = await api.client.post("/api/v1/events", json=invoice(companyId=93))
    header = await api.client.post("/api/v1/events", json=invoice(), headers={"X-Company-Id": "93"})
    assert [answer.status_code for answer in (own, other, header)] == [201, 403, 403]
    assert paths(other) == ["/companyId"]
    batch = {"events": [invoice(), invoice(companyId=93)]}
    assert paths(await api.client.post("/api/v1/events/batch", json=batch)) == ["/events/1/companyId"]
    assert len(await polled(api.client)) == 1


async def test_an_operator_names_the_company_in_the_body_or_in_the_header(api):
    named, headers = invoice(companyId=501), {"X-Company-Id": "502"}
    body = await api.operator.post("/api/v1/events", json=named)
    header = await api.operator.post("/api/v1/events", json=invoice(), headers=headers)
    neither = await api.operator.post("/api/v1/events", json=invoice())
    both = await api.operator.post("/api/v1/events", json=named, headers=headers)

    assert (body.json()["companyId"], header.json()["companyId"]) == (501, 502)
    assert neither.status_code == 400
    assert neither.json()["detail"] == (
        "The header X-Company-Id is required, as this key is of no company: "
        "name it in this header, or as companyId in the body."
    )
    assert paths(neither) == ["X-Company-Id", "/companyId"]
    assert (both.status_code, paths(both)) == (422, ["/companyId"])


async def test_a_batch_is_stored_in_its_order_and_answered_with_its_envelopes(running):
    batch = {"events": [invoice(n) for n in range(5)]}
    events = json_of(await running.client.post("/api/v1/events/batch", json=batch), 201)["events"]
    assert [event["payload"]["amount"] for event in events] == [0, 1, 2, 3, 4]
    assert await polled(running.client) == events


async def test_one_bad_event_of_a_batch_keeps_all_of_it_out_and_each_fault_is_named(running):
    events = [invoice(), invoice("x"), {"type": "no.such", "payload": {}}, 7]
    answer = await running.client.post("/api/v1/events/batch", json={"events": events})
    assert (answer.status_code, paths(answer)) == (422, ["/events/3"])

    events[3] = invoice(extra=1)
    answer = await running.client.post("/api/v1/events/batch", json={"events": events})
    assert answer.status_code == 422
    assert paths(answer) == ["/events/1/payload/amount", "/events/2/type", "/events/3/extra"]
    assert await polled(running.client) == []


async def test_a_refusal_names_the_value_that_it_refuses(api):
    unknown = "is not a known event type: "
    for path, value, sentence in (
        ("/type", "no.such", f"{unknown}'no.such'; known are affiliate.created, "),
        ("/type", "invoice.craeted", f"{unknown}'invoice.craeted'; known are affiliate.created, "),
        ("/type", "x" * 100, f"{unknown}'{'x' * 59}…'; known are "),
        ("/version", 9, "is not a version of invoice.created; the versions there are: 1, not '9'"),
        ("/companyId", -4, "must be a positive whole number, or a company's reference, not '-4'"),
        ("/createdUtc", "noon", "must be an ISO 8601 time with an offset, such as 2026-01-28T10:30:00Z, not 'noon'"),
    ):  # fmt: skip
        answer = await api.client.post("/api/v1/events", json={**invoice(), path[1:]: value})
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["path"]) == (422, path)
        assert error["message"].startswith(sentence), error
    answer = await api.client.post("/api/v1/events", json={**invoice(), "type": "invoice.craeted"})
    assert answer.json()["errors"][0]["message"].endswith("; did you mean 'invoice.created'?")
    assert answer.json()["detail"].endswith("; did you mean 'invoice.created'?")
    answer = await api.client.post("/api/v1/events", json=invoice(company_id=92))
    assert answer.json()["errors"][0]["message"].endswith("; write 'companyId'")
    huge = b'{"type": "invoice.created", "payload": {}, "companyId": -1' + b"0" * 5000 + b"}"
    assert (await api.client.post("/api/v1/events", content=huge)).status_code == 422


async def test_what_is_no_batch_is_refused(api):
    for body, wrong in (
        ([], [""]),
        ({}, ["/events"]),
        ({"events": []}, ["/events"]),
        ({"events": {}}, ["/events"]),
        ({"events": [{}] * 1001}, ["/events"]),
        ({"events": [{}], "dry": True}, ["/dry"]),
    ):
        answer = await api.client.post("/api/v1/events/batch", json=body)
        assert (answer.status_code, paths(answer)) == (422, wrong)


async def test_a_batch_of_a_thousand_is_accepted(running):
    batch = {"events": [invoice(n) for n in range(1000)]}
    answer = json_of(await running.client.post("/api/v1/events/batch", json=batch), 201)
    ids = [event["id"] for event in answer["events"]]
    assert ids == list(range(ids[0], ids[0] + 1000))


async def test_an_item_of_a_batch_over_the_limit_of_one_event_is_named(api):
    large = invoice(metadata={"filler": "x" * 262_144})
    answer = await api.client.post("/api/v1/events/batch", json={"events": [invoice(), large]})
    assert (answer.status_code, paths(answer)) == (422, ["/events/1"])


async def test_a_batch_over_16_mib_is_too_large(api):
    answer = await api.client.post("/api/v1/events/batch", content=b" " * (16 * 1024 * 1024 + 1))
    assert answer.status_code == 413


async def test_an_operators_batch_may_name_several_companies(api):
    mine, other = api.company_id, api.neighbour_id
    events = [invoice(1, companyId=mine), invoice(2, companyId=other), invoice(3, companyId=mine)]
    answer = await api.operator.post("/api/v1/events/batch", json={"events": events})
    assert [event["companyId"] for event in answer.json()["events"]] == [mine, other, mine]
    assert [event["payload"]["amount"] for event in await polled(api.client)] == [1, 3]


async def test_an_operators_batch_that_contradicts_its_header_is_refused_at_the_item(api):
    batch = {"events": [invoice(companyId=501), invoice(companyId=502)]}
    answer = await api.operator.post("/api/v1/events/batch", json=batch, headers={"X-Company-Id": "501"})
    assert (answer.status_code, paths(answer)) == (422, ["/events/1/companyId"])


async def test_a_repeated_key_gives_the_first_answer_and_no_second_event(running):
    sent = {"json": invoice(createdUtc="2026-01-28T12:30:00+02:00"), "headers": {"Idempotency-Key": "k-1"}}
    first = await running.client.post("/api/v1/events", **sent)
    again = await running.client.post("/api/v1/events", **sent)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert len(await polled(running.client)) == 1


async def test_sixty_four_requests_at_once_with_one_key_make_one_event(running):
    sent = {"json": invoice(), "headers": {"Idempotency-Key": "k-1"}}
    answers = await asyncio.gather(*(running.client.post("/api/v1/events", **sent) for _ in range(64)))

    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert len(await polled(running.client)) == 1


async def test_requests_at_once_with_one_key_and_different_bodies_make_one_event(running):
    key = {"Idempotency-Key": "k-1"}
    posts = [running.client.post("/api/v1/events", json=invoice(n), headers=key) for n in range(8)]
    answers = await asyncio.gather(*posts)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(await polled(running.client)) == 1


async def test_a_key_that_comes_with_another_body_is_a_conflict(running):
    headers = {"Idempotency-Key": "k-1"}
    await running.client.post("/api/v1/events", json=invoice(1), headers=headers)
    other = await running.client.post("/api/v1/events", json=invoice(2), headers=headers)
    batch = await running.client.post("/api/v1/events/batch", json={"events": [invoice(1)]}, headers=headers)

    assert (other.status_code, batch.status_code) == (409, 409)
    assert "k-1" in other.json()["detail"]
    assert len(await polled(running.client)) == 1


async def test_white_space_does_not_make_another_body_but_digits_do(api):
    body = json.dumps(invoice(99)).encode()
    headers = {"Idempotency-Key": "k-1"}
    statuses = [
        (await api.client.post("/api/v1/events", content=content, headers=headers)).status_code
        for content in (body, body.replace(b" ", b"\n  "), body.replace(b"99", b"99.0"))
    ]
    assert statuses == [201, 200, 409]


async def test_a_batch_is_repeated_as_a_whole(running):
    sent = {"json": {"events": [invoice(1), invoice(2)]}, "headers": {"Idempotency-Key": "k-1"}}
    first = await running.client.post("/api/v1/events/batch", **sent)
    again = await running.client.post("/api/v1/events/batch", **sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert len(await polled(running.client)) == 2


@pytest.mark.slow
async def test_many_large_batches_are_repeated_at_once(running):
    events = {"events": [invoice(n) for n in range(1000)]}
    # 34,000 events: more than a statement may have parameters
    keys = [{"Idempotency-Key": f"k-{n}"} for n in range(34)]

    async def send_all() -> list[int]:
        posts = [running.client.post("/api/v1/events/batch", json=events, headers=key) for key in keys]
        return [answer.status_code for answer in await asyncio.gather(*posts)]

    await running.client.post("/api/v1/events/batch", json=events, headers=keys[0])
    assert await send_all() == [200] + [201] * 33
    assert await send_all() == [200] * 34


async def age_keys(running, hours: float) -> None:
    sooner = "UPDATE idempotency_keys SET created_ms = created_ms - :ms"
    await execute(running.hub.engines, sooner, ms=int(hours * 3_600_000))


async def test_a_key_lives_for_a_day(running):
    sent = {"json": invoice(), "headers": {"Idempotency-Key": "k-1"}}
    first = await running.client.post("/api/v1/events", **sent)

    await age_keys(running, 23.9)
    assert (await running.client.post("/api/v1/events", **sent)).status_code == 200
    await age_keys(running, 0.2)
    fresh = await running.client.post("/api/v1/events", **sent)
    assert fresh.status_code == 201
    assert fresh.json()["id"] > first.json()["id"]
    again = await running.client.post("/api/v1/events", **sent)
    assert (again.status_code, again.content) == (200, fresh.content)


async def test_a_key_lives_for_as_long_as_the_setting_says(database_url, make_hub):
    running = await make_hub(database_url, {"events.idempotency_hours": 720}, dispatch=False)
    sent = {"json": invoice(), "headers": {"Idempotency-Key": "k-1"}}
    first = await running.client.post("/api/v1/events", **sent)
    await age_keys(running, 700)
    await running.hub.retention.run_once()
    again = await running.client.post("/api/v1/events", **sent)
    assert (again.status_code, again.content) == (200, first.content)


async def test_a_key_is_its_companys_own(api):
    sent = {"json": invoice(), "headers": {"Idempotency-Key": "k-1"}}
    other = await api.client_of(api.neighbour_id)
    answers = [await client.post("/api/v1/events", **sent) for client in (api.client, other, api.client)]
    assert [(answer.status_code, answer.json()["companyId"]) for answer in answers] == [
        (201, api.company_id),
        (201, api.neighbour_id),
        (200, api.company_id),
    ]


async def test_an_operators_key_does_not_answer_for_another_company(api):
    statuses = []
    for company in ("501", "502"):
        headers = {"Idempotency-Key": "k-1", "X-Company-Id": company}
        answer = await api.operator.post("/api/v1/events", json=invoice(), headers=headers)
        statuses.append(answer.status_code)
    assert statuses == [201, 409]


@pytest.mark.parametrize("key", ["k" * 256, "tab\there"])
async def test_a_key_that_cannot_be_kept_is_refused(api, key):
    answer = await api.client.post("/api/v1/events", json=invoice(), headers={"Idempotency-Key": key})
    assert (answer.status_code, paths(answer)) == (400, ["Idempotency-Key"])
    assert await polled(api.client) == []


async def test_a_refused_event_leaves_its_key_unused(api):
    headers = {"Idempotency-Key": "k-1"}
    assert (await api.client.post("/api/v1/events", json=invoice("x"), headers=headers)).status_code == 422
    assert (await api.client.post("/api/v1/events", json=invoice(), headers=headers)).status_code == 201


async def test_a_test_event_is_stored_delivered_and_marked(running, receiver):
    await running.subscribe(receiver.url, event_types=["client.created"])
    answer = await running.client.post("/api/v1/events/test", json={"type": "client.created"})
    kind = (await running.client.get("/api/v1/event-types/client.created")).json()

    event = json_of(answer, 201)
    assert (event["metadata"], event["payload"]) == ({"source": "test"}, kind["example"])
    (pushed,) = await receiver.wait_for(1)
    assert pushed.body == answer.content
    assert await polled(running.client) == [event]


async def test_a_test_event_of_no_known_type_is_refused(api):
    for body, wrong in (
        ({"type": "no.such"}, ["/type"]),
        ({}, ["/type"]),
        ({"type": "client.created", "x": 1}, ["/x"]),
        ({"type": 5}, ["/type"]),
    ):
        answer = await api.client.post("/api/v1/events/test", json=body)
        assert (answer.status_code, paths(answer)) == (422, wrong)


async def test_event_types_are_listed_with_their_examples(api):
    any_key = await api.client_of(api.company_id, ["integrations:read"])
    listed = (await any_key.get("/api/v1/event-types")).json()["event_types"]
    own = [kind["type"] for kind in listed if not kind["operational"]]
    assert [kind["type"] for kind in listed[: len(own)]] == sorted(own)
    first = next(kind for kind in listed if kind["type"] == "client.created")
    texts = {name: first[name] for name in ("description", "example")}
    assert first == texts | {
        "type": "client.created",
        "title": "New Client Created",
        "version": 1,
        "schema_url": "/schemas/events/client.created.json",
        "deprecated": False,
        "operational": False,
    }


async def test_one_event_type_is_shown_with_its_schema_in_any_case(api):
    shown = (await api.client.get("/api/v1/event-types/Client.CREATED")).json()
    schema = (await api.anonymous.get("/schemas/events/client.created.json")).json()
    assert (shown["type"], shown["schema"]) == ("client.created", schema)
    assert (await api.client.get("/api/v1/event-types/no.such")).status_code == 404


async def test_a_schema_is_public_and_has_an_etag(api):
    url = "/schemas/events/client.created.json"
    first = await api.anonymous.get(url)
    etag = first.headers["etag"]

    assert first.status_code == 200
    assert first.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = await api.anonymous.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await api.anonymous.get(url, headers={"If-None-Match": '"other"'})).status_code == 200
    other = await api.anonymous.get("/schemas/events/lead.created.json")
    assert other.headers["etag"] != etag


def closes(value) -> bool:
    """Whether any schema in *value* refuses unknown fields."""
    if isinstance(value, dict):
        return value.get("additionalProperties") is False or any(map(closes, value.values()))
    return isinstance(value, list) and any(map(closes, value))


def pushed(document):
    schemas = document["components"]["schemas"]
    return {name: schema for name, schema in schemas.items() if name.endswith("Payload")}


async def test_published_schemas_allow_for_fields_that_are_added_and_what_comes_in_is_judged_strictly(api):
    name = "invoice.created"
    schema = (await api.anonymous.get(f"/schemas/events/{name}.json")).json()
    assert "Fields may be added" in schema["$comment"]
    documents = [
        schema,
        (await api.client.get(f"/api/v1/event-types/{name}")).json(),
        pushed((await api.anonymous.get("/openapi.json")).json()),
        (await api.anonymous.get("/asyncapi.json")).json()["components"]["schemas"],
        *(kind.schema for kind in api.hub.streaming.types()),
        *(kind.schema for kind in api.hub.streaming.types(versions={})),
        *(kind.schema for kind in api.hub.deployment.product().event_types),
    ]
    assert not any(map(closes, documents))
    refused = invoice()
    refused["payload"]["brand_new"] = 1
    answer = await api.client.post("/api/v1/events", json=refused)
    assert (answer.status_code, paths(answer)) == (422, ["/payload/brand_new"])


async def test_a_deployment_may_publish_its_schemas_as_they_are_written(sqlite_database_url, make_hub):
    running = await make_hub(sqlite_database_url, {"events.published_schemas": "strict"}, dispatch=False)
    answer = await running.anonymous.get("/schemas/events/client.created.json")
    assert answer.content == running.hub.catalog.get("client.created").schema_json
    assert closes(pushed((await running.anonymous.get("/openapi.json")).json()))


async def test_the_schema_of_no_type_is_not_found(api):
    answer = await api.anonymous.get("/schemas/events/no.such.json")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_query_parameter_that_no_public_route_has_is_named(api):
    for path in (
        "/schemas/events/client.created.json",
        "/openapi.json",
        "/asyncapi.json",
        "/docs",
        "/healthz",
    ):
        answer = await api.anonymous.get(f"{path}?bogus=1")
        assert (answer.status_code, paths(answer)) == (400, ["bogus"]), path
