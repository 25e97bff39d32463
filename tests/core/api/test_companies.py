"""Companies as records: made, named by reference everywhere, and deleted with all of their data, on a real hub.

Each test makes its companies; the companies that the hub lends are not used, because a new id follows the largest.
"""

import json

import pytest
from tests.answers import json_of, paths
from tests.core.api.tenants import COMPANIES, HOOKS, NUMBERS, completed, emit, fill, make, reference, rows_of

from trunkline.access.keys import COMPANY_SCOPES
from trunkline.store import tables


async def test_a_company_is_made_shown_listed_and_changed_by_id_and_by_reference(running):
    given = {"time_zone": "Europe/Berlin", "alert_recipients": ["ops@acme.example"]}
    made = await make(running, name="Acme", limits={"keys": 3}, metadata={"plan": "growth"}, **given)
    assert (made["name"], made["own_limits"], made["limits"]["keys"]) == ("Acme", {"keys": 3}, 3)
    for name in (made["id"], made["reference"]):
        assert (await running.operator.get(f"{COMPANIES}/{name}")).json() == made
    listed = await running.operator.get(COMPANIES, params={"reference": made["reference"]})
    assert listed.json() == {"companies": [made], "next_cursor": None}

    changes = {"reference": reference(), "name": None, "limits": {"keys": None, "subscriptions": 7}}
    changed = (await running.operator.patch(f"{COMPANIES}/{made['reference']}", json=changes)).json()
    assert (changed["name"], changed["own_limits"]) == (None, {"subscriptions": 7})
    assert changed["metadata"] == {"plan": "growth"}
    assert (await running.operator.get(f"{COMPANIES}/{made['reference']}")).status_code == 404
    assert (await running.operator.get(f"{COMPANIES}/{changed['reference']}")).json() == changed


@pytest.mark.parametrize("limit", [1, 2])
async def test_pages_of_companies_go_by_id_and_end(running, limit):
    made = [await make(running) for _ in range(3)]
    found, query = [], {"limit": limit}
    while query.get("cursor", "") is not None:
        page = (await running.operator.get(COMPANIES, params=query)).json()
        found += [company["id"] for company in page["companies"]]
        query["cursor"] = page["next_cursor"]
    assert found == sorted(set(found))
    assert {company["id"] for company in made} <= set(found)


