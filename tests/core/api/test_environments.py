"""The two environments of a company: separate keys, and no data of one is visible or sent in the other."""

import asyncio
import json

import pytest
from tests.answers import json_of
from tests.core.api.tenants import COMPANIES, HOOKS, completed, emit, fill, make, rows_of

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_kit import Receiver

TEST = {"X-Environment": "test"}


async def key_of(hub, company: int | str, environment: str, **headers: str) -> dict:
    wish = {"company_id": company, "name": environment, "scopes": list(COMPANY_SCOPES)}
    named = wish if headers else wish | {"environment": environment}
    return json_of(await hub.operator.post("/api/v1/keys", json=named, headers=headers), 201)


async def both(hub, made: dict):
    """Give clients with keys of a company's live environment and of its test environment."""
    return await hub.client_of(made["id"], COMPANY_SCOPES), await hub.client_of(-made["id"], COMPANY_SCOPES)


def event(hub, **more) -> dict:
    return {"type": "client.created", "payload": hub.events("client.created"), **more}


async def test_a_key_says_its_environment_and_is_listed_and_revoked_in_it_alone(running):
    made = await make(running)
    live, test = await both(running, made)
    key = await key_of(running, made["reference"], "test")
    other = await key_of(running, made["id"], "test", **TEST)
    for each in (key, other):
        assert f"_test_{made['id']}_" in each["key"]
        assert (each["company_id"], each["environment"]) == (made["id"], "test")
    assert "environment" not in await key_of(running, made["id"], "live")

    me = (await running.anonymous.get("/api/v1/me", headers={"X-Api-Key": key["key"]})).json()
    scopes = sorted(COMPANY_SCOPES)
    assert me == {"company_id": made["id"], "environment": "test", "key_name": "test", "scopes": scopes}
    assert "environment" not in (await live.get("/api/v1/me")).json()
    seen = {
        name: {each["id"] for each in (await client.get("/api/v1/keys")).json()["keys"]}
        for name, client in (("live", live), ("test", test))
    }
    assert {key["id"], other["id"]} <= seen["test"]
    assert not seen["live"] & seen["test"]
    assert (await live.delete(f"/api/v1/keys/{key['id']}")).status_code == 404
    assert (await test.delete(f"/api/v1/keys/{key['id']}")).status_code == 204
    altered = other["key"].replace("_test_", "_live_")
    assert (await running.anonymous.get("/api/v1/me", headers={"X-Api-Key": altered})).status_code == 401


async def test_events_of_one_environment_are_in_no_stream_and_no_subscription_of_the_other(running, receiver):
    made = await make(running)
    live, test = await both(running, made)
    async with Receiver() as other:
        for client, target in ((live, receiver), (test, other)):
            hook = {"target_url": target.url, "event_types": ["*"]}
            assert (await client.post(HOOKS, json=hook)).status_code == 201
        by_operator = (await emit(running, made["reference"], headers=TEST)).content
        by_key = (await test.post("/api/v1/events", json=event(running, companyId=made["id"]))).content
        in_live = (await emit(running, made["id"])).content
        name = f'"companyId":{made["id"]},"companyRef":"{made["reference"]}"'
        for body in (by_operator, by_key):
            assert f'{name},"environment":"test","payload"' in body.decode()
        assert f'{name},"payload"' in in_live.decode()

        pushed = await other.wait_for(2)
        assert {each.body for each in pushed} == {by_operator, by_key}
        assert {each.headers["trunkline-environment"] for each in pushed} == {"test"}
        (only,) = await receiver.wait_for(1)
        assert only.body == in_live
        assert "trunkline-environment" not in only.headers

    polled = {client: (await client.get("/api/v1/events")).json()["events"] for client in (live, test)}
    assert polled == {live: [json.loads(in_live)], test: [json.loads(by_operator), json.loads(by_key)]}
    named = {**TEST, "X-Company-Id": str(made["id"])}
    assert (await running.operator.get("/api/v1/events", headers=named)).json()["events"] == polled[test]
    path = f"/api/v1/events/{json.loads(by_key)['id']}"
    assert [(await client.get(path)).status_code for client in (live, test)] == [404, 200]
    assert (await live.get(f"{path}/explain")).status_code == 404
    example = (await test.get("/api/v1/events/sample", params={"type": "lead.created"})).json()[0]
    assert (example["companyId"], example["environment"]) == (made["id"], "test")


