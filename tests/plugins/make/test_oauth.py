"""The exported app with a connection by OAuth, executed by our interpreter: allow, call, renew, end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from tests.plugins.oauth.flow import Person, filled

from .interpreter import App, MakeError, OAuthConnection, Webhook
from .interpreter.oauth import REDIRECT_URI
from .interpreter.templates import render
from .test_app import JANE, export_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def app(served_hub: Any, tmp_path_factory: pytest.TempPathFactory) -> App:
    return export_of(served_hub, tmp_path_factory.mktemp("app"), TRUNKLINE_CONNECTORS__AUTH="both")


async def connected(hub: Any, app: App, *, decision: str = "allow") -> OAuthConnection:
    """Register the app with the hub, and connect it as a person with a browser does."""
    operator = hub.make_key(company_id=None)
    async with httpx2.AsyncClient(base_url=hub.url, timeout=60) as http:
        registered = await http.post(
            "/api/v1/oauth/apps",
            json={"name": "Make", "redirect_uris": [REDIRECT_URI]},
            headers={"X-Api-Key": operator},
        )
        made = registered.json()
        connection = OAuthConnection(
            app, {"clientId": made["client_id"], "clientSecret": made["client_secret"]}
        )
        person = Person(http)
        await person.sign_in(hub.key)
        page = await person.open(connection.address("s 1"))
        answer = await http.post(page.url, data={**filled(page), "decision": decision})
    location = answer.headers["location"]
    assert location.startswith(f"{REDIRECT_URI}?"), location
    query = dict(parse_qsl(urlsplit(location).query))
    assert query["state"] == "s 1"
    assert connection.come_back(query) == {"uid": 92, "label": "WhiteLabelCRO (company 92)"}
    return connection


async def test_somebody_connects_and_make_renews_the_token_until_it_is_ended(served_hub, app):
    connection = await connected(served_hub, app)
    (lead,) = app.run("createLead", **JANE)
    assert lead["status"] == "Lead - New"
    hook = Webhook(app, "watchEvents", url="https://hook.example.com/oauth")
    hook.attach(event_types=["lead.created"])
    assert len(served_hub.call("GET", "/api/v1/make/hooks")["hooks"]) == 1
    hook.detach()

    now = datetime.now(UTC)
    first = dict(connection.data)
    assert not connection.renew(now + timedelta(minutes=29))
    assert connection.renew(now + timedelta(minutes=31)), "half of the 60 minutes are over"
    assert {name for name in first if connection.data[name] == first[name]} == set()
    assert app.run("findLead", email=JANE["email"]) != []

    connection.invalidate()
    assert served_hub.call("GET", "/api/v1/oauth/connections")["connections"] == []
    with pytest.raises(MakeError, match=r"the connection to WhiteLabelCRO was ended\. Reconnect it") as ended:
        app.run("findLead", email=JANE["email"])
    assert ended.value.type == "InvalidAccessTokenError"
    with pytest.raises(MakeError, match=r"was ended, or has expired\. Reconnect it") as refused:
        connection.renew(now + timedelta(hours=2))
    assert refused.value.type == "InvalidAccessTokenError"

    log = json.dumps(app.sender.log)
    given = [value for data in (first, connection.data) for value in data.values() if isinstance(value, str)]
    assert [secret for secret in (connection.common["clientSecret"], *given) if secret in log] == []


async def test_somebody_who_allows_nothing_is_told(served_hub, app):
    with pytest.raises(MakeError) as refused:
        await connected(served_hub, app, decision="deny")
    assert refused.value.message.startswith("WhiteLabelCRO was not connected: ")
    assert "no code" not in refused.value.message


@pytest.mark.parametrize("step", ["token", "refresh"])
def test_a_token_is_renewed_after_half_of_its_time(app, step):
    steps = app.code("connection", "oauth", "communication")
    now = datetime.now(UTC)
    for seconds, half in ((60, 30), (86_400, 43_200), (61, 30)):
        body = {"access_token": "a", "refresh_token": "r", "expires_in": seconds}
        given = render(steps[step]["response"]["data"], {"body": body, "now": now, "data": {}})
        assert given["renewAt"] == now + timedelta(seconds=half)


def test_a_key_is_taken_beside_it(served_hub, app):
    by_key = App(app.files)
    assert by_key.connect(api_key=served_hub.key) == {"uid": 92, "label": "test (company 92)"}
    assert len(by_key.call("listClientStatusesWhereIsLeadTrue")) == 3
    assert served_hub.key not in json.dumps(by_key.sender.log)


def test_an_app_by_oauth_alone_has_no_place_for_a_key(served_hub, tmp_path):
    app = export_of(served_hub, tmp_path, TRUNKLINE_CONNECTORS__AUTH="oauth")
    assert list(app.manifest["components"]["connection"]) == ["oauth"]
    assert not [path for path, content in app.files.items() if b"api_key" in content]
