"""The API behind an issuer of the product's own (``auth.oauth``): its access tokens are taken wherever a key is."""

import json
import time

import jwt
import pytest
from tests.plugins.mcp import issuer as issuers
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.mcp.issuer import issuing, unsigned

from trunkline.access import issuer_tokens
from trunkline.access import issuers as own_issuer
from trunkline.errors import SettingsInvalid

AUDIENCE = "http://hub.test"
CLAIM = "https://shop.example/company"
LATE = {"payment_id": 1, "invoice_id": 2, "client_id": 3, "amount_attempted": 9, "failure_reason": "late"}


@pytest.fixture
async def issuer():
    async with issuing() as started:
        yield started


@pytest.fixture
async def trusting(sqlite_database_url, make_hub, issuer):
    """A hub that trusts the issuer."""
    oauth = {
        "issuer": issuer.url,
        "company_claim": CLAIM,
        "companies": {"user-2": 93},
        "scopes": {"crm": ["integrations:read", "integrations:write"]},
    }
    settings = {
        "auth.oauth": json.dumps(oauth),
        "server.public_url": AUDIENCE,
        "limits.enabled": "true",
        "limits.read": "20/minute",
        "plugins.disabled": "zapier, n8n, make, docs, oauth, portal",
    }
    return await make_hub(sqlite_database_url, settings, dispatch=False)


def token(issuer, **changed):
    return issuer.token(**{"aud": AUDIENCE, "company_id": None, CLAIM: 92, **changed})


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
    assert answer.json() == {
        "company_id": 92,
        "key_name": "jane@shop.example",
        "scopes": ["events:read", "integrations:read"],
    }
    assert answer.headers["x-ratelimit-remaining"] == "19"
    lead = {"first_name": "J", "last_name": "D", "email": "j@d.example"}
    path = "/integrations/leads"
    denied = await call(trusting, token(issuer), path, "POST", json=lead)
    assert (denied.status_code, "integrations:write" in denied.json()["detail"]) == (403, True)
    made = await call(trusting, token(issuer, scope="crm"), path, "POST", json=lead)
    assert made.status_code == 201, made.text
    listed = await trusting.client.get("/api/v1/events")
    assert [event["type"] for event in listed.json()["events"]] == ["lead.created"]
    event = {"type": "payment.failed", "payload": LATE}
    emitted = await call(trusting, token(issuer, scope="events:write"), "/events", "POST", json=event)
    assert (emitted.status_code, emitted.json()["companyId"]) == (201, 92)
    assert (await call(trusting, token(issuer, scope="operator all"), "/events")).status_code == 403
    assert issuer.reads == {"/.well-known/openid-configuration": 1, "/keys": 1}


async def test_the_company_is_named_by_number_reference_or_table_and_no_other_is_reached(trusting, issuer):
    made = await trusting.operator.post("/api/v1/companies", json={"reference": "acme-1"})
    named = made.json()["id"]

    async def company(**claims):
        told = (await call(trusting, token(issuer, **claims))).json()
        return told["company_id"], told.get("environment")

    assert await company(**{CLAIM: "acme-1"}) == (named, None)
    assert await company(**{CLAIM: ["93"], "environment": "test"}) == (93, "test")
    assert await company(**{CLAIM: None, "sub": "user-2"}) == (93, None)
    for value in (None, 0, -93, True, "no-such", [92, 93], {"id": 92}, "9" * 20, 9.0):
        assert "names no company" in await refused(trusting, token(issuer, **{CLAIM: value}))
    other = await call(trusting, token(issuer), headers={"x-company-id": "93"})
    assert other.status_code == 403


async def test_hostile_tokens_open_nothing(trusting, issuer):
    good = token(issuer)
    secret = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "s" * 64, "HS256")
    sentences = [
        await refused(trusting, token(issuer, aud="https://other.example")),
        await refused(trusting, token(issuer, aud=f"{AUDIENCE}/mcp")),
        await refused(trusting, token(issuer, iss="https://evil.example")),
        await refused(trusting, token(issuer, exp=int(time.time()) - 60)),
        await refused(trusting, token(issuer, kid="evil", key=issuers.other_key("rsa"))),
        await refused(trusting, unsigned(good, kid="one")),
        await refused(trusting, secret),
        await refused(trusting, "a.b.c"),
        await refused(trusting, token(issuer, padding="x" * 9_000)),
    ]
    words = ("audience", "audience", "another issuer", "expired", *["not valid"] * 4, "neither an API key")
    assert [word in sentence for word, sentence in zip(words, sentences, strict=True)] == [True] * 9, (
        sentences
    )
    assert issuer.reads["/keys"] == 1  # the unknown key would have been asked for half a minute later


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
