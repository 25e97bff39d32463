"""The app of a product with its own issuer, on Zapier's real core: connect at oidc-provider, call, renew, be ended."""

import dataclasses
from typing import Any

import httpx2
import pytest
from tests.plugins import real_issuer
from tests.plugins.oauth.flow import CALLBACK, CHALLENGE, VERIFIER
from tests.plugins.real_issuer import Browser

from .core import ZapierRefused

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
CONFIG = "authentication.oauth2Config"


async def test_somebody_connects_at_the_issuer_and_zapier_renews_the_token(serve_hub, open_app, issuer):
    hub = real_issuer.trusting(serve_hub(), issuer)
    app = open_app(
        dataclasses.replace(hub, environment=hub.environment | {"TRUNKLINE_CONNECTORS__AUTH": "oauth"})
    )
    assert app.handle(command="validate") == []
    client = issuer.register(CALLBACK, method="client_secret_post")
    environment = {"CLIENT_ID": client["client_id"], "CLIENT_SECRET": client["client_secret"]}

    def run(method: str, *, auth: Any = None, **given: Any) -> Any:
        bundle = {"authData": auth or {}, "inputData": given, "meta": {"page": 0}}
        return app.handle(command="execute", method=method, bundle=bundle, environment=environment)

    address = run(f"{CONFIG}.authorizeUrl", redirect_uri=CALLBACK, state="s")
    assert address.startswith(f"{issuer.url}/auth?")
    # the parameters that Zapier adds for `scope` and `enablePkce`
    scope = app.definition()["authentication"]["oauth2Config"]["scope"]
    asked = httpx2.URL(address).copy_merge_params(
        {"scope": scope, "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    )
    told = await Browser("jane", callback=CALLBACK).open(str(asked))
    code = {"code": told["code"], "redirect_uri": CALLBACK}
    first = run(f"{CONFIG}.getAccessToken", **code, code_verifier=VERIFIER)
    me = run("authentication.test", auth=first)
    assert me["key_name"]
    assert run("authentication.connectionLabel", **me) == f"{me['key_name']} (company 92)"
    assert (me["company_id"], set(me["scopes"])) == (92, set(scope.split()) - {"offline_access"})
    lead = {"first_name": "J", "last_name": "D", "email": "j@d.example"}
    assert run("creates.create_lead.operation.perform", auth=first, **lead)["status"] == "Lead - New"

    second = run(f"{CONFIG}.refreshAccessToken", auth=first)
    assert second["access_token"] != first["access_token"]
    assert run("authentication.test", auth=second)["company_id"] == 92
    with pytest.raises(ZapierRefused) as wrong:
        run("authentication.test", auth={"access_token": f"{first['access_token'][:-9]}AAAAAAAAA"})
    assert wrong.value.name == "RefreshAuthError"
    for ended in ({"refresh_token": "gone"}, {"access_token": first["access_token"]}):
        with pytest.raises(ZapierRefused) as refused:
            run(f"{CONFIG}.refreshAccessToken", auth=ended)
        assert refused.value.name == "ExpiredAuthError"
