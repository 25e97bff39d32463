"""The app with OAuth on Zapier's real core: connect, call, renew, be disconnected."""

import dataclasses
from typing import Any

import httpx2
import pytest
from tests.plugins.oauth.flow import CALLBACK, CHALLENGE, VERIFIER, Person

from .core import ZapierRefused

pytestmark = pytest.mark.slow
CONFIG = "authentication.oauth2Config"


@pytest.fixture(scope="module")
def app(served_hub: Any, open_app: Any) -> Any:
    environment = served_hub.environment | {"TRUNKLINE_CONNECTORS__AUTH": "oauth"}
    return open_app(dataclasses.replace(served_hub, environment=environment))


async def test_somebody_connects_and_zapier_renews_the_token_until_it_is_ended(served_hub, app):
    assert app.handle(command="validate") == []
    operator = served_hub.make_key(company_id=None)
    async with httpx2.AsyncClient(base_url=served_hub.url, timeout=60) as http:
        registered = await http.post(
            "/api/v1/oauth/apps",
            json={"name": "Zapier", "redirect_uris": [CALLBACK]},
            headers={"X-Api-Key": operator},
        )
        made = registered.json()
        environment = {"CLIENT_ID": made["client_id"], "CLIENT_SECRET": made["client_secret"]}

        def run(method: str, *, auth: Any = None, **given: Any) -> Any:
            bundle = {"authData": auth or {}, "inputData": given, "meta": {"page": 0}}
            return app.handle(command="execute", method=method, bundle=bundle, environment=environment)

        address = run(f"{CONFIG}.authorizeUrl", redirect_uri=CALLBACK, state="s")
        # the parameters that Zapier adds for `scope` and `enablePkce`
        scope = app.definition()["authentication"]["oauth2Config"]["scope"]
        asked = httpx2.URL(address).copy_merge_params(
            {"scope": scope, "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        )
        person = Person(http)
        await person.sign_in(served_hub.key)
        told = await person.decide(await person.open(str(asked)))
        first = run(
            f"{CONFIG}.getAccessToken", code=told["code"], redirect_uri=CALLBACK, code_verifier=VERIFIER
        )
        tested = run("authentication.test", auth=first)
        assert run("authentication.connectionLabel", **tested) == "Zapier (company 92)"
        lead = {"first_name": "J", "last_name": "D", "email": "j@d.example"}
        created = run("creates.create_lead.operation.perform", auth=first, **lead)
        assert created["status"] == "Lead - New"

        second = run(f"{CONFIG}.refreshAccessToken", auth=first)
        assert second["refresh_token"] != first["refresh_token"]
        assert run("authentication.test", auth=second)["company_id"] == 92
        with pytest.raises(ZapierRefused) as wrong:
            run("authentication.test", auth={"access_token": "oat_wrong"})
        assert wrong.value.name == "RefreshAuthError"

        mine = {"X-Api-Key": served_hub.key}
        [connection] = (await http.get("/api/v1/oauth/connections", headers=mine)).json()["connections"]
        await http.delete(f"/api/v1/oauth/connections/{connection['id']}", headers=mine)
        with pytest.raises(ZapierRefused) as ended:
            run(f"{CONFIG}.refreshAccessToken", auth=second)
        assert ended.value.name == "ExpiredAuthError"
        assert "Connect it anew" in ended.value.sentence
