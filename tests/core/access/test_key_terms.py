"""Keys that expire, keys for some networks only, and rotated keys."""

import time

import pytest
from tests.answers import json_of
from tests.some import some
from tests.statements import execute

from trunkline.access.client_addresses import ClientAddresses
from trunkline.access.key_terms import read_terms
from trunkline.errors import BodyInvalid

KEYS = "/api/v1/keys"
ADMIN = ["admin", "events:read"]


async def make(running, **terms) -> dict:
    body = {"company_id": running.company_id, "name": "tool", "scopes": ADMIN, **terms}
    return json_of(await running.operator.post(KEYS, json=body), 201)


async def me(running, key: dict, **headers) -> int:
    answer = await running.anonymous.get("/api/v1/me", headers={"X-Api-Key": key["key"], **headers})
    return answer.status_code


async def test_a_key_ends_at_its_time_and_leaves_room_for_another(running):
    await running.operator.patch(f"/api/v1/companies/{running.company_id}", json={"limits": {"keys": 2}})
    soon = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3600))
    key = await make(running, expires_utc=soon)
    assert (key["expires_utc"], await me(running, key)) == (soon, 200)
    full = {"company_id": running.company_id, "name": "b", "scopes": ADMIN}
    assert (await running.operator.post(KEYS, json=full)).status_code == 409
    await execute(running.hub.engines, f"UPDATE api_keys SET expires_ms = 1 WHERE id = '{key['id']}'")
    assert await me(running, key) == 401
    assert (await running.operator.post(KEYS, json=full)).status_code == 201


async def test_a_key_works_from_its_networks_alone(running):
    here = await make(running, allowed_networks=["127.0.0.1/8", "2001:db8::/48"])
    elsewhere = await make(running, allowed_networks=["203.0.113.7"])
    assert here["allowed_networks"] == ["127.0.0.0/8", "2001:db8::/48"]
    forwarded = {"X-Forwarded-For": "203.0.113.7"}  # a proxy from here is trusted
    assert (await me(running, here), await me(running, here, **forwarded)) == (200, 403)
    assert (await me(running, elsewhere), await me(running, elsewhere, **forwarded)) == (403, 200)


def test_an_address_is_that_of_the_trusted_proxys_client_and_exact():
    addresses = ClientAddresses(["10.0.0.1"])
    assert addresses.is_within(["203.0.113.7/32"], "10.0.0.1", ["203.0.113.7"])
    assert not addresses.is_within(["203.0.113.7/32"], "10.0.0.2", ["203.0.113.7"])
    assert addresses.is_within(["2001:db8::1/128"], "2001:db8::1", [])
    assert not addresses.is_within(["2001:db8::1/128"], "2001:db8::2", [])
    assert addresses.is_within([], "anything", [])
    assert not addresses.is_within(["0.0.0.0/0"], "nonsense", [])


@pytest.mark.parametrize(
    ("expires", "networks", "path"),
    [
        ("tomorrow", [], "/expires_utc"),
        ("2020-01-01T00:00:00Z", [], "/expires_utc"),
        (None, ["10.0.0.0/8", "home"], "/allowed_networks/1"),
        (None, ["10.0.0.1"] * 21, "/allowed_networks"),
    ],
)
def test_terms_that_cannot_be_are_named(expires, networks, path):
    with pytest.raises(BodyInvalid) as refused:
        read_terms(expires_utc=expires, networks=networks, now_ms=1_700_000_000_000)
    assert [error.path for error in refused.value.errors] == [path]


async def test_a_rotated_key_has_a_successor_and_ends_after_the_overlap(running):
    old = await make(running, allowed_networks=["127.0.0.0/8"])
    an_hour = {"overlap_seconds": 3600}
    new = json_of(await running.operator.post(f"{KEYS}/{old['id']}/rotate", json=an_hour), 201)
    assert new == new | {name: old[name] for name in ("name", "scopes", "company_id", "allowed_networks")}
    assert (await me(running, old), await me(running, new)) == (200, 200)
    listed = (await running.operator.get(KEYS, headers={"X-Company-Id": str(running.company_id)})).json()
    ends = {key["id"]: key["expires_utc"] for key in listed["keys"]}
    assert ends[old["id"]] is not None
    assert ends[new["id"]] is None
    at_once = await running.operator.post(f"{KEYS}/{new['id']}/rotate", json={"overlap_seconds": 0})
    assert (await me(running, new), await me(running, at_once.json())) == (401, 200)
    assert (await running.operator.post(f"{KEYS}/{new['id']}/rotate")).status_code == 404


async def limit_to_what_it_has(running) -> None:
    listed = await running.operator.get(KEYS, headers={"X-Company-Id": str(running.company_id)})
    await running.hub.companies.change(running.company_id, {"limits": {"keys": listed.json()["count"]}})
    one_more = {"company_id": running.company_id, "name": "tool", "scopes": ADMIN}
    refused = await running.operator.post(KEYS, json=one_more)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:trunkline:problem:limit-reached")


async def test_a_company_that_has_all_its_keys_rotates_each_of_them_with_an_overlap(running):
    made = [await make(running) for _ in range(2)]
    await limit_to_what_it_has(running)
    for key in some(made):
        own = {"X-Api-Key": key["key"]}
        new = json_of(await running.anonymous.post(f"{KEYS}/{key['id']}/rotate", json={}, headers=own), 201)
        assert (await me(running, key), await me(running, new)) == (200, 200)


async def test_a_company_leaves_no_end_of_keys_valid_by_rotating_one(running, monkeypatch):
    key = await make(running)
    await limit_to_what_it_has(running)
    most = (await running.hub.company_limits.of(running.company_id)).keys
    monkeypatch.setattr("trunkline.access.keys.LEAST_IN_OVERLAP", most)
    own, path = {"X-Api-Key": key["key"]}, f"{KEYS}/{key['id']}/rotate"
    answers = [await running.anonymous.post(path, json={}, headers=own) for _ in range(most + 1)]
    assert [answer.status_code for answer in answers] == [201] * most + [409]
    assert "rotate with an overlap of 0 s" in answers[-1].json()["detail"]
    assert (await running.operator.post(path, json={})).status_code == 201, "an operator may"
    assert (await running.anonymous.post(path, json={"overlap_seconds": 0}, headers=own)).status_code == 201


async def test_nobody_gets_a_key_with_scopes_that_their_own_lacks_by_rotating_it(running):
    strong = await make(running, scopes=["admin", "events:write"])
    weak = await running.client_of(running.company_id, ["admin"])
    refused = await weak.post(f"{KEYS}/{strong['id']}/rotate", json={})
    assert (refused.status_code, "'events:write'" in refused.json()["detail"]) == (403, True)
    stranger = await running.client_of(running.neighbour_id, ["admin", "events:write"])
    assert (await stranger.post(f"{KEYS}/{strong['id']}/rotate", json={})).status_code == 404
    assert await me(running, strong) == 200
