"""One form of the whole API: keys of repeated requests, addresses of created records, answers without a body, media types."""

import asyncio

import pytest
from tests.answers import json_of
from tests.some import some
from tests.statements import count, execute

from trunkline.store.operation_keys import Key

SUBSCRIPTIONS = "/api/v1/webhooks/subscriptions"
SUBSCRIPTION = {"target_url": "https://example.com/once", "event_types": ["*"]}
MAKING = (
    (SUBSCRIPTIONS, SUBSCRIPTION, 201),
    ("/api/v1/subscriptions", {"channel": "webhooks", **SUBSCRIPTION}, 201),
    ("/api/v1/zapier/hooks", SUBSCRIPTION, 201),
    ("/api/v1/events/test", {"type": "client.created"}, 201),
    ("/api/v1/integrations/employees", {"full_name": "Maria Lopez"}, 201),
)
OPERATING = (
    ("/api/v1/companies", {"name": "Acme"}, 201),
    ("/api/v1/keys", {"company_id": 92, "name": "once", "scopes": ["events:read"]}, 201),
    ("/api/v1/oauth/apps", {"name": "App", "redirect_uris": ["https://app.example.com/cb"]}, 201),
    ("/api/v1/portal/links", {"company_id": 92}, 201),
)


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


@pytest.mark.parametrize(("path", "body", "status"), [*MAKING, *OPERATING])
async def test_a_repeated_request_gets_the_first_answer(running, path, body, status):
    client = running.operator if (path, body, status) in OPERATING else running.client
    first, second = [await client.post(path, json=body, headers=keyed("a" + path)) for _ in range(2)]
    assert first.status_code == status, first.text
    assert (second.status_code, second.content) == (status, first.content)
    assert second.headers.get("location") == first.headers.get("location")
    other = await client.post(path, json=body | {"name": "other"}, headers=keyed("a" + path))
    assert (other.status_code, other.json()["type"]) == (409, "urn:trunkline:problem:idempotency-conflict")


async def test_requests_at_once_with_one_key_make_one_subscription(running):
    body = SUBSCRIPTION | {"description": "at once"}
    calls = [running.client.post(SUBSCRIPTIONS, json=body, headers=keyed("at-once")) for _ in range(5)]
    answers = await asyncio.gather(*calls)
    assert len({answer.json()["id"] for answer in answers}) == 1
    views = (await running.client.get(SUBSCRIPTIONS)).json()["subscriptions"]
    assert [view["description"] for view in views].count("at once") == 1


async def test_a_refused_request_does_not_use_its_key_up(api):
    for types, status in (["no.such"], 422), (["*"], 201):
        body = SUBSCRIPTION | {"event_types": types}
        answer = await api.client.post(SUBSCRIPTIONS, json=body, headers=keyed("again"))
        assert answer.status_code == status


async def test_the_stored_answer_shows_no_secret(running):
    made = await running.client.post(SUBSCRIPTIONS, json=SUBSCRIPTION, headers=keyed("sealed"))
    secret = made.json()["secret"].encode()
    async with running.hub.engines.read() as connection:
        bodies = await connection.exec_driver_sql("SELECT body FROM operation_keys WHERE body IS NOT NULL")
        for (body,) in some(bodies):
            assert secret not in bytes(body)


async def test_a_request_that_was_cut_off_is_not_repeated(running):
    await running.client.post(SUBSCRIPTIONS, json=SUBSCRIPTION, headers=keyed("cut"))
    cut = "status = NULL, body = NULL, holder = 'gone', lease_until_ms = 1"
    await execute(running.hub.engines, f"UPDATE operation_keys SET {cut} WHERE key = 'cut'")
    answer = json_of(await running.client.post(SUBSCRIPTIONS, json=SUBSCRIPTION, headers=keyed("cut")), 409)
    assert "cut off before its answer was stored" in answer["detail"]