async def test_a_key_keeps_to_its_environment_and_an_operator_names_one_that_exists(running):
    made = await make(running)
    live, test = await both(running, made)
    named = {"X-Company-Id": made["reference"]}
    assert (await test.get("/api/v1/events", headers={**named, **TEST})).status_code == 200
    for client, environment in ((live, "test"), (test, "live")):
        answer = json_of(await client.get("/api/v1/events", headers={"X-Environment": environment}), 403)
        assert "environment" in answer["detail"]
    staging = await running.operator.get("/api/v1/events", headers={**named, "X-Environment": "staging"})
    assert "'live' or 'test': 'staging'" in json_of(staging, 400)["detail"]
    minus = await running.operator.get("/api/v1/events", headers={"X-Company-Id": f"-{made['id']}"})
    assert minus.status_code == 400  # an unknown reference
    assert (await emit(running, -made["id"])).status_code == 422
    neighbour = await make(running)
    theirs = await test.post("/api/v1/events", json=event(running, companyId=neighbour["id"]))
    assert theirs.status_code == 403
    wish = {"company_id": made["id"], "name": "n", "scopes": ["events:read"], "environment": "live"}
    torn = await running.operator.post("/api/v1/keys", json=wish, headers=TEST)
    assert torn.json()["errors"][0]["path"] == "/environment"


async def test_an_operators_idempotency_key_is_of_one_environment(running):
    company = (await make(running))["id"]
    header = {"Idempotency-Key": f"both-{company}"}
    body = event(running, companyId=company)
    answers = [
        await running.operator.post("/api/v1/events", json=body, headers={**header, **more})
        for more in ({}, TEST, {}, TEST)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200]
    live, test, *again = [answer.json()["id"] for answer in answers]
    assert live != test
    assert again == [live, test]


@pytest.mark.parametrize("first", ["live", "test"])
async def test_a_target_is_that_of_one_environment(running, first):
    made = await make(running)
    clients = dict(zip(("live", "test"), await both(running, made), strict=True))
    one = clients.pop(first)
    (other,) = clients.values()
    url = f"http://127.0.0.1:9/hooks/{first}?a=1"
    held = (await one.post(HOOKS, json={"target_url": url, "event_types": ["*"]})).json()
    for written in (url, url.replace("/hooks/", "/x/../hooks/"), url.replace("http:", "HTTP:") + "#part"):
        refused = await other.post(HOOKS, json={"target_url": written, "event_types": ["*"]})
        (error,) = json_of(refused, 422)["errors"]
        assert error["path"] == "/target_url"
        assert f"in this company's {first} environment" in error["message"]
    hook = await other.post("/api/v1/zapier/hooks", json={"target_url": url, "event_type": "client.created"})
    assert hook.status_code == 422
    elsewhere = await other.post(HOOKS, json={"target_url": url + "0", "event_types": ["*"]})
    moved = await other.patch(f"{HOOKS}/{elsewhere.json()['id']}", json={"target_url": url})
    assert (elsewhere.status_code, moved.status_code) == (201, 422)
    assert (await one.delete(f"{HOOKS}/{held['id']}")).status_code == 204
    moved = await other.patch(f"{HOOKS}/{elsewhere.json()['id']}", json={"target_url": url})
    assert moved.status_code == 200, moved.text
    neighbour, _ = await both(running, await make(running))
    assert (await neighbour.post(HOOKS, json={"target_url": url, "event_types": ["*"]})).status_code == 201


async def test_two_that_name_one_target_at_the_same_time_do_not_both_get_it(running):
    live, test = await both(running, await make(running))
    wish = {"target_url": "http://127.0.0.1:9/race", "event_types": ["*"]}
    answers = await asyncio.gather(*(client.post(HOOKS, json=wish) for client in (live, test)))
    assert sorted(answer.status_code for answer in answers) == [201, 422]


