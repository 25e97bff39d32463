"""The package of a product with its own issuer, in a real n8n server: connect at oidc-provider, call, renew."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.plugins import real_issuer
from tests.plugins.n8n.server import N8n, node, outputs
from tests.plugins.real_issuer import Browser, Issuer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
LEEWAY_SECONDS = 30
START = node("Start", "n8n-nodes-base.manualTrigger", {})


def connect(n8n: N8n, issuer: Issuer, hub_url: str) -> dict[str, Any]:
    """Make a credential, and connect it as a person with a browser does; return the reference by which nodes name it."""
    callback = f"{n8n.url}/rest/oauth2-credential/callback"
    client = issuer.register(callback, method="client_secret_basic")
    secrets = {"clientId": client["client_id"], "clientSecret": client["client_secret"]}
    credential = n8n.make_credential("wlcroOAuth2Api", {"baseUrl": hub_url, **secrets})
    query = {"id": credential["wlcroOAuth2Api"]["id"]}
    address = n8n.call("GET", "/rest/oauth2-credential/auth", params=query)["data"]
    assert address.startswith(f"{issuer.url}/auth?")
    assert {"code_challenge_method=S256", "prompt=consent"} <= set(address.split("&"))
    told = asyncio.run(Browser("jane", callback=callback).open(address))
    answer = n8n.client.get(f"{callback}?{urlencode(told)}")
    assert answer.is_success, answer.text
    return credential


def test_somebody_connects_at_the_issuer_and_n8n_renews_the_token(serve_hub, issuer, n8n_tools, tmp_path):
    hub = real_issuer.trusting(serve_hub(TRUNKLINE_CONNECTORS__AUTH="oauth"), issuer)
    package = tmp_path / "n8n-nodes-wlcro"
    hub.run("export", "n8n", str(package))
    n8n_tools.build(package)
    with N8n(tmp_path / "n8n", package) as n8n:
        n8n.start()
        n8n.set_up()
        issuer.tell(seconds=1)
        credential = connect(n8n, issuer, hub.url)
        given_at = time.monotonic()

        def create(email: str) -> Any:
            names = {"firstName": "Jo", "lastName": "Doe", "email": email}
            choice = {"resource": "lead", "operation": "createLead", **names}
            do = node("Do", "n8n-nodes-wlcro.wlcro", choice, credential)
            workflow = n8n.make_workflow(email, START, do, links={"Start": ["Do"]})
            [made] = outputs(n8n.run(workflow, start="Start"), "Do")
            return made

        assert create("first@example.com")["status"] == "Lead - New"
        time.sleep(max(given_at + LEEWAY_SECONDS + 2 - time.monotonic(), 0))
        assert create("second@example.com")["status"] == "Lead - New"
