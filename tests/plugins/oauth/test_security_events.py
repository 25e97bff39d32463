"""The log shows each action on apps and connections, with its author and address."""

import logging

import pytest
from tests.plugins.oauth.flow import CALLBACK, connect


@pytest.fixture
def events(caplog, monkeypatch):
    """``events()``: the security events since the last call, with their names and facts, even if very many are refusals."""
    monkeypatch.setattr(logging.getLogger("trunkline.security"), "filters", [])
    caplog.set_level(logging.INFO, "trunkline.security")

    def taken() -> list[dict]:
        found = [vars(record) for record in caplog.records if record.name == "trunkline.security"]
        caplog.clear()
        return found

    return taken


async def test_each_event_says_who_and_from_where(api, register, sign_in, events):
    app = await register(api)
    (registered,) = events()
    told = {
        "security_event": "app_registered",
        "client_id": app.client_id,
        "app": "Desk",
        "address": "127.0.0.1",
    }
    assert registered.items() >= told.items()
    assert registered["principal_id"].startswith("key_")
    assert registered["request_id"]

    person = await sign_in(api)
    (signed_in,) = events()
    jane = {"who": "Jane's <key>"}
    assert signed_in.items() >= {"security_event": "signed_in", "way": "key", **jane}.items()
    tokens = await connect(app, person)
    given, connected = events()
    assert (given["security_event"], connected["security_event"]) == ("consent_given", "app_connected")
    whose = {**jane, "company_id": api.company_id, "client_id": app.client_id}
    assert given.items() >= {**whose, "scopes": "events:read,integrations:read"}.items()

    await person.decide(await person.open(app.asks()), "deny")
    assert [one["security_event"] for one in events()] == ["consent_refused"]

    [connection] = (await api.client.get("/api/v1/oauth/connections")).json()["connections"]
    path = f"/api/v1/oauth/connections/{connection['id']}"
    await api.client.delete(path, headers={"X-Forwarded-For": "203.0.113.7"})
    (ended,) = events()
    told = {"security_event": "app_disconnected", "address": "203.0.113.7", "connection_id": connection["id"]}
    assert ended.items() >= {**told, "company_id": api.company_id}.items()
    assert ended["principal_id"].startswith("key_")

    again = await connect(app, person)
    await app.revoke(again["refresh_token"])
    by_the_app = events()[-1]
    assert (by_the_app["security_event"], by_the_app["client_id"]) == ("app_disconnected", app.client_id)
    assert "principal_id" not in by_the_app

    await api.operator.delete(f"/api/v1/oauth/apps/{app.client_id}")
    (removed,) = events()
    assert (removed["security_event"], removed["client_id"]) == ("app_removed", app.client_id)
    assert tokens["access_token"] not in str(removed)


async def test_what_an_attacker_does_is_a_warning(api, register, sign_in, events):
    app, person = await register(api), await sign_in(api)
    code = (await person.decide(await person.open(app.asks())))["code"]
    tokens = await app.exchange(code)
    events()
    await app.exchange(code, expect=400)
    (replayed,) = events()
    assert (replayed["security_event"], replayed["levelname"]) == ("code_replayed", "WARNING")
    assert replayed["client_id"] == app.client_id
    assert code not in str(replayed)

    tokens = await connect(app, person)
    second = await app.refresh(tokens["refresh_token"])
    await app.refresh(second["refresh_token"])
    events()
    await app.refresh(tokens["refresh_token"], expect=400)
    assert [one["security_event"] for one in events()] == ["refresh_replayed"]

    wrong = {"client_secret": "oas_wrong", "grant_type": "refresh_token"}
    for sent, auth in (({**wrong, "client_id": app.client_id}, None), ({}, (app.client_id, "oas_wrong"))):
        answer = await api.anonymous.post("/oauth/token", data={"x": "1", **sent}, auth=auth)
        assert answer.status_code == 401, answer.text
        (refused,) = events()
        assert (refused["security_event"], refused["client_id"]) == ("client_refused", app.client_id)
        assert "oas_wrong" not in str(refused)


async def test_a_sign_in_that_fails_is_told_whichever_way_it_was(api, sign_in, events):
    person = await sign_in(api)
    person.http.cookies.clear()
    events()
    page = await person.http.get("/portal/sign-in")
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    await person.http.post("/portal/sign-in", data={"key": "wlcro_live_92_guess", "csrf": csrf})
    await person.http.post("/portal/enter", data={"link": "none", "csrf": csrf})
    by_key, by_link = events()
    assert {by_key["security_event"], by_link["security_event"]} == {"sign_in_failed"}
    assert (by_key["way"], by_link["way"]) == ("key", "link")
    assert "guess" not in str(by_key["reason"])


async def test_changing_an_app_and_its_secret_is_told(api, register, events):
    app = await register(api)
    path = f"/api/v1/oauth/apps/{app.client_id}"
    await api.operator.patch(path, json={"name": "Desk 2", "redirect_uris": [CALLBACK]})
    secret = (await api.operator.post(f"{path}/rotate-secret")).json()["client_secret"]
    _, changed, rotated = events()
    assert (changed["security_event"], changed["changed"]) == ("app_changed", ["name", "redirect_uris"])
    assert rotated["security_event"] == "app_secret_rotated"
    assert secret not in str(rotated)
