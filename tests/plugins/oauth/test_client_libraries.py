"""Apps that connect by common libraries: Authlib as a confidential app, openid-client as a public one."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from tests.plugins import npm
from tests.plugins.oauth.flow import CALLBACK, Person, filled

HERE = Path(__file__).parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def register(hub: Any, *, public: bool) -> dict[str, Any]:
    operator = {"X-Api-Key": hub.make_key("operator", company_id=None)}
    body = {"name": "Desk", "public": public, "redirect_uris": [CALLBACK]}
    return hub.call("POST", "/api/v1/oauth/apps", json=body, headers=operator)


async def allow(hub: Any, asked: str) -> str:
    """Sign in with the hub's key and allow the request *asked*; return the address to which the person is sent back."""
    async with httpx2.AsyncClient(base_url=hub.url) as http:
        person = Person(http)
        await person.sign_in(hub.key)
        page = await person.open(asked)
        answer = await http.post(page.url, data={"decision": "allow", **filled(page)})
        return answer.headers["location"]


async def test_authlib_connects_refreshes_and_revokes(served_hub, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # http on this machine
    told = requests.get(f"{served_hub.url}/.well-known/oauth-authorization-server", timeout=60).json()
    server = AuthorizationServerMetadata(told)
    for name in set(server.REGISTRY_KEYS) - {"issuer", "authorization_endpoint", "token_endpoint"}:
        getattr(server, f"validate_{name}")()
    app = register(served_hub, public=False)
    with OAuth2Session(
        app["client_id"],
        app["client_secret"],
        scope="events:read",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint=told["token_endpoint"],
    ) as session:
        asked, state = session.create_authorization_url(
            told["authorization_endpoint"], code_verifier="v" * 50
        )
        came = await allow(served_hub, asked)
        first = session.fetch_token(authorization_response=came, state=state, code_verifier="v" * 50)
        assert session.get(f"{served_hub.url}/api/v1/me").json()["key_name"] == "Desk"
        second = session.refresh_token(told["token_endpoint"], first["refresh_token"])
        assert second["access_token"] != first["access_token"]
        assert session.get(f"{served_hub.url}/api/v1/me").status_code == 200
        assert session.revoke_token(told["revocation_endpoint"], second["refresh_token"]).status_code == 200
        assert session.get(f"{served_hub.url}/api/v1/me").status_code == 401
        with pytest.raises(OAuthError, match="invalid_grant"):
            session.refresh_token(told["token_endpoint"], second["refresh_token"])


async def test_openid_client_connects_and_a_code_that_is_used_again_ends_it(
    served_hub, install_node_packages
):
    folder = install_node_packages(HERE / "node")
    shutil.copy(HERE / "node" / "app.mjs", folder)
    app = register(served_hub, public=True)
    program = await asyncio.create_subprocess_exec(
        *("node", "app.mjs", served_hub.url, app["client_id"], CALLBACK),
        cwd=folder,
        env=npm.node_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert program.stdout is not None
    asked = (await program.stdout.readline()).decode().strip()
    assert asked, (await program.communicate())[1]
    printed, complaint = await program.communicate(f"{await allow(served_hub, asked)}\n".encode())
    assert program.returncode == 0, complaint
    met = json.loads(printed)
    assert met == {
        "before": "Desk",
        "again": "invalid_grant",
        "after": [401, "OAUTH_WWW_AUTHENTICATE_CHALLENGE"],
    }
