"""The app of a product with its own issuer, executed by our interpreter: connect at oidc-provider, call, renew, end."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.plugins import real_issuer
from tests.plugins.real_issuer import Browser

from .interpreter import MakeError, OAuthConnection
from .interpreter.oauth import REDIRECT_URI
from .test_app import JANE, export_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def test_somebody_connects_at_the_issuer_and_make_renews_the_token_until_it_is_ended(
    serve_hub, issuer, tmp_path
):
    hub = real_issuer.trusting(serve_hub(), issuer)
    app = export_of(hub, tmp_path / "app", TRUNKLINE_CONNECTORS__AUTH="both")
    client = issuer.register(REDIRECT_URI, method="client_secret_post")
    common = {"clientId": client["client_id"], "clientSecret": client["client_secret"]}
    connection = OAuthConnection(app, common)
    told = await Browser("joe", callback=REDIRECT_URI).open(connection.address("s 1"))
    assert told["state"] == "s 1"
    assert connection.come_back(told) == {"uid": 93, "label": "WhiteLabelCRO (company 93)"}
    (lead,) = app.run("createLead", **JANE)
    assert lead["status"] == "Lead - New"

    now = datetime.now(UTC)
    first = dict(connection.data)
    assert not connection.renew(now)
    assert connection.renew(now + timedelta(minutes=3))  # its tokens last for five minutes
    assert connection.data["accessToken"] != first["accessToken"]
    assert app.run("findLead", email=JANE["email"]) != []

    connection.invalidate()
    with pytest.raises(MakeError, match=r"was ended, or has expired\. Reconnect it") as refused:
        connection.renew(now + timedelta(hours=2))
    assert refused.value.type == "InvalidAccessTokenError"
    given = [value for data in (first, connection.data) for value in data.values() if isinstance(value, str)]
    log = json.dumps(app.sender.log)
    assert [secret for secret in (common["clientSecret"], *given) if secret in log] == []
