"""Subscriptions and keys end with the connection that made them; a connection ends when its grantor loses the right to it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from tests.answers import json_of
from tests.plugins.oauth.flow import CHALLENGE, VERIFIER, Person, connect, hidden
from tests.plugins.portal.test_oidc import settings_for
from tests.statements import count, execute

from trunkline.model.principals import Principal
from trunkline_kit import MovableClock
from trunkline_oauth import _Server
from trunkline_oauth.model import Consent
from trunkline_portal.oidc.users import KEPT_DAYS, Users

ELSEWHERE = ("203.0.113.9", 40_000)
HERE = "127.0.0.1/32"
SCOPES = ["events:read", "webhooks:write"]
WRITES = {"scope": " ".join(SCOPES)}


@pytest.fixture
def visit(open_person):
    """``await visit(hub, key)``: a browser that is signed in with *key*, or by the link *at*."""

    async def visit_with(hub, key: str | None = None, *, at: str | None = None) -> Person:
        person = await open_person(hub)
        if key is not None:
            await person.sign_in(key)
        else:
            fields = {**dict(httpx2.URL(at).params), **hidden(await person.http.get(at))}
            assert (await person.http.post("/portal/enter", data=fields)).status_code == 303
        return person

    return visit_with


def grants_of(hub):
    return hub.hub.registry.context("oauth").shared(_Server).grants


def bearer(tokens) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def subscribe(http, headers=None, *, url="https://example.com/in", path="webhooks/subscriptions"):
    body = {"target_url": url, "event_types": ["lead.created"]}
    return json_of(await http.post(f"/api/v1/{path}", json=body, headers=headers), 201)["id"]


async def states(hub) -> dict[str, tuple[str, str | None]]:
    listed = (await hub.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    return {one["id"]: (one["status"], one["disabled_reason"]) for one in listed}


async def connection_of(hub) -> dict:
    [connection] = (await hub.client.get("/api/v1/oauth/connections")).json()["connections"]
    return connection


async def test_disconnecting_an_app_stops_its_subscriptions_of_every_channel(
    running, register, sign_in, receiver
):
    tokens = await connect(await register(running), await sign_in(running), **WRITES)
    mine = await subscribe(running.client, url=f"{receiver.url}/mine")
    pushed = await subscribe(running.anonymous, bearer(tokens), url=f"{receiver.url}/app")
    paused = await subscribe(running.anonymous, bearer(tokens), path="zapier/hooks")
    await running.client.patch(f"/api/v1/subscriptions/{paused}", json={"status": "paused"})
    connection = await connection_of(running)
    shown = (await running.client.get(f"/api/v1/subscriptions/{pushed}")).json()
    assert shown["created_by"] == {"kind": "app", "id": connection["id"]}

    ended = await running.client.delete(f"/api/v1/oauth/connections/{connection['id']}")

    assert ended.json() == {"subscriptions_disabled": 2, "keys_revoked": 0}
    gone = ("disabled", "disconnected")
    assert await states(running) == {mine: ("active", None), pushed: gone, paused: gone}
    event = await running.emit("lead.created")
    assert (await receiver.wait_for(1))[0].path == "/mine"
    explained = (await running.client.get(f"/api/v1/events/{event.event_id}/explain")).json()["subscriptions"]
    reasons = {one["subscription_id"]: one["reason"] for one in explained}
    assert reasons[pushed] == "The subscription is disabled (disconnected: who made it was disconnected)."
    assert [one["created_by"]["kind"] for one in explained] == ["key", "app", "app"]


@pytest.mark.slow
async def test_a_long_poll_of_an_app_ends_with_its_connection(api, register, sign_in):
    tokens = await connect(await register(api), await sign_in(api), scope="events:read")
    path = "/api/v1/events?wait=20"
    poll = asyncio.create_task(api.anonymous.get(path, headers=bearer(tokens), timeout=30))
    await asyncio.sleep(0.2)
    assert not poll.done()
    await api.client.delete(f"/api/v1/oauth/connections/{(await connection_of(api))['id']}")
    assert (await asyncio.wait_for(poll, 15)).status_code == 401


async def test_an_app_that_is_connected_anew_makes_a_new_hook_and_not_its_old_one(api, register, sign_in):
    app, person = await register(api), await sign_in(api)
    first = await subscribe(api.anonymous, bearer(await connect(app, person, **WRITES)), path="zapier/hooks")
    await api.client.delete(f"/api/v1/oauth/connections/{(await connection_of(api))['id']}")
    tokens = await connect(app, person, **WRITES)
    assert await subscribe(api.anonymous, bearer(tokens), path="zapier/hooks") != first


async def test_what_an_app_pointed_to_its_own_target_ends_with_it_too(api, register, sign_in):
    tokens = await connect(await register(api), await sign_in(api), **WRITES)
    mine = await subscribe(api.client)
    path = f"/api/v1/webhooks/subscriptions/{mine}"
    await api.anonymous.patch(path, json={"target_url": "https://app.example/in"}, headers=bearer(tokens))
    await api.client.delete(f"/api/v1/oauth/connections/{(await connection_of(api))['id']}")
    assert await states(api) == {mine: ("disabled", "disconnected")}
    resumed = (await api.client.patch(path, json={"status": "active"})).json()
    assert (resumed["status"], resumed["created_by"]["kind"]) == ("active", "key")


@pytest.mark.parametrize("way", ["code replay", "token replay", "revocation", "removal", "portal"])
async def test_however_a_connection_ends_its_subscriptions_do(running, register, sign_in, way):
    app, person = await register(running), await sign_in(running)
    code = (await person.decide(await person.open(app.asks(**WRITES))))["code"]
    tokens = await app.exchange(code)
    made = await subscribe(running.anonymous, bearer(tokens))
    if way == "code replay":
        await app.exchange(code, expect=400)
    elif way == "token replay":
        tables = grants_of(running)._context.database
        await app.refresh(tokens["refresh_token"])
        await execute(tables, "UPDATE oauth_tokens SET replaced_ms = replaced_ms - 61000")
        await app.refresh(tokens["refresh_token"], expect=400)
    elif way == "revocation":
        await app.revoke(tokens["refresh_token"])
    elif way == "removal":
        await running.operator.delete(f"/api/v1/oauth/apps/{app.client_id}")
    else:
        page = await person.open("/portal/x/oauth/apps")
        form = {"connection": (await connection_of(running))["id"], **hidden(page)}
        done = await person.http.post(page.url, data=form)
        told = (await person.open(done.headers["location"])).text
        assert "The app is disconnected; 1 subscription that it made is disabled." in told
    assert await states(running) == {made: ("disabled", "disconnected")}
    assert (await app.me(tokens["access_token"])).status_code == 401


async def test_a_connection_ends_with_the_key_that_allowed_it(running, register, visit):
    app = await register(running)
    record, key = await running.hub.keys.create(running.company_id, name="Jane", scopes=SCOPES)
    tokens = await connect(app, await visit(running, key), **WRITES)
    made = await subscribe(running.anonymous, bearer(tokens))
    connection = await connection_of(running)
    assert connection["created_by"] == {"kind": "key", "id": record.id}
    assert connection["belongs_to_company"] is False

    await running.client.delete(f"/api/v1/keys/{record.id}")

    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await running.client.get("/api/v1/oauth/connections")).json()["count"] == 0
    await grants_of(running).sweep()
    assert await states(running) == {made: ("disabled", "disconnected")}
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_an_administrator_may_choose_that_it_belongs_to_the_company(running, register, visit, sign_in):
    app = await register(running)
    record, key = await running.hub.keys.create(running.company_id, name="Jane", scopes=[*SCOPES, "admin"])
    person = await visit(running, key)
    page = await person.open(app.asks(**WRITES))
    assert "It ends with the key “Jane”." in page.text
    answer = await person.http.post(page.url, data={"decision": "allow", "keep": "yes", **hidden(page)})
    tokens = await app.exchange(httpx2.URL(answer.headers["location"]).params["code"])
    await running.client.delete(f"/api/v1/keys/{record.id}")
    await grants_of(running).sweep()
    assert (await app.me(tokens["access_token"])).status_code == 200
    assert (await connection_of(running))["belongs_to_company"] is True

    weak = await sign_in(running, SCOPES)
    assert 'name="keep"' not in (await weak.open(app.asks(**WRITES))).text


async def test_who_may_not_administer_keeps_no_connection_beyond_the_own_key(api, register, visit):
    app = await register(api)
    record, key = await api.hub.keys.create(api.company_id, name="Jane", scopes=SCOPES)
    person = await visit(api, key)
    page = await person.open(app.asks(**WRITES))
    answer = await person.http.post(page.url, data={"decision": "allow", "keep": "yes", **hidden(page)})
    tokens = await app.exchange(httpx2.URL(answer.headers["location"]).params["code"])
    await api.client.delete(f"/api/v1/keys/{record.id}")
    assert (await app.me(tokens["access_token"])).status_code == 401


async def test_an_app_is_bound_to_the_networks_of_the_key_that_allowed_it(api, register, visit):
    app = await register(api)
    _, key = await api.hub.keys.create(api.company_id, name="Jane", scopes=["events:read"], networks=[HERE])
    tokens = await connect(app, await visit(api, key), scope="events:read")
    assert (await app.me(tokens["access_token"])).status_code == 200
    transport = httpx2.ASGITransport(app=api.app, client=ELSEWHERE)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as elsewhere:
        assert (await elsewhere.get("/api/v1/me", headers=bearer(tokens))).status_code == 403
    assert (await connection_of(api))["allowed_networks"] == [HERE]


async def test_a_key_that_is_made_by_a_link_is_not_bound_as_the_operators_key(api, visit):
    _, key = await api.hub.keys.create(None, name="backend", scopes=["operator"], networks=[HERE])
    body = {"company_id": api.company_id, "scopes": ["events:read", "admin"]}
    made = await api.anonymous.post("/api/v1/portal/links", json=body, headers={"X-Api-Key": key})
    person = await visit(api, at=made.json()["url"])
    page = await person.http.get("/portal/keys/new", follow_redirects=True)
    fields = {"name": "Zapier", "scopes": ["events:read"], **hidden(page)}
    await person.http.post(str(page.url.path).removesuffix("/new"), data=fields)

    async def keys_made() -> list[tuple]:
        keys = (await api.client.get("/api/v1/keys")).json()["keys"]
        told = ("id", "created_by", "allowed_networks", "expires_utc")
        return [tuple(one[name] for name in told) for one in keys if one["name"] == "Zapier"]

    [(key_id, maker, *bounds)] = await keys_made()
    assert (maker["kind"], bounds) == ("link", [[], None])
    rotate = f"/portal/companies/{api.company_id}/keys/{key_id}/rotate"
    await person.http.post(rotate, data=hidden(page))
    assert [maker["kind"] for _, maker, *_ in await keys_made()] == ["link", "link"]
    assert (await keys_made())[-1][-1] is None


async def test_a_connection_ends_no_later_than_the_key_that_allowed_it(timed, register, visit):
    hub, clock = timed
    app = await register(hub)
    soon = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(minutes=30)
    _, key = await hub.hub.keys.create(92, name="Jane", scopes=["events:read"], expires_utc=soon.isoformat())
    tokens = await connect(app, await visit(hub, key), scope="events:read")
    assert tokens["expires_in"] <= 1800
    clock.advance(timedelta(minutes=31))
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_a_connection_ends_no_later_than_the_visit_by_a_link(timed, register, visit):
    hub, clock = timed
    app = await register(hub)
    body = {"company_id": 92, "scopes": ["events:read"], "minutes": 1}
    link = (await hub.operator.post("/api/v1/portal/links", json=body)).json()["url"]
    tokens = await connect(app, await visit(hub, at=link), scope="events:read")
    [connection] = (await hub.client.get("/api/v1/oauth/connections")).json()["connections"]
    assert connection["created_by"]["kind"] == "link"
    assert connection["created_by"]["id"].startswith("plnk_")
    clock.advance(timedelta(days=2))
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_a_connection_that_is_used_ends_after_its_absolute_lifetime(timed, register, sign_in):
    hub, clock = timed
    app = await register(hub)
    tokens = await connect(app, await sign_in(hub, company_id=92))
    for _ in range(5):
        clock.advance(timedelta(days=70))
        tokens = await app.refresh(tokens["refresh_token"])
    clock.advance(timedelta(days=16))
    await app.refresh(tokens["refresh_token"], expect=400)
    assert (await hub.client.get("/api/v1/oauth/connections")).json()["count"] == 0


async def test_what_a_process_that_was_killed_left_undone_is_finished(timed, register, sign_in):
    hub, clock = timed
    tokens = await connect(await register(hub), await sign_in(hub, company_id=92), **WRITES)
    made = await subscribe(hub.anonymous, bearer(tokens))
    await execute(hub.hub.engines, f"UPDATE oauth_connections SET ended_ms = {clock.now_ms()}")
    assert (await hub.anonymous.get("/api/v1/me", headers=bearer(tokens))).status_code == 401
    clock.advance(timedelta(minutes=1))
    await grants_of(hub).sweep()
    assert await states(hub) == {made: ("disabled", "disconnected")}


async def test_connections_that_are_over_take_no_place_and_are_removed(trunkline_hub, register, sign_in):
    clock = MovableClock()
    hub = await trunkline_hub(settings={"oauth.max_connections": "1"}, clock=clock, dispatch=False)
    app, person = await register(hub), await sign_in(hub, company_id=92)
    await connect(app, person)
    clock.advance(timedelta(days=91))
    await connect(app, await sign_in(hub, company_id=92))
    await grants_of(hub).sweep()
    clock.advance(timedelta(minutes=1))
    await grants_of(hub).sweep()
    assert await count(hub.hub.engines, "oauth_connections") == 1


async def test_a_connection_of_before_the_terms_is_the_companys_and_ends_with_its_tokens(
    running, register, sign_in
):
    app = await register(running)
    tokens = await connect(app, await sign_in(running))
    none = "expires_ms = NULL, ends_with = NULL, granted_by_kind = NULL"
    database = running.hub.engines

    await execute(database, f"UPDATE oauth_connections SET {none} WHERE company_id = {running.company_id}")
    await grants_of(running).sweep()
    connection = await connection_of(running)
    assert (connection["created_by"], connection["belongs_to_company"]) == (None, True)
    assert (await app.me(tokens["access_token"])).status_code == 200
    over = f"UPDATE oauth_tokens SET expires_ms = 1 WHERE connection_id = '{connection['id']}'"
    await execute(database, over)
    await grants_of(running).sweep()
    assert (await running.client.get("/api/v1/oauth/connections")).json()["count"] == 0


@pytest.fixture
async def persons(make_hub, sqlite_database_url):
    """Start a hub whose portal knows users of a provider."""
    issuer = "https://id.example.com"
    settings = settings_for(issuer) | {"plugins.enabled": "portal, oauth, webhooks"}
    hub = await make_hub(sqlite_database_url, settings, dispatch=False)
    return hub, Users(hub.hub.registry.context("portal"), issuer=issuer)


async def test_a_connection_has_what_the_user_has_who_allowed_it(persons, register):
    hub, users = persons
    app = await register(hub)
    jane = Principal("pusr_jane", hub.company_id, "Jane", frozenset(SCOPES))
    await users.remember(jane)
    grantor = {"granted_by": jane.key_id, "granted_name": "Jane", "granted_by_kind": "person"}
    consent = Consent(app.client_id, hub.company_id, tuple(SCOPES), **grantor, ends_with=jane.key_id)
    code = await grants_of(hub).consent(consent, challenge=CHALLENGE, redirect_uri=None)
    tokens = await app.token(grant_type="authorization_code", code=code, code_verifier=VERIFIER)
    assert (await app.me(tokens["access_token"])).json()["scopes"] == SCOPES

    await users.remember(replace(jane, scopes=frozenset({"events:read"})))
    assert (await app.me(tokens["access_token"])).json()["scopes"] == ["events:read"]
    tokens = await app.refresh(tokens["refresh_token"])
    assert tokens["scope"] == "events:read"

    await users.remember(replace(jane, company_id=hub.neighbour_id))
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_a_user_who_has_not_signed_in_for_long_is_forgotten(persons):
    hub, users = persons
    jane = Principal("pusr_jane", hub.company_id, "Jane", frozenset({"events:read"}))
    await users.remember(jane)
    assert await hub.hub.key_service.principal(jane.key_id) == jane
    days_ms = (KEPT_DAYS + 1) * 86_400_000
    await execute(hub.hub.engines, f"UPDATE portal_users SET seen_ms = seen_ms - {days_ms}")
    assert await hub.hub.key_service.principal(jane.key_id) is None


async def test_an_app_gets_no_key_in_clear_whatever_its_scopes(api, register, sign_in):
    scopes = ["events:read", "admin"]
    app = await register(api, scopes=scopes)
    tokens = await connect(app, await sign_in(api), scope=" ".join(scopes))
    keys = (await api.client.get("/api/v1/keys")).json()["keys"]
    [key] = [one for one in keys if one["name"] == "Jane's <key>"]
    refused = await api.anonymous.post(f"/api/v1/keys/{key['id']}/rotate", headers=bearer(tokens))
    assert (refused.status_code, "An app gets no API keys" in refused.json()["detail"]) == (403, True)
    assert (await api.anonymous.get("/api/v1/keys", headers=bearer(tokens))).status_code == 200


async def test_with_a_key_its_subscriptions_end_if_that_is_asked_for(running):
    record, key = await running.hub.keys.create(running.company_id, name="Jane", scopes=["webhooks:write"])
    made = await subscribe(running.anonymous, {"X-Api-Key": key})
    kept = await subscribe(running.client, url="https://example.com/mine")
    path = f"/api/v1/keys/{record.id}"
    assert (await running.client.delete(f"{path}?with=everything")).status_code in {400, 422}
    assert (await running.client.delete(path)).status_code == 204
    assert await states(running) == {made: ("active", None), kept: ("active", None)}
    ended = await running.client.delete(f"{path}?with=subscriptions")
    assert (ended.status_code, ended.json()) == (200, {"subscriptions_disabled": 1})
    assert await states(running) == {made: ("disabled", "disconnected"), kept: ("active", None)}


async def test_the_page_that_revokes_a_key_lists_what_ends_with_it(running, register, visit, sign_in):
    record, key = await running.hub.keys.create(running.company_id, name="Jane", scopes=SCOPES)
    await connect(await register(running), await visit(running, key), **WRITES)
    made = await subscribe(running.anonymous, {"X-Api-Key": key})
    person = await sign_in(running)
    page = await person.open(f"/portal/companies/{running.company_id}/keys/{record.id}/revoke")
    assert "These apps that it connected are disconnected: Desk." in page.text
    assert "Disable the subscription that it made, too" in page.text
    await person.http.post(page.url, data={"subscriptions": "on", **hidden(page)})
    assert await states(running) == {made: ("disabled", "disconnected")}
    shown = await person.open(f"/portal/companies/{running.company_id}/subscriptions/{made}")
    assert f'(key <span class="mono">{record.id}</span>) was disconnected' in shown.text
