"""A company lists and ends its connected apps; an operator registers and removes apps."""

import re
from dataclasses import replace

import pytest
from tests.plugins.oauth.flow import CALLBACK, App, connect, filled, hidden

from trunkline.errors import SettingsInvalid
from trunkline.routes import Principal
from trunkline_kit import MigrationsConformance
from trunkline_oauth import tables
from trunkline_oauth.commands import list_connections
from trunkline_oauth.model import Consent
from trunkline_oauth.pages import UNNAMED_LINK, _is_own


async def test_a_company_sees_and_ends_its_own_connections_over_the_api(running, register, sign_in):
    app = await register(running)
    tokens = await connect(app, await sign_in(running))
    assert (await app.me(tokens["access_token"])).status_code == 200
    listed = (await running.client.get("/api/v1/oauth/connections")).json()
    [connection] = listed["connections"]
    scopes = ["events:read", "integrations:read"]
    told = {"client_id": app.client_id, "app": "Desk", "granted_by": "Jane's <key>", "scopes": scopes}
    assert connection.items() >= told.items()
    assert (listed["count"], connection["last_used_utc"] is None) == (1, False)

    neighbour = await running.client_of(running.neighbour_id)
    assert (await neighbour.get("/api/v1/oauth/connections")).json()["count"] == 0
    path = f"/api/v1/oauth/connections/{connection['id']}"
    assert (await neighbour.delete(path)).status_code == 404
    weak = await running.client_of(running.company_id, ["events:read"])
    assert (await weak.delete(path)).status_code == 403
    ended = await running.client.delete(path)
    assert (ended.status_code, ended.json()) == (200, {"subscriptions_disabled": 0, "keys_revoked": 0})
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await running.client.delete(path)).status_code == 404


async def test_the_list_of_a_terminal_is_a_line_for_each_and_cannot_steer_it(api, register, sign_in):
    await connect(await register(api), await sign_in(api, name="J\x1b[2J\x9b\u202e\nane"))
    context = api.hub.registry.context("oauth")
    listed = await list_connections(context, company=str(api.company_id))
    assert listed.endswith("\tDesk\tevents:read integrations:read\tJ[2Jane")
    assert "\n" not in listed


async def test_an_administrator_ends_a_connection_in_the_portal(api, register, sign_in):
    app, person = await register(api), await sign_in(api)
    await api.operator.patch(f"/api/v1/companies/{api.company_id}", json={"name": "Acme"})
    page = await person.open("/portal/x/oauth/apps")
    assert f"No app is connected with <bdi>Acme</bdi> (company {api.company_id})." in page.text
    tokens = await connect(app, person)
    page = await person.open("/portal/x/oauth/apps")
    assert "Jane&#39;s &lt;key&gt;" in page.text
    assert ">never<" in page.text
    await app.me(tokens["access_token"])
    page = await person.open("/portal/x/oauth/apps")
    assert ">never<" not in page.text
    connection_id = re.search(r'name="connection" value="([^"]+)"', page.text)[1]
    asked = await person.http.get(page.url, params={"connection": connection_id})
    assert "Disconnect Desk from <bdi>Acme</bdi>" in asked.text
    assert (await app.me(tokens["access_token"])).status_code == 200
    done = await person.http.post(page.url, data={"connection": connection_id, **hidden(asked)})
    assert "The app is disconnected" in (await person.open(done.headers["location"])).text
    assert (await app.me(tokens["access_token"])).status_code == 401


async def test_somebody_who_is_no_administrator_ends_what_they_have_allowed_and_nothing_else(
    api, register, sign_in
):
    app = await register(api)
    person, other = await sign_in(api, ["events:read"]), await sign_in(api, ["events:read"])
    tokens = await connect(app, person)
    page = await other.open("/portal/x/oauth/apps")
    assert "No app is connected" in page.text
    [connection] = (await api.client.get("/api/v1/oauth/connections")).json()["connections"]
    form = {"connection": connection["id"]}
    assert (await other.http.post(page.url, data={**form, **hidden(page)})).status_code == 404
    assert (await app.me(tokens["access_token"])).status_code == 200

    page = await person.open("/portal/x/oauth/apps")
    await person.http.post(page.url, data={**form, **hidden(page)})
    assert (await app.me(tokens["access_token"])).status_code == 401


@pytest.mark.parametrize(
    ("changed", "is_own"),
    [({}, True), ({"name": "Joe"}, False), ({"key_id": "key_b"}, False), ({"link_id": None}, False)],
    ids=["their next link", "another's", "another maker's", "the maker's key"],
)
def test_a_customer_who_comes_by_a_new_link_still_owns_what_they_have_allowed(changed, is_own):
    jane = Principal("key_a", 92, "Jane", frozenset({"events:read"}), link_id="plnk_1")
    maker = {"granted_by_kind": "link", "ends_with": "key_a"}
    consent = Consent("app_1", 92, ("events:read",), "plnk_1", "Jane", **maker)
    assert _is_own(consent, jane)
    assert _is_own(consent, replace(jane, **{"link_id": "plnk_2", **changed})) == is_own
    unnamed = replace(jane, name=UNNAMED_LINK, link_id="plnk_2")
    assert not _is_own(replace(consent, granted_name=UNNAMED_LINK), unnamed)


