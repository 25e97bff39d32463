"""The official client's own OAuth with the hub's server: from a 401 to a tool, by the metadata alone."""

import httpx2
import pytest
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata
from tests.plugins.mcp.client_storage import Kept
from tests.plugins.oauth.flow import CALLBACK, Person

pytestmark = pytest.mark.slow


async def test_the_official_client_finds_its_way_from_the_challenge_to_a_tool(api):
    body = {"name": "Agent", "redirect_uris": [CALLBACK], "public": True}
    app = (await api.operator.post("/api/v1/oauth/apps", json=body)).json()
    transport = httpx2.ASGITransport(app=api.app)
    came_back: list[dict[str, list[str]]] = []
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as browser:
        person = Person(browser)
        await person.sign_in(api.client.headers["x-api-key"])

        async def open_browser(url: str) -> None:
            page = await person.open(url)
            came_back.append({name: [value] for name, value in (await person.decide(page)).items()})

        async def come_back() -> AuthorizationCodeResult:
            told = came_back[-1]
            return AuthorizationCodeResult(code=told["code"][0], state=told["state"][0], iss=told["iss"][0])

        metadata = OAuthClientMetadata(redirect_uris=[CALLBACK], token_endpoint_auth_method="none")
        registered = OAuthClientInformationFull(
            client_id=app["client_id"], redirect_uris=[CALLBACK], token_endpoint_auth_method="none"
        )
        kept = Kept(registered)
        auth = OAuthClientProvider("http://hub.test/mcp", metadata, kept, open_browser, come_back)
        async with (
            httpx2.AsyncClient(transport=transport, base_url="http://hub.test", auth=auth) as http,
            Client(streamable_http_client("http://hub.test/mcp", http_client=http)) as client,
        ):
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert {"find_lead", "create_lead"} <= tools
            made = await client.call_tool(
                "create_lead", {"first_name": "J", "last_name": "D", "email": "j@d.example"}
            )
            assert made.structured_content["status"] == "Lead - New"
    assert len(came_back) == 1
    assert kept.tokens.refresh_token.startswith("ort_")
    [connection] = (await api.client.get("/api/v1/oauth/connections")).json()["connections"]
    assert connection["client_id"] == app["client_id"]
