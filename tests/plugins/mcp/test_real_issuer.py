"""``trunkline serve`` with a widely used issuer, oidc-provider: from a 401 to a tool, and refusals."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import jwt
import pytest
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata
from mcp.shared.auth_utils import resource_url_from_server_url
from tests.plugins import real_issuer
from tests.plugins.mcp.client_storage import Kept
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.real_issuer import CALLBACK, Browser, Issuer

CLIENT_ID = "agent"
SCOPE = "openid integrations:read events:read"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def sign_in(issuer_url: str, resource: str, user: str = "jane", scope: str = SCOPE) -> dict[str, str]:
    """Get tokens by the code flow with PKCE, as an application without a library does."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "resource": resource,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "state": "s",
    }
    async with httpx2.AsyncClient(timeout=60) as http:
        found = (await http.get(f"{issuer_url}/.well-known/openid-configuration")).json()
        told = await Browser(user).open(str(httpx2.URL(found["authorization_endpoint"], params=query)))
        assert told["iss"] == issuer_url
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "code": told["code"],
            "redirect_uri": CALLBACK,
            "code_verifier": verifier,
            "resource": resource,
        }
        answer = await http.post(found["token_endpoint"], data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def packages(install_node_packages) -> Path:
    return real_issuer.install(install_node_packages)


@pytest.fixture(scope="module")
def issuer(packages) -> Iterator[Issuer]:
    started = Issuer(packages)
    yield started
    started.close()


@pytest.fixture(scope="module")
def hub(served_hub, issuer):
    """Start a hub that trusts the issuer and has a public URL."""
    served_hub.stop()
    served_hub.environment = {
        **served_hub.environment,
        "TRUNKLINE_SERVER__PUBLIC_URL": served_hub.url,
        "TRUNKLINE_MCP__OAUTH": json.dumps(real_issuer.trusted(issuer.url)),
    }
    served_hub.start()
    return served_hub


@pytest.fixture
async def http(hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=hub.url, timeout=60) as http:
        yield http


def talk(http: httpx2.AsyncClient, token: str) -> Conversation:
    return Conversation(http, headers={"authorization": f"Bearer {token}"})


async def refused(http: httpx2.AsyncClient, token: str) -> str:
    """Check that *token* opens nothing; return the sentence."""
    answer = await talk(http, token).send("tools/list")
    assert answer.status_code == 401, answer.text
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    return answer.json()["detail"]


async def test_the_official_client_comes_in_by_the_issuer(hub, issuer):
    browser = Browser("jane")

    async def come_back() -> AuthorizationCodeResult:
        told = browser.came_back
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    metadata = OAuthClientMetadata(redirect_uris=[CALLBACK], token_endpoint_auth_method="none")
    registered = OAuthClientInformationFull(
        client_id=CLIENT_ID, redirect_uris=[CALLBACK], token_endpoint_auth_method="none"
    )
    kept = Kept(registered)
    auth = OAuthClientProvider(f"{hub.url}/mcp", metadata, kept, browser.open, come_back)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=60) as http,
        Client(streamable_http_client(f"{hub.url}/mcp", http_client=http)) as client,
    ):
        tools = {tool.name for tool in (await client.list_tools()).tools}
    assert "find_lead" in tools
    head = jwt.get_unverified_header(kept.tokens.access_token)
    claims = jwt.decode(kept.tokens.access_token, options={"verify_signature": False})
    assert (head["alg"], claims["iss"], claims["aud"]) == ("RS256", issuer.url, f"{hub.url}/mcp")
    assert claims["aud"] == resource_url_from_server_url(f"{hub.url}/mcp")


async def test_a_token_opens_its_own_company_and_what_its_scopes_allow(hub, issuer, http):
    event = hub.call("GET", "/api/v1/event-types/payment.failed")["example"]
    made = hub.call("POST", "/api/v1/events", json={"type": "payment.failed", "payload": event})
    seen = {}
    for user in ("jane", "joe"):
        token = (await sign_in(issuer.url, f"{hub.url}/mcp", user))["access_token"]
        listed = await talk(http, token).call("get_recent_events")
        seen[user] = [one["id"] for one in listed["structuredContent"]["events"]]
        assert "create_lead" not in await talk(http, token).tools()
        stranger = {"x-company-id": str({"jane": 93, "joe": 92}[user])}
        answer = await Conversation(http, headers={"authorization": f"Bearer {token}", **stranger}).send(
            "tools/list"
        )
        assert answer.status_code == 403
    assert seen == {"jane": [made["id"]], "joe": []}
    assert "names no company" in await refused(
        http, (await sign_in(issuer.url, f"{hub.url}/mcp", "nobody"))["access_token"]
    )


async def test_a_new_key_of_the_issuer_counts_within_half_a_minute_beside_the_one_before(hub, issuer, http):
    before = (await sign_in(issuer.url, f"{hub.url}/mcp"))["access_token"]
    assert await talk(http, before).tools()
    issuer.tell(rotate=True)
    after = (await sign_in(issuer.url, f"{hub.url}/mcp"))["access_token"]
    kids = [jwt.get_unverified_header(token)["kid"] for token in (before, after)]
    assert kids[0] != kids[1]
    async with asyncio.timeout(60):  # keys are read at most twice a minute
        while (await talk(http, after).send("tools/list")).status_code == 401:
            await asyncio.sleep(1)
    for token in (before, after):
        assert await talk(http, token).tools()


async def test_what_the_issuer_signs_for_others_or_otherwise_opens_nothing(hub, issuer, http, packages):
    mine = f"{hub.url}/mcp"
    good = await sign_in(issuer.url, mine)
    assert await talk(http, good["access_token"]).tools()
    assert "audience" in await refused(
        http, (await sign_in(issuer.url, "https://other.example/mcp"))["access_token"]
    )
    await refused(http, good["id_token"])
    try:
        for algorithm in ("HS256", "PS256"):
            issuer.tell(sign=algorithm)
            token = (await sign_in(issuer.url, mine))["access_token"]
            assert jwt.get_unverified_header(token)["alg"] == algorithm
            assert "algorithm" in await refused(http, token)
    finally:
        issuer.tell(sign="RS256")
    other = Issuer(packages)
    try:
        stranger = (await sign_in(other.url, mine))["access_token"]
    finally:
        other.close()
    await refused(http, stranger)
    assert jwt.get_unverified_header(stranger)["kid"] == "key-1", "the same name, and another key"