async def test_a_company_has_so_many_connections_and_no_more(lend_hub, register, sign_in):
    hub = await lend_hub("sqlite", {"oauth.max_connections": "2"}, dispatch=False)
    app, person = await register(hub), await sign_in(hub)
    await connect(app, person)
    page = await person.open(app.asks())
    await person.decide(page)  # its code counts until it has expired
    page = await person.open(app.asks())
    answer = await person.http.post(page.url, data={"decision": "allow", **filled(page)})
    assert (answer.status_code, "may have no more" in answer.text) == (409, True)
    [connection] = (await hub.client.get("/api/v1/oauth/connections")).json()["connections"]
    await hub.client.delete(f"/api/v1/oauth/connections/{connection['id']}")
    assert "code" in await person.decide(await person.open(app.asks()))


async def test_removing_an_app_ends_all_its_connections(running, register, sign_in):
    app, other = await register(running), await register(running, name="Other")
    tokens, kept = await connect(app, await sign_in(running)), await connect(other, await sign_in(running))
    listed = (await running.operator.get("/api/v1/oauth/apps")).json()["apps"]
    assert {app.client_id, other.client_id} <= {one["client_id"] for one in listed}
    assert "client_secret" not in listed[0]
    path = f"/api/v1/oauth/apps/{app.client_id}"
    assert (await running.client.delete(path)).status_code == 403
    assert (await running.operator.delete(path)).status_code == 204
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"], expect=401))["error"] == "invalid_client"
    assert (await other.me(kept["access_token"])).status_code == 200
    assert (await running.operator.delete(path)).status_code == 404


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"redirect_uris": []}, "/redirect_uris"),
        ({"redirect_uris": ["http://app.example/callback"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["https://app.example/callback#a"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["https://a@app.example/"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["https://app.example/\r\nX: 1"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["/callback"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["https://"]}, "/redirect_uris/0"),
        ({"scopes": ["operator"]}, "/scopes/0"),
        ({"name": ""}, "/name"),
        ({"secret": "mine"}, "/secret"),
    ],
)
async def test_what_cannot_be_registered_is_named(api, changed, path):
    body = {"name": "Desk", "redirect_uris": [CALLBACK], **changed}
    answer = await api.operator.post("/api/v1/oauth/apps", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path), answer.text
    assert (await api.client.post("/api/v1/oauth/apps", json=body)).status_code in {403, 422}


CONFIGURED = '[{"client_id": "desk", "name": "Desk", "redirect_uris": ["%s"], "secret": "%s", "scopes": ["events:read"]}]'


async def test_the_settings_register_apps_until_they_no_longer_have_them(
    sqlite_database_url, make_hub, sign_in
):
    secret = "s" * 32
    hub = await make_hub(sqlite_database_url, {"oauth.apps": CONFIGURED % (CALLBACK, secret)}, dispatch=False)
    app = App(hub.anonymous, "desk", secret)
    tokens = await connect(app, await sign_in(hub), scope=None)
    assert tokens["scope"] == "events:read"
    assert (await app.me(tokens["access_token"])).json()["key_name"] == "Desk"
    [listed] = (await hub.operator.get("/api/v1/oauth/apps")).json()["apps"]
    assert (listed["client_id"], listed["created_utc"]) == ("desk", None)
    assert (await hub.operator.delete("/api/v1/oauth/apps/desk")).status_code == 404
    without = await make_hub(sqlite_database_url, dispatch=False)
    assert (await App(without.anonymous, "desk").me(tokens["access_token"])).status_code == 401


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (CALLBACK, CALLBACK.replace("https", "http"), "redirect_uris"),
        (CALLBACK, "javascript:1", "redirect_uris"),
        ('"desk"', '"app_desk"', "client_id"),
        ('"desk"', '"self_desk"', "client_id"),  # its tokens would be those of an app that registered itself
    ],
)
async def test_settings_that_cannot_be_are_named(sqlite_database_url, make_hub, before, after, named):
    apps = (CONFIGURED % (CALLBACK, "s" * 32)).replace(before, after)
    with pytest.raises(SettingsInvalid, match=named):
        await make_hub(sqlite_database_url, {"oauth.apps": apps}, dispatch=False)


async def test_a_principal_lasts_as_long_as_its_connection(api, register, sign_in):
    app = await register(api)
    tokens = await connect(app, await sign_in(api))
    [connection] = (await api.client.get("/api/v1/oauth/connections")).json()["connections"]
    keys = api.hub.key_service
    assert (await keys.principal(connection["id"])).company_id == api.company_id
    await app.revoke(tokens["refresh_token"])
    assert await keys.principal(connection["id"]) is None


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestMigrations(MigrationsConformance):
    plugin = "oauth"
    metadata = tables.metadata