async def test_a_cancelled_request_keeps_its_key_as_its_change_may_be_made(running):
    async def act():
        raise asyncio.CancelledError

    key = Key(92, "cancelled", bytes(32))
    with pytest.raises(asyncio.CancelledError):
        await running.hub.operations.once(key, act)
    held = "operation_keys WHERE key = 'cancelled' AND status IS NULL"
    assert await count(running.hub.engines, held) == 1


async def test_what_was_made_has_an_address(api):
    event = {"type": "client.created", "payload": api.events("client.created")}
    lead = {"first_name": "Jane", "last_name": "Doe", "email": "located@example.com"}
    for path, body in (
        ("/api/v1/events", event), ("/api/v1/events/test", {"type": "client.created"}), (SUBSCRIPTIONS, SUBSCRIPTION),
        ("/api/v1/zapier/hooks", SUBSCRIPTION), ("/api/v1/integrations/leads", lead),
    ):  # fmt: skip
        made = await api.client.post(path, json=body)
        assert made.status_code == 201, made.text
        assert json_of(await api.client.get(made.headers["location"])).get("id") == made.json().get("id")


async def test_an_answer_without_a_body_has_no_media_type(api):
    made = (await api.client.post(SUBSCRIPTIONS, json=SUBSCRIPTION)).json()
    gone = await api.client.delete(f"{SUBSCRIPTIONS}/{made['id']}")
    assert (gone.status_code, gone.headers.get("content-type")) == (204, None)
    assert (await api.client.delete(f"{SUBSCRIPTIONS}/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/v1/events", "/api/v1/events/batch", SUBSCRIPTIONS, "/api/v1/integrations/leads"]
)
async def test_media_types_and_broken_json_are_judged_alike(api, path):
    text = await api.client.post(path, content=b"{}", headers={"Content-Type": "text/plain"})
    assert (text.status_code, text.headers["content-type"]) == (415, "application/problem+json")
    broken = await api.client.post(path, content=b'{"a"', headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["type"]) == (422, "urn:trunkline:problem:body-invalid")


