"""Unregistered clients sign in by the server's metadata alone: the official client, and Claude and ChatGPT as they are documented.

The real services are not used: a script sends the requests that their documentation describes.
"""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from tests.plugins.mcp.client_storage import Kept
from tests.plugins.oauth.flow import CALLBACK, Person, filled
from tests.plugins.oauth.sites import open_site
from tests.plugins.oauth.test_assertions import PRIVATE, TYPE, Signer, jwks_of

pytestmark = pytest.mark.slow

HUB = "http://hub.test"
SETTINGS = {"oauth.dynamic_registration": "true"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
async def site(tmp_path, monkeypatch):
    async with open_site(tmp_path) as opened:
        monkeypatch.setenv("SSL_CERT_FILE", str(opened.authority))
        yield opened


@pytest.fixture
async def hub(site, sqlite_database_url, make_hub):
    return await make_hub(sqlite_database_url, SETTINGS, dispatch=False)


@pytest.fixture
async def person(hub):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=hub.app), base_url=HUB) as browser:
        somebody = Person(browser)
        await somebody.sign_in(hub.client.headers["x-api-key"])
        yield somebody


async def allowed(person: Person, asked: str) -> dict[str, str]:
    """Allow the client's request; return the parameters in the address to which the person is sent back."""
    page = await person.open(asked)
    answer = await person.http.post(page.url, data={"decision": "allow", **filled(page)})
    back = urlsplit(answer.headers["location"])
    return {"to": f"{back.scheme}://{back.netloc}{back.path}"} | {
        name: values[0] for name, values in parse_qs(back.query).items()
    }


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("way", ["document", "registration"])
async def test_the_official_client_signs_in(hub, site, person, mode, way):
    came_back: list[dict[str, str]] = []

    async def open_browser(url: str) -> None:
        came_back.append(await allowed(person, url))

    async def come_back() -> AuthorizationCodeResult:
        told = came_back[-1]
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    metadata = OAuthClientMetadata(
        client_name="Agent", redirect_uris=[CALLBACK], token_endpoint_auth_method="none"
    )
    own = {"client_metadata_url": site.url} if way == "document" else {}
    kept = Kept()
    auth = OAuthClientProvider(f"{HUB}/mcp", metadata, kept, open_browser, come_back, **own)
    transport = httpx2.ASGITransport(app=hub.app)
    async with (
        httpx2.AsyncClient(transport=transport, base_url=HUB, auth=auth) as http,
        Client(streamable_http_client(f"{HUB}/mcp", http_client=http), mode=mode) as client,
    ):
        assert "find_lead" in {tool.name for tool in (await client.list_tools()).tools}
    assert kept.registered.client_id == site.url if own else kept.registered.client_id.startswith("self_")
    assert len(came_back) == 1


@dataclass
class Host:
    """A chat application that has only the server's address, and proceeds as its documentation says."""

    http: httpx2.AsyncClient
    callback: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(40))

    async def discover(self) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Find the issuer of tokens, from the 401 on; return both documents and the scopes to ask for."""
        refused = await self.http.post("/mcp", json=call("initialize", **handshake()))
        assert refused.status_code == 401
        challenge = httpx2.QueryParams(
            refused.headers["www-authenticate"].removeprefix("Bearer ").replace(", ", "&")
        )
        resource = (await self.http.get(challenge["resource_metadata"].strip('"'))).json()
        at = f"{resource['authorization_servers'][0]}/.well-known/oauth-authorization-server"
        return resource, (await self.http.get(at)).json(), challenge["scope"].strip('"')

    async def code(self, person: Person, server: dict[str, Any], **asked: str) -> dict[str, str]:
        challenge = urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = httpx2.QueryParams(
            response_type="code",
            redirect_uri=self.callback,
            state=secrets.token_urlsafe(16),
            code_challenge=challenge,
            code_challenge_method="S256",
            **asked,
        )
        came = await allowed(person, f"{server['authorization_endpoint']}?{query}")
        assert came["to"] == self.callback
        return came

    async def tools(self, token: str, body: dict[str, Any], **headers: str) -> set[str]:
        answer = await self.http.post(
            "/mcp",
            json=body,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json, text/event-stream",
                **headers,
            },
        )
        return {tool["name"] for tool in answer.json()["result"]["tools"]}


def call(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def handshake() -> dict[str, Any]:
    return {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "host", "version": "1"},
    }


async def test_claude_s_documented_flow_signs_in_by_document_and_as_a_public_client(hub, site, person):
    host = Host(hub.anonymous, "https://claude.ai/api/mcp/auth_callback")
    site.says(
        client_name="Claude",
        redirect_uris=[host.callback],
        grant_types=["authorization_code", "refresh_token"],
    )
    resource, server, scope = await host.discover()
    assert server["client_id_metadata_document_supported"] is True
    came = await host.code(person, server, client_id=site.url, scope=scope, resource=resource["resource"])
    form = {"grant_type": "authorization_code", "code": came["code"], "code_verifier": host.verifier}
    own = {"client_id": site.url, "redirect_uri": host.callback, "resource": resource["resource"]}
    tokens = (await host.http.post(server["token_endpoint"], data={**form, **own})).json()
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": site.url}
    tokens = (await host.http.post(server["token_endpoint"], data=again)).json()
    names = await host.tools(
        tokens["access_token"], call("tools/list"), **{"MCP-Protocol-Version": "2025-06-18"}
    )
    assert {"find_lead", "create_lead"} <= names


async def test_chatgpt_s_documented_flow_signs_in_by_document_with_a_key_of_its_own(hub, site, person):
    host = Host(hub.anonymous, "https://chatgpt.com/connector/oauth/cbk_1")
    keys = site.url.replace("client.json", "jwks.json")
    site.serves(urlsplit(keys).path, jwks_of(PRIVATE))
    site.says(
        client_name="ChatGPT",
        redirect_uris=[host.callback],
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri=keys,
    )
    resource, server, scope = await host.discover()
    assert "private_key_jwt" in server["token_endpoint_auth_methods_supported"]
    assert server["code_challenge_methods_supported"] == ["S256"]
    came = await host.code(person, server, client_id=site.url, scope=scope, resource=resource["resource"])
    signed = Signer(hub.anonymous, site.url).sign(aud=server["token_endpoint"])
    form = {
        "grant_type": "authorization_code",
        "code": came["code"],
        "code_verifier": host.verifier,
        "redirect_uri": host.callback,
        "client_assertion": signed,
        "client_assertion_type": TYPE,
        "resource": resource["resource"],
    }
    tokens = (await host.http.post(server["token_endpoint"], data=form)).json()
    modern = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
    names = await host.tools(tokens["access_token"], call("tools/list", _meta=META), **modern)
    assert {"find_lead", "create_lead"} <= names
