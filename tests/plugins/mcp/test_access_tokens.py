"""Callers of ``/mcp`` without a key: with a token of the hub's own server, or of an issuer in the settings."""

import json
import time

import jwt
import pytest
from tests.plugins.mcp import issuer as issuers
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.mcp.issuer import AUDIENCE, issuing, unsigned
from tests.plugins.oauth.flow import CALLBACK, App, Person, connect
from tests.statements import count, execute

from trunkline.access import issuers as own_issuer
from trunkline.errors import SettingsInvalid
from trunkline_mcp.users import PREFIX

METADATA = "/.well-known/oauth-protected-resource"


@pytest.fixture
async def issuer():
    async with issuing() as started:
        yield started


@pytest.fixture
async def trusting(sqlite_database_url, make_hub, issuer):
    oauth = {
        "issuer": issuer.url,
        "audience": AUDIENCE,
        "company_claim_is": "id",
        "companies": {"user-2": 93},
        "scopes": {"crm": ["integrations:read", "integrations:write"]},
    }
    settings = {"mcp.oauth": json.dumps(oauth), "plugins.enabled": "mcp, polling, actions, searches, crm"}
    return await make_hub(sqlite_database_url, settings, dispatch=False)


def talk(hub, token) -> Conversation:
    return Conversation(hub.anonymous, headers={"authorization": f"Bearer {token}"})


async def refused(hub, token):
    answer = await hub.anonymous.post("/mcp", json={}, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401, answer.text
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    return answer.json()["detail"]


async def test_a_token_of_the_issuer_opens_what_its_scopes_allow(trusting, issuer):
    tools = await talk(trusting, issuer.token()).tools()
    assert {"find_client", "get_recent_events"} <= set(tools)
    assert "create_lead" not in tools
    assert "create_lead" in await talk(trusting, issuer.token(scope="crm")).tools()
    assert "create_lead" in await talk(trusting, issuer.token(scope=None, scp=["crm"])).tools()
    assert not await talk(trusting, issuer.token(scope="operator admin2")).tools()
    assert issuer.reads == {"/.well-known/openid-configuration": 1, "/keys": 1}


async def test_the_company_is_the_claims_or_the_tables_and_no_other(trusting, issuer):
    event = await trusting.emit("client.created", company_id=93)
    seen = {}
    for name, claims in {
        "its own": {"company_id": "93"},
        "by the table": {"company_id": None, "sub": "user-2"},
        "another": {"company_id": 92},
        "its test environment": {"company_id": "93", "environment": "test"},
    }.items():
        listed = await talk(trusting, issuer.token(**claims)).call("get_recent_events")
        seen[name] = [one["id"] for one in listed["structuredContent"]["events"]]
    assert seen == {
        "its own": [event.event_id],
        "by the table": [event.event_id],
        "another": [],
        "its test environment": [],
    }
    for claims in (
        {"company_id": None},
        {"company_id": 0},
        {"company_id": -93},
        {"company_id": True},
        {"company_id": "x"},
        {"company_id": [92, 93]},
    ):
        assert "names no company" in await refused(trusting, issuer.token(**claims))
    stranger = {"authorization": f"Bearer {issuer.token()}", "x-company-id": "93"}
    assert (await trusting.anonymous.post("/mcp", json={}, headers=stranger)).status_code == 403


async def test_hostile_tokens_open_nothing(trusting, issuer):
    good = issuer.token()
    now = int(time.time())
    public = issuer.keys["one"].public_key()
    pem = public.public_bytes(*_pem())
    head, claims, signature = good.split(".")
    hmac_token = jwt.encode(
        {"iss": issuer.url, "aud": AUDIENCE, "sub": "user-1", "exp": now + 300}, "s" * 64, "HS256"
    )
    sentences = {
        "audience": await refused(trusting, issuer.token(aud="https://other.example")),
        "no audience": await refused(trusting, issuer.token(aud=None)),
        "issuer": await refused(trusting, issuer.token(iss="https://evil.example")),
        "expired": await refused(trusting, issuer.token(exp=now - 60)),
        "no end": await refused(trusting, issuer.token(exp=None)),
        "not yet": await refused(trusting, issuer.token(nbf=now + 600)),
        "nobody": await refused(trusting, issuer.token(sub=None)),
        "another key": await refused(trusting, issuer.token(key=issuers.other_key("rsa"))),
        "unknown key": await refused(trusting, issuer.token(kid="evil", key=issuers.other_key("rsa"))),
        "none": await refused(trusting, unsigned(good, kid="one")),
        "None": await refused(trusting, unsigned(good, kid="one", alg="None")),
        "secret": await refused(trusting, hmac_token),
        "public key as secret": await refused(trusting, _confused(pem, issuer, now)),
        "altered": await refused(trusting, f"{head}.{claims[:-2]}AA.{signature}"),
        "crit": await refused(trusting, unsigned(good, kid="one", alg="RS256", crit=["b64"])),
        "embedded key": await refused(
            trusting, unsigned(good, alg="RS256", jwk={}, jku="http://evil.example")
        ),
        "nonsense": await refused(trusting, "a.b.c"),
        "too long": await refused(trusting, issuer.token(padding="x" * 9_000)),
    }
    assert "audience" in sentences["audience"]
    assert "another issuer" in sentences["issuer"]
    assert "expired" in sentences["expired"]
    assert "lacks a claim" in sentences["no end"]
    assert issuer.reads["/keys"] <= 2


def _pem():
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def _confused(pem: bytes, issuer, now: int) -> str:
    """Sign a token with the public key as if that were a shared secret."""
    import base64
    import hashlib
    import hmac

    def encoded(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "user-1", "exp": now + 300, "company_id": 92}
    text = (
        encoded(json.dumps({"alg": "HS256", "kid": "one"}).encode())
        + b"."
        + encoded(json.dumps(claims).encode())
    )
    return (text + b"." + encoded(hmac.new(pem, text, hashlib.sha256).digest())).decode()


async def test_a_token_is_good_for_the_server_alone(trusting, issuer):
    bearer = {"authorization": f"Bearer {issuer.token()}"}
    assert (await trusting.anonymous.get("/api/v1/me", headers=bearer)).status_code == 401


@pytest.mark.parametrize(("kind", "algorithm"), [("ec", "ES256"), ("ed", "EdDSA"), ("rsa", "RS256")])
async def test_keys_rotate_and_an_unknown_one_is_asked_for_once(
    trusting, issuer, monkeypatch, kind, algorithm
):
    assert await talk(trusting, issuer.token()).tools()
    issuer.keys = {"new": issuers.other_key(kind)}
    await refused(trusting, issuer.token(kid="new", algorithm=algorithm))  # read a moment ago
    monkeypatch.setattr(own_issuer, "PAUSE_SECONDS", 0)
    assert await talk(trusting, issuer.token(kid="new", algorithm=algorithm)).tools()
    assert await talk(trusting, issuer.token(kid=None, key=issuer.keys["new"], algorithm=algorithm)).tools()
    assert issuer.reads["/keys"] == 2


async def test_an_issuer_that_is_away_makes_no_token_invalid(trusting, issuer):
    issuer.is_away = True
    headers = {"authorization": f"Bearer {issuer.token()}"}
    answer = await trusting.anonymous.post("/mcp", json={}, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert await Conversation(trusting.client).tools()


async def test_the_resource_says_who_gives_tokens(trusting, issuer):
    metadata = (await trusting.anonymous.get(f"{METADATA}/mcp")).json()
    assert (metadata["resource"], metadata["authorization_servers"]) == (AUDIENCE, [issuer.url])
    assert (await trusting.anonymous.get(METADATA)).status_code == 404  # the rest of the hub has no issuer
    answer = await trusting.anonymous.post("/mcp", json={})
    challenge = answer.headers["www-authenticate"]
    assert f'resource_metadata="http://hub.test{METADATA}/mcp"' in challenge
    assert 'scope="integrations:read ' in challenge
    assert "error=" not in challenge


async def test_a_tool_beyond_the_scopes_asks_for_more(trusting, issuer):
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "create_lead", "arguments": {}},
    }
    answer = await trusting.anonymous.post(
        "/mcp", json=message, headers={"authorization": f"Bearer {issuer.token()}"}
    )
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="integrations:write"' in challenge


