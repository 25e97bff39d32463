"""The API with the product's own issuer (``auth.oauth``): its access tokens are accepted wherever a key is."""

import asyncio
import json
import time

import jwt
import pytest
from tests.payloads import FAILED
from tests.plugins.mcp import issuer as issuers
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.mcp.issuer import issuing, unsigned

from trunkline.access import issuer_tokens
from trunkline.access import issuers as own_issuer
from trunkline.errors import SettingsInvalid

AUDIENCE = "http://hub.test"
CLAIM = "https://shop.example/company"
OWN = {"aud": AUDIENCE, "company_id": None, CLAIM: 92}


@pytest.fixture
async def issuer():
    async with issuing() as started:
        yield started


@pytest.fixture
def trust(sqlite_database_url, make_hub, issuer):
    """``await trust(typ="JWT")``: a hub that trusts the issuer."""

    async def trust_with(**changed):
        oauth = {"issuer": issuer.url, "company_claim": CLAIM, "company_claim_is": "id"}
        oauth["companies"] = {"user-2": 93}
        oauth["scopes"] = {"crm": ["integrations:read", "integrations:write"]}
        settings = {
            "auth.oauth": json.dumps(oauth | changed),
            "server.public_url": AUDIENCE,
            "limits.enabled": "true",
            "limits.read": "20/minute",
            "plugins.disabled": "zapier, n8n, make, docs, oauth, portal",
        }
        return await make_hub(sqlite_database_url, settings, dispatch=False)

    return trust_with


@pytest.fixture
async def trusting(trust):
    return await trust()


def token(issuer, **changed):
    return issuer.token(**{**OWN, **changed})


async def call(hub, token, path="/me", method="GET", **more):
    headers = {"authorization": f"Bearer {token}", **more.pop("headers", {})}
    return await hub.anonymous.request(method, f"/api/v1{path}", headers=headers, **more)


async def refused(hub, token):
    answer = await call(hub, token)
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    return answer.json()["detail"]


async def test_a_token_is_taken_as_a_key_with_its_scopes_would_be(trusting, issuer):
    answer = await call(trusting, token(issuer, email="jane@shop.example"))
    scopes = ["events:read", "integrations:read"]
    assert answer.json() == {"company_id": 92, "key_name": "jane@shop.example", "scopes": scopes}
    assert answer.headers["x-ratelimit-remaining"] == "19"
    lead = {"first_name": "J", "last_name": "D", "email": "j@d.example"}
    path = "/integrations/leads"
    denied = await call(trusting, token(issuer), path, "POST", json=lead)
    assert (denied.status_code, "integrations:write" in denied.json()["detail"]) == (403, True)
    assert (await call(trusting, token(issuer, scope="crm"), path, "POST", json=lead)).status_code == 201
    listed = await trusting.client.get("/api/v1/events")
    assert [event["type"] for event in listed.json()["events"]] == ["lead.created"]
    event = {"type": "payment.failed", "payload": FAILED}
    emitted = await call(trusting, token(issuer, scope="events:write"), "/events", "POST", json=event)
    assert (emitted.status_code, emitted.json()["companyId"]) == (201, 92)
    assert (await call(trusting, token(issuer, scope="operator all"), "/events")).status_code == 403
    assert issuer.reads == {"/.well-known/openid-configuration": 1, "/keys": 1}


async def company(hub, issuer, value, **claims):
    told = (await call(hub, token(issuer, **{CLAIM: value, **claims}))).json()
    return told.get("company_id"), told.get("environment")


async def test_the_company_is_named_by_id_or_table_and_no_other_is_reached(trusting, issuer):
    assert await company(trusting, issuer, 92) == (92, None)
    await trusting.emit("client.created", company_id=93)
    assert await company(trusting, issuer, ["93"], environment="test") == (93, "test")
    assert await company(trusting, issuer, None, sub="user-2") == (93, None)
    for value in (None, 0, -93, True, "no-such", [92, 93], {"id": 92}, "9" * 20, 9.0):
        assert "names no company" in await refused(trusting, token(issuer, **{CLAIM: value}))
    assert (await call(trusting, token(issuer), headers={"x-company-id": "93"})).status_code == 403