async def test_a_test_environment_has_a_part_of_the_limits_or_limits_of_its_own(running):
    made = await make(running, limits={"keys": 300})
    assert made["test"]["limits"]["keys"] == 25
    assert made["test"]["own_limits"] == {}
    path = f"{COMPANIES}/{made['reference']}"
    changed = await running.operator.patch(path, json={"test": {"limits": {"keys": 1}}})
    assert changed.json()["test"]["own_limits"] == {"keys": 1}
    assert changed.json()["own_limits"] == {"keys": 300}
    assert (await running.operator.get(path)).json() == changed.json()
    listed = await running.operator.get(COMPANIES, params={"reference": made["reference"]})
    assert listed.json()["companies"] == [changed.json()]
    await key_of(running, made["id"], "test")
    wish = {"company_id": made["id"], "name": "n", "scopes": ["events:read"]}
    full = await running.operator.post("/api/v1/keys", json=wish | {"environment": "test"})
    assert (full.status_code, "'keys'" in full.json()["detail"]) == (409, True)
    assert (await running.operator.post("/api/v1/keys", json=wish)).status_code == 201
    unknown = await running.operator.patch(path, json={"test": {"limits": {"dogs": 1}}})
    assert unknown.json()["errors"][0]["path"] == "/test/limits/dogs"


@pytest.mark.usefixtures("erasures_settle_soon")
async def test_a_test_environment_is_deleted_alone_or_with_its_company(running, receiver):
    made = await make(running)
    async with Receiver() as other:
        live = await fill(running, made, receiver.url)
        test = await fill(running, made | {"id": -made["id"]}, other.url)
        await receiver.wait_for(5)
        await other.wait_for(5)
    before = await rows_of(running, made["id"])
    alone = await running.operator.delete(f"{COMPANIES}/{made['id']}", headers=TEST)
    receipt = alone.json()
    assert (receipt["company_id"], receipt["environment"]) == (made["id"], "test")
    assert (await test.get("/api/v1/me")).status_code == 401
    assert (await emit(running, made["id"], headers=TEST)).status_code == 409
    ended = await completed(running, receipt["id"])
    assert ended["removed"]["events"] >= 1
    assert (await rows_of(running, -made["id"])).keys() <= {"audit"}
    after = await rows_of(running, made["id"])
    assert after["events"] >= before["events"]
    told = {"events", "news", "audit"}  # the hub adds to this table at any time
    kept = dict.fromkeys(told)
    assert after | kept == before | kept
    assert (await live.get("/api/v1/me")).status_code == 200

    again = await fill(running, made | {"id": -made["id"]}, "http://127.0.0.1:9/again")
    whole = (await running.operator.delete(f"{COMPANIES}/{made['id']}")).json()
    assert "environment" not in whole
    assert [(await client.get("/api/v1/me")).status_code for client in (live, again)] == [401, 401]
    part = (await running.operator.delete(f"{COMPANIES}/{made['id']}", headers=TEST)).json()
    assert part["id"] == whole["id"]
    await completed(running, whole["id"])
    for company_id in (made["id"], -made["id"]):
        assert (await rows_of(running, company_id)).keys() <= {"audit"}


async def test_a_new_company_gets_no_id_whose_test_environment_somebody_uses(running):
    used = (await make(running))["id"] + 7
    assert (await emit(running, used, headers=TEST)).status_code == 201
    assert (await make(running))["id"] > used


async def test_a_quarantined_event_waits_in_its_environment(lend_hub, engine):
    hub = await lend_hub(engine, {"validation.default": "quarantine"})
    live = await hub.client_of(hub.company_id, COMPANY_SCOPES)
    test = await hub.client_of(-hub.company_id, COMPANY_SCOPES)
    broken = {"type": "client.created", "payload": {}}
    key = {"Idempotency-Key": "q"}
    first, again = [
        json_of(await test.post("/api/v1/events", json=broken, headers=key), 202) for _ in range(2)
    ]
    assert first == again
    waiting = first["quarantined"]
    assert (waiting["company_id"], waiting["environment"]) == (hub.company_id, "test")
    path = f"/api/v1/quarantine/{waiting['id']}"
    assert [(await client.get(path)).status_code for client in (live, test)] == [404, 200]
    body = {"payload": hub.events("client.created")}
    assert (await live.post(f"{path}/release", json=body)).status_code == 404
    released = await test.post(f"{path}/release", json=body)
    assert released.json()["environment"] == "test", released.text