async def test_what_a_user_holds_lasts_a_day_beyond_the_last_token(trusting, issuer):
    await talk(trusting, issuer.token()).tools()
    keys = trusting.hub.key_service
    called = (await talk(trusting, issuer.token()).call("find_client", email="nobody@example.com"))["content"]
    assert called
    async with trusting.hub.engines.write() as connection:
        (user,) = (await connection.exec_driver_sql("SELECT id FROM mcp_users")).scalars()
    assert user.startswith(PREFIX)
    principal = await keys.principal(user)
    assert (principal.company_id, principal.scopes) == (92, {"integrations:read", "events:read"})
    await execute(trusting.hub.engines, "UPDATE mcp_users SET seen_ms = seen_ms - 86400001")
    assert await keys.principal(user) is None


async def test_a_companys_users_go_with_it(trusting, issuer):
    await talk(trusting, issuer.token()).tools()
    assert (await trusting.operator.delete("/api/v1/companies/92")).status_code == 202
    assert await count(trusting.hub.engines, "mcp_users") == 0


async def test_a_token_of_the_hubs_own_server_opens_the_same(api):
    registered = {"name": "Agent", "redirect_uris": [CALLBACK], "public": True}
    client_id = (await api.operator.post("/api/v1/oauth/apps", json=registered)).json()["client_id"]
    import httpx2

    transport = httpx2.ASGITransport(app=api.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as http:
        person = Person(http)
        await person.sign_in(api.client.headers["x-api-key"])
        tokens = await connect(App(api.anonymous, client_id), person, resource=AUDIENCE)
    assert "find_client" in await talk(api, tokens["access_token"]).tools()
    metadata = (await api.anonymous.get(f"{METADATA}/mcp")).json()
    assert metadata["authorization_servers"] == ["http://hub.test"]
    metadata = (await api.anonymous.get(METADATA)).json()
    assert (metadata["resource"], metadata["authorization_servers"]) == (
        "http://hub.test",
        ["http://hub.test"],
    )


@pytest.mark.own_hub(settings={"plugins.enabled": "mcp, polling"})
async def test_where_nobody_gives_tokens_keys_are_asked_for(running):
    assert (await running.anonymous.get(METADATA)).status_code == 404
    answer = await running.anonymous.post("/mcp", json={})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("oauth", "error", "sentence"),
    [
        ({}, SettingsInvalid, "issuer"),
        ({"issuer": "login.example.com"}, SettingsInvalid, "must be a URL"),
        ({"issuer": "https://login.example.com", "scopes": {"x": ["all"]}}, SettingsInvalid, "is no scope"),
        (
            {"issuer": "https://login.example.com"},
            SettingsInvalid,
            "needs mcp.oauth.audience or server.public_url",
        ),
        ({"issuer": "http://169.254.169.254", "audience": "a"}, SettingsInvalid, "metadata"),
    ],
)
async def test_settings_that_cannot_be_are_named(sqlite_database_url, make_hub, oauth, error, sentence):
    settings = {"mcp.oauth": json.dumps(oauth), "plugins.enabled": "mcp"}
    with pytest.raises(error, match=sentence):
        await make_hub(sqlite_database_url, settings, dispatch=False)