async def test_a_company_that_does_not_exist_is_refused_and_none_is_made(trusting, issuer):
    sentence = await refused(trusting, token(issuer, **{CLAIM: 9999}))
    named = f"names the company '9999' in its claim '{CLAIM}'"
    assert sentence == f"This access token {named}, and there is none here."
    assert (await trusting.operator.get("/api/v1/companies")).json()["companies"] == []


async def test_a_reference_is_meant_unless_the_settings_say_otherwise(trust, issuer):
    hub = await trust(company_claim_is="reference")
    made = (await hub.operator.post("/api/v1/companies", json={"reference": "acme-1"})).json()
    assert await company(hub, issuer, "acme-1") == (made["id"], None)
    for value in (made["id"], str(made["id"]), 92):
        assert "must be a company's reference" in await refused(hub, token(issuer, **{CLAIM: value}))
    assert "'acme-2'" in await refused(hub, token(issuer, **{CLAIM: "acme-2"}))


@pytest.mark.parametrize(("kind", "name"), [("reference", "acme-9"), ("id", 777)])
async def test_an_unknown_company_is_made_once_where_the_settings_say_so(trust, issuer, kind, name):
    hub = await trust(company_claim_is=kind, unknown_companies="create")
    companies = set(await asyncio.gather(*(company(hub, issuer, name) for _ in range(5))))
    [record] = (await hub.operator.get("/api/v1/companies")).json()["companies"]
    assert companies == {(record["id"], None)}
    assert record["reference" if kind == "reference" else "id"] == name
    assert "names" in await refused(hub, token(issuer, **{CLAIM: "a b"}))


async def test_the_environment_is_live_or_test_and_nothing_else_opens_live(trusting, issuer):
    for value, environment in (("live", None), (["live"], None), ("test", "test"), (["test"], "test")):
        assert await company(trusting, issuer, 92, environment=value) == (92, environment)
    for value in ("TEST", "test ", "sandbox", "", True, [], ["live", "test"], {}):
        assert "must be 'live' or 'test'" in await refused(trusting, token(issuer, environment=value))


async def test_an_access_token_says_so_in_its_header_and_another_type_opens_nothing(trusting, issuer):
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt"):
        assert (await call(trusting, issuer.token(header_typ=typ, **OWN))).status_code == 200
    for typ in ("JWT", None, "logout+jwt", "id+jwt", "at+jwt "):
        assert "not 'at+jwt'" in await refused(trusting, issuer.token(header_typ=typ, **OWN))


async def test_an_issuer_without_types_is_taken_by_its_claims_and_no_id_or_logout_token_is(trust, issuer):
    hub = await trust(typ="JWT")
    for typ in ("at+jwt", "JWT", None):
        assert (await call(hub, issuer.token(header_typ=typ, **OWN))).status_code == 200
    keycloak = issuer.token(header_typ="JWT", **OWN, typ="Bearer", nonce="n")
    assert (await call(hub, keycloak)).status_code == 200
    for claims in ({"at_hash": "a"}, {"nonce": "n"}, {"typ": "ID"}, {"scope": None}):
        assert "ID token" in await refused(hub, issuer.token(header_typ="JWT", **OWN, **claims))
    logout = {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "ID token" in await refused(hub, issuer.token(header_typ=None, **OWN, events=logout))
    assert "not 'at+jwt'" in await refused(hub, issuer.token(header_typ="logout+jwt", **OWN))


async def test_the_age_of_the_keys_is_a_metric(trusting, issuer):
    name = f'trunkline_issuer_keys_age_seconds{{issuer="{issuer.url}"}}'
    assert name not in (await trusting.anonymous.get("/metrics")).text
    await call(trusting, token(issuer))
    assert f"{name} 0." in (await trusting.anonymous.get("/metrics")).text


async def test_hostile_tokens_open_nothing(trusting, issuer):
    good = token(issuer)
    secret = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "s" * 64, "HS256")
    for hostile, word in (
        (token(issuer, aud="https://other.example"), "audience"),
        (token(issuer, aud=f"{AUDIENCE}/mcp"), "audience"),
        (token(issuer, iss="https://evil.example"), "another issuer"),
        (token(issuer, exp=int(time.time()) - 60), "expired"),
        (token(issuer, kid="evil", key=issuers.other_key("rsa")), "not valid"),
        (unsigned(good, kid="one"), "not valid"),
        (secret, "not valid"),
        ("a.b.c", "not valid"),
        (token(issuer, padding="x" * 9_000), "neither an API key"),
    ):
        assert word in await refused(trusting, hostile)
    assert issuer.reads["/keys"] == 1  # the unknown key may be read again only after half a minute


