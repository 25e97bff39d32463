"""Connectors of a product with its own issuer: its address, the requested scopes, and the words of an export about it."""

import json
import re

import pytest
from tests.plugins.mcp.issuer import Issuer, issuing

from trunkline.access.issuers import IssuerUnavailable
from trunkline.schemas.authorization import AuthorizationServer, EndpointsUnknown

HUB = "https://hub.example.com"


class Signing(Issuer):
    """An issuer where people sign in."""

    def documents(self):
        found = super().documents()
        found["/.well-known/openid-configuration"] |= {
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "scopes_supported": ["openid", "offline_access"],
        }
        return found


@pytest.fixture
async def deployment_of(sqlite_database_url, make_hub):
    async def make(auth="oauth", **oauth):
        settings = {
            "auth.oauth": json.dumps(oauth),
            "connectors.auth": auth,
            "server.public_url": HUB,
            "plugins.enabled": "zapier, n8n, make",
        }
        return (await make_hub(sqlite_database_url, settings, dispatch=False)).hub.deployment

    return make


async def test_endpoints_are_those_of_the_issuers_metadata(deployment_of):
    async with issuing(Signing) as issuer:
        deployment = await deployment_of(issuer=issuer.url, scopes={"crm": ["integrations:read", "admin"]})
        for name in ("zapier", "n8n", "make"):
            with pytest.raises(EndpointsUnknown, match=rf"Where {re.escape(issuer.url)} .* is not known"):
                deployment.connector_files(name)
        await deployment.look_up_issuer()
        server = deployment.product().authorization_server
    assert server == AuthorizationServer(
        f"{issuer.url}/authorize?tenant=1", f"{issuer.url}/token",
        scopes=("crm", "events:read", "webhooks:write", "integrations:write", "offline_access"),
        parameters={"resource": HUB, "prompt": "consent"}, issuer=issuer.url, audience=HUB,
    )  # fmt: skip
    for name in ("zapier", "n8n", "make"):
        files = deployment.connector_files(name)
        written = b"".join(files.values()).decode()
        assert f"{issuer.url}/authorize?tenant=1" in written
        assert f"{HUB}/oauth/" not in written
        assert "/oauth/authorize" not in written
        assert {"crm", "offline_access"} <= set(re.findall(r"[a-z_:]+", written))
    steps = json.loads(files["connections/oauth/oauth.oauth-communication.iml.json"])
    assert "invalidate" not in steps
    assert list(steps["authorize"]["qs"])[:2] == ["resource", "prompt"]


async def test_an_issuer_that_is_away_is_told_and_leaves_exports_by_key_alone(deployment_of):
    with pytest.raises(IssuerUnavailable):
        await (await deployment_of(issuer="http://127.0.0.1:9")).look_up_issuer()
    by_key = await deployment_of("key", issuer="http://127.0.0.1:9")
    await by_key.look_up_issuer()
    assert b"api_key" in b"".join(by_key.connector_files("make").values())