async def test_a_reference_has_one_company(running):
    first, second = await make(running), await make(running)
    for taken in ({"reference": first["reference"]}, {"reference": first["reference"].upper()}):
        for answer in (
            await running.operator.post(COMPANIES, json=taken),
            await running.operator.patch(f"{COMPANIES}/{second['id']}", json=taken),
        ):
            assert (answer.status_code, f"'{first['reference']}'" in answer.json()["detail"]) == (409, True)
        own = await running.operator.patch(f"{COMPANIES}/{first['id']}", json=taken)
        assert own.status_code == 200


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"reference": "92"}, "/reference"),
        ({"reference": "a b"}, "/reference"),
        ({"reference": "operator"}, "/reference"),
        ({"reference": "x" * 129}, "/reference"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"limits": {"coffee": 1}}, "/limits/coffee"),
        ({"metadata": {"text": "x" * 9000}}, "/metadata"),
        ({"metadata": {"a": [1, {"b/c": 10**29}]}}, "/metadata/a/1/b~1c"),
        ({"metadata": {"a": -(2**63) - 1}}, "/metadata/a"),
        ({"alert_recipients": ["nobody"]}, "/alert_recipients/0"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_what_a_company_cannot_have_is_named(api, values, path):
    (error,) = json_of(await api.operator.post(COMPANIES, json=values), 422)["errors"]
    assert error["path"] == path
    assert path != "/reference" or f", not '{values['reference'][:59]}" in error["message"]


async def test_how_its_targets_are_treated_is_set_shown_and_taken_back(running):
    address = f"/api/v1/companies/{running.company_id}"
    treatment = {"rate": "50/second", "max_in_flight": 8, "timeout_seconds": 5, "retry": {"for_seconds": 60}}
    answer = await running.operator.patch(address, json={"delivery": treatment})
    assert (answer.status_code, answer.json()["delivery"]) == (200, treatment)
    await running.operator.patch(address, json={"delivery": {"rate": None}})
    assert (await running.operator.get(address)).json()["delivery"] == {**treatment, "rate": None}
    answer = await running.operator.patch(address, json={"delivery": None})
    assert set(answer.json()["delivery"].values()) == {None}


@pytest.mark.parametrize(
    ("treatment", "path"),
    [
        ({"rate": "fast"}, "/delivery/rate"),
        ({"retry": {"schedule_seconds": [-1]}}, "/delivery/retry/schedule_seconds/0"),
        ({"max_in_flight": 0}, "/delivery/max_in_flight"),
        ({"concurrency": 8}, "/delivery/concurrency"),
    ],
)
async def test_how_no_target_can_be_treated_is_named(api, treatment, path):
    answer = await api.operator.patch("/api/v1/companies/93", json={"delivery": treatment})
    assert (answer.status_code, paths(answer)) == (422, [path])


async def test_a_reference_is_taken_wherever_a_company_is_named(running):
    made = await make(running)
    named = made["reference"]
    request = {"company_id": named, "name": "a", "scopes": ["events:read"]}
    key = json_of(await running.operator.post("/api/v1/keys", json=request), 201)
    assert key["company_id"] == made["id"]
    link = await running.operator.post("/api/v1/portal/links", json={"company_id": named})
    assert link.status_code == 201, link.text
    one = await emit(running, named)
    assert (one.status_code, one.json()["companyId"]) == (201, made["id"])
    other = await make(running)
    event = {"type": "client.created", "payload": running.events("client.created")}
    batch = [{**event, "companyId": name} for name in (named, made["id"], other["reference"])]
    answer = json_of(await running.operator.post("/api/v1/events/batch", json={"events": batch}), 201)
    assert [e["companyId"] for e in answer["events"]] == [made["id"], made["id"], other["id"]]
    page = await running.operator.get("/api/v1/events", headers={"X-Company-Id": named})
    assert [e["companyRef"] for e in page.json()["events"]] == [named] * 3
    customer = await running.client_of(made["id"], COMPANY_SCOPES)
    assert (await customer.post("/api/v1/events", json={**event, "companyId": named})).status_code == 201


async def test_an_unknown_reference_is_refused_and_named(running):
    header = await running.operator.get("/api/v1/events", headers={"X-Company-Id": "no-such"})
    assert (header.status_code, "'no-such'" in header.json()["detail"]) == (400, True)
    body = json_of(await emit(running, "no-such"), 422)
    assert body["errors"] == [{"path": "/companyId", "message": "is no company's reference: 'no-such'"}]
    known, new = await make(running), await make(running)
    await emit(running, known["reference"])  # the hub has read this one
    event = {"type": "client.created", "payload": running.events("client.created")}
    batch = [{**event, "companyId": name} for name in (known["reference"], "no-such", new["reference"])]
    answer = await running.operator.post("/api/v1/events/batch", json={"events": batch})
    assert paths(answer) == ["/events/1/companyId"]
    key = {"company_id": "no-such", "name": "a", "scopes": ["events:read"]}
    assert (await running.operator.post("/api/v1/keys", json=key)).status_code == 422
    assert (await running.operator.delete(f"{COMPANIES}/no-such")).status_code == 404


async def test_a_companys_key_cannot_tell_which_references_there_are(running):
    mine, theirs = await make(running), await make(running)
    customer = await running.client_of(mine["id"], COMPANY_SCOPES)
    answers = [
        await customer.get("/api/v1/events", headers={"X-Company-Id": named})
        for named in (theirs["reference"], "no-such", mine["reference"])
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 200]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    event = {"type": "client.created", "payload": running.events("client.created")}
    for named in (theirs["reference"], "no-such"):
        sent = await customer.post("/api/v1/events", json={**event, "companyId": named})
        assert sent.status_code == 403


async def test_the_reference_is_in_the_same_bytes_of_every_channel_and_stays_in_the_event(running, receiver):
    made = await make(running)
    customer = await running.client_of(made["id"], COMPANY_SCOPES)
    hook = {"target_url": receiver.url, "event_types": ["*"]}
    assert (await customer.post(HOOKS, json=hook)).status_code == 201
    sampled = await customer.get("/api/v1/events/sample", params={"type": "client.created"})
    assert sampled.json()[0]["companyRef"] == made["reference"]
    accepted = (await emit(running, made["reference"])).content
    assert f'"companyId":{made["id"]},"companyRef":"{made["reference"]}","payload"' in accepted.decode()
    pushed = await receiver.wait_for(1)
    assert pushed[0].body == accepted
    renamed = reference()
    await running.operator.patch(f"{COMPANIES}/{made['id']}", json={"reference": renamed})
    test = await customer.post("/api/v1/events/test", json={"type": "client.created"})
    assert test.json()["companyRef"] == renamed
    page = await customer.get("/api/v1/events")
    assert accepted in page.content
    assert (await customer.get(f"/api/v1/events/{json.loads(accepted)['id']}")).content == accepted


async def test_deleting_a_company_stops_it_at_once_and_leaves_nothing_of_it(running, receiver):
    made, neighbour = await make(running), await make(running)
    customer = await fill(running, made, receiver.url)
    theirs = await fill(running, neighbour, receiver.url)
    await receiver.wait_for(10)
    before, beside = await rows_of(running, made["id"]), await rows_of(running, neighbour["id"])
    assert {"events", "api_keys", "subscriptions", "crm_clients", "portal_links"} <= set(before)

    deleted = await running.operator.delete(f"{COMPANIES}/{made['reference']}")
    assert deleted.status_code == 202, deleted.text
    receipt = deleted.json()
    assert deleted.headers["location"] == f"/api/v1/erasures/{receipt['id']}"
    assert (receipt["id"][:4], receipt["status"], receipt["company_id"]) == ("era_", "running", made["id"])
    assert (await customer.get("/api/v1/me")).status_code == 401
    assert (await emit(running, made["id"])).status_code == 409
    assert (await emit(running, made["reference"])).status_code == 422
    header = {"X-Company-Id": str(made["id"])}
    assert (await running.operator.get(HOOKS, headers=header)).status_code == 409
    assert (await running.operator.get(f"{COMPANIES}/{made['id']}")).status_code == 404
    again = await running.operator.delete(f"{COMPANIES}/{made['id']}")
    assert (again.status_code, again.json()["id"]) == (202, receipt["id"])

    ended = await completed(running, receipt["id"])
    assert (await rows_of(running, made["id"])).keys() == {"audit"}
    changes = (await running.operator.get("/api/v1/audit", params={"target": f"company:{made['id']}"})).json()
    assert changes["entries"] != []
    kept = [[entry[name] for name in ("before", "after", "from_address")] for entry in changes["entries"]]
    assert kept == [[None] * 3] * len(kept)
    removed = {table for table, count in ended["removed"].items() if count}
    of_core = {"events", "deliveries", "attempts", "api_keys", "subscriptions", "replays", "consumers"}
    assert removed >= of_core | {"crm_notes"}
    assert ended["completed_utc"] is not None
    assert (await theirs.get("/api/v1/events")).status_code == 200
    left = await rows_of(running, neighbour["id"])  # events of the hub about it may come meanwhile
    told = {"events": 0, "news": 0, "gathered": 0}
    assert (left | told, left["events"] >= beside["events"]) == (beside | told, True)
    reused = await running.operator.post(COMPANIES, json={"reference": made["reference"]})
    assert reused.json()["id"] > made["id"]


@pytest.mark.usefixtures("erasures_settle_soon")
async def test_a_deleted_company_that_is_named_again_begins_empty(running):
    company = (await make(running))["id"]
    key = {"Idempotency-Key": f"again-{company}"}
    first = await emit(running, company, headers=key)
    deleted = await running.operator.delete(f"{COMPANIES}/{company}")
    await completed(running, deleted.json()["id"])
    second = await emit(running, company, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["id"] > first.json()["id"]
    assert "companyRef" not in second.json()


async def test_a_company_that_was_never_made_exists_by_its_id_as_before(running):
    company = 2**60 + next(NUMBERS)
    assert "companyRef" not in (await emit(running, company)).json()
    view = (await running.operator.get(f"{COMPANIES}/{company}")).json()
    assert (view["id"], view["reference"], view["created_utc"]) == (company, None, None)
    named = reference()
    await running.operator.patch(f"{COMPANIES}/{company}", json={"reference": named})
    assert (await emit(running, named)).json()["companyRef"] == named


def test_every_table_of_the_core_is_emptied_for_a_company_or_has_nothing_of_one():
    of_companies = {
        table.name
        for table in tables.metadata.sorted_tables
        if {"company_id", "namespace", "subscription_no"} & set(table.columns.keys())
    }
    assert of_companies == {
        "events", "deliveries", "attempts", "subscriptions", "replays", "quarantine", "quarantine_answers",
        "idempotency_keys", "operation_keys", "api_keys", "companies", "erasures", "unsettled", "unreleased", "consumers",
        "health_hours", "news", "gathered", "told", "audit",
    }  # fmt: skip