@pytest.mark.parametrize("base", ["/api/v1/subscriptions", SUBSCRIPTIONS])
async def test_a_subscription_is_changed_only_from_the_state_that_was_read(running, base):
    made = (await running.client.post(SUBSCRIPTIONS, json=SUBSCRIPTION)).json()
    url = f"{base}/{made['id']}"
    read = await running.client.get(url)
    etag = read.headers["etag"]
    known = await running.client.get(url, headers={"If-None-Match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert "content-type" not in known.headers
    changed = await running.client.patch(url, json={"description": "first"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.headers["etag"] == etag) == (200, False)
    late = await running.client.patch(url, json={"description": "second"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["type"]) == (412, "urn:trunkline:problem:precondition-failed")
    assert (await running.client.delete(url, headers={"If-Match": etag})).status_code == 412
    now = await running.client.get(url, headers={"If-None-Match": etag})
    assert (now.json()["description"], now.headers["etag"]) == ("first", changed.headers["etag"])
    assert (await running.client.delete(url, headers={"If-Match": now.headers["etag"]})).status_code == 204


async def test_of_changes_at_once_from_one_state_one_is_done(running):
    made = (await running.client.post(SUBSCRIPTIONS, json=SUBSCRIPTION)).json()
    url = f"{SUBSCRIPTIONS}/{made['id']}"
    etag = (await running.client.get(url)).headers["etag"]
    calls = [
        running.client.patch(url, json={"description": str(n)}, headers={"If-Match": etag}) for n in range(4)
    ]
    assert sorted(answer.status_code for answer in await asyncio.gather(*calls)) == [200, 412, 412, 412]


async def test_a_company_is_changed_only_from_the_state_that_was_read(running):
    made = await running.operator.post("/api/v1/companies", json={"name": "Acme"})
    url = made.headers["location"]
    etag = (await running.operator.get(url)).headers["etag"]
    assert (await running.operator.get(url, headers={"If-None-Match": etag})).status_code == 304
    for status in (200, 412):
        body = {"name": f"Acme {status}"}
        answer = await running.operator.patch(url, json=body, headers={"If-Match": etag})
        assert answer.status_code == status


@pytest.mark.parametrize("kind", ["clients", "leads", "affiliates"])
async def test_a_record_of_an_action_is_changed_only_from_the_state_that_was_read(running, kind):
    person = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}
    made = await running.client.post(f"/api/v1/integrations/{kind}", json=person)
    url = made.headers["location"]
    etag = (await running.client.get(url)).headers["etag"]
    assert (await running.client.get(url, headers={"If-None-Match": etag})).status_code == 304
    known = {"If-Match": etag}
    changes = [running.client.patch(url, json={"last_name": f"Roe {n}"}, headers=known) for n in range(4)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*changes)) == [200, 412, 412, 412]
    late = await running.client.put(url, json={"last_name": "Late"}, headers=known)
    assert (late.status_code, late.json()["type"]) == (412, "urn:trunkline:problem:precondition-failed")
    now = await running.client.get(url)
    assert now.json()["last_name"].startswith("Roe")
    fresh = {"If-Match": now.headers["etag"]}
    assert (await running.client.patch(url, json={"last_name": "Poe"}, headers=fresh)).status_code == 200
    if kind != "affiliates":
        moved = {"new_status": "Lead - Contacted"}
        assert (await running.client.patch(f"{url}/status", json=moved, headers=known)).status_code == 412
    if kind == "clients":
        assert (await running.client.delete(url, headers=known)).status_code == 412
        fresh = (await running.client.get(url)).headers["etag"]
        assert (await running.client.delete(url, headers={"If-Match": fresh})).status_code == 200


async def test_the_document_says_which_actions_take_if_match(api):
    paths = (await api.anonymous.get("/openapi.json")).json()["paths"]
    takes = {
        operation["operationId"]: "412" in operation["responses"]
        for item in paths.values()
        for operation in item.values()
        if "Actions" in operation["tags"]
        and any(parameter.get("name") == "If-Match" for parameter in operation["parameters"])
    }
    updated = ("Affiliate", "Client", "ClientStatus", "Lead", "LeadStatus")
    expected = [f"update{name}{how}" for name in updated for how in ("", "ByPut")]
    assert takes == dict.fromkeys(["archiveClient", *expected], True)


async def test_every_list_takes_a_limit_and_a_cursor_and_gives_the_next_one(api):
    document = (await api.anonymous.get("/openapi.json")).json()
    lists = [
        (path, item["get"])
        for path, item in document["paths"].items()
        if path.startswith("/api/v1")  # except for parts whose form a standard gives
        and item.get("get", {}).get("operationId", "").startswith("list")
    ]
    assert len(lists) > 20
    for path, operation in lists:
        names = {parameter.get("name") for parameter in operation["parameters"]}
        assert {"limit", "cursor"} <= names, f"GET {path} takes no limit or no cursor"
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert "next_cursor" in schema["required"], f"GET {path} gives no next_cursor"


async def test_lists_are_read_to_their_end_page_by_page(running):
    for n in range(3):
        await running.subscribe(f"https://example.com/page/{n}")
    for client, path, name in (
        (running.client, SUBSCRIPTIONS, "subscriptions"), (running.client, "/api/v1/event-types", "event_types"),
        (running.client, "/api/v1/channels", "channels"), (running.client, "/api/v1/actions", "actions"),
        (running.operator, "/api/v1/plugins", "plugins"), (running.operator, "/api/v1/keys", "keys"),
    ):  # fmt: skip
        whole = (await client.get(path)).json()[name]
        assert len(whole) > 2
        read, query = [], {"limit": 2}
        while query.get("cursor", "") is not None:
            page = (await client.get(path, params=query)).json()
            assert len(page[name]) <= 2
            read += page[name]
            query["cursor"] = page["next_cursor"]
        assert read == whole
        assert (await client.get(path, params={"cursor": "nope"})).status_code == 400