async def test_keys_of_an_issuer_that_is_away_are_asked_for_twice_a_minute_at_most(
    trusting, issuer, monkeypatch
):
    issuer.is_away = True
    for _ in range(5):
        answer = await call(trusting, token(issuer))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "try again in 30 s" in answer.json()["detail"]
    assert sum(issuer.reads.values()) == 1
    assert (await trusting.client.get("/api/v1/me")).status_code == 200
    issuer.is_away = False
    monkeypatch.setattr(own_issuer, "PAUSE_SECONDS", 0)
    assert (await call(trusting, token(issuer))).status_code == 200


async def test_calls_are_counted_by_user_and_those_of_a_company_together(trusting, issuer, monkeypatch):
    monkeypatch.setattr(trusting.hub.limits, "_now", lambda: 1_000_000_000.0)  # within one minute
    jane, joe = token(issuer), token(issuer, sub="user-9")
    answers = [await call(trusting, jane) for _ in range(21)]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert (await call(trusting, joe)).status_code == 200
    monkeypatch.setattr(issuer_tokens, "COMPANY_CALLS_PER_MINUTE", 22)
    answer = await call(trusting, joe)
    assert (answer.status_code, "together" in answer.json()["detail"]) == (429, True)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    await trusting.emit("client.created", company_id=94)
    assert (await call(trusting, token(issuer, **{CLAIM: 94}))).status_code == 200


async def test_a_company_that_is_deleted_is_closed_to_its_users(trusting, issuer):
    await trusting.emit("client.created", company_id=92)
    assert (await call(trusting, token(issuer), "/events")).status_code == 200
    assert (await trusting.operator.delete("/api/v1/companies/92")).status_code == 202
    assert (await call(trusting, token(issuer), "/events")).status_code == 409


async def test_agents_come_to_the_server_by_the_same_issuer(trusting, issuer):
    for audience in (AUDIENCE, f"{AUDIENCE}/mcp"):
        headers = {"authorization": f"Bearer {token(issuer, aud=audience)}"}
        assert "find_client" in await Conversation(trusting.anonymous, headers=headers).tools()
    metadata = await trusting.anonymous.get("/.well-known/oauth-protected-resource/mcp")
    assert metadata.json()["authorization_servers"] == [issuer.url]
    metadata = (await trusting.anonymous.get("/.well-known/oauth-protected-resource")).json()
    assert (metadata["resource"], metadata["authorization_servers"]) == (AUDIENCE, [issuer.url])


@pytest.mark.parametrize(
    ("oauth", "sentence"),
    [
        ({}, r"auth\.oauth\.issuer': is required"),
        ({"issuer": "login.example.com"}, r"auth\.oauth\.issuer': must be a URL"),
        ({"issuer": "https://login.example.com", "scopes": {"x": ["all"]}}, "'all' is no scope"),
        ({"issuer": "https://login.example.com"}, r"needs auth\.oauth\.audience or server\.public_url"),
        ({"issuer": "http://169.254.169.254", "audience": "a"}, r"'auth\.oauth': .*metadata"),
        ({"issuer": "https://login.example.com", "audience": "a", "companys": {}}, "is not a setting"),
    ],
)
async def test_settings_that_cannot_be_are_named(sqlite_database_url, make_hub, oauth, sentence):
    settings = {"auth.oauth": json.dumps(oauth), "plugins.enabled": "polling"}
    with pytest.raises(SettingsInvalid, match=sentence):
        await make_hub(sqlite_database_url, settings, dispatch=False)


async def test_half_a_surrogate_pair_anywhere_in_a_token_is_refused(trusting, issuer):
    for changed in ({"header_typ": "a\ud83d"}, {"name": "a\ud83d"}, {"sub": "a\ud83d"}, {"email": "a\x00"}):
        assert "is not valid" in await refused(trusting, issuer.token(**{**OWN, **changed}))
