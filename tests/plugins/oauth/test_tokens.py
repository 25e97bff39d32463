"""Codes and tokens: used once, rotated, ended."""

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta

import pytest
from tests import clock_steps
from tests.plugins.oauth.flow import CALLBACK, VERIFIER, connect
from tests.statements import count

from trunkline_oauth import store
from trunkline_oauth.assertions import TYPE
from trunkline_oauth.model import Connection
from trunkline_oauth.secrets import digest_of


@pytest.fixture
async def connected(running, register, sign_in):
    """Give an app with its tokens, on each engine in turn."""
    app = await register(running)
    return app, await connect(app, await sign_in(running))


async def code_for(app, person, **changed):
    return (await person.decide(await person.open(app.asks(**changed))))["code"]


async def test_of_many_who_use_a_code_at_once_one_gets_tokens(running, register, sign_in):
    app, person = await register(running), await sign_in(running)
    sent = {"grant_type": "authorization_code", "code": await code_for(app, person)}
    sent |= {"code_verifier": VERIFIER, "redirect_uri": CALLBACK}
    auth = (app.client_id, app.secret)
    answers = await asyncio.gather(*(app.http.post("/oauth/token", data=sent, auth=auth) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]


@pytest.mark.parametrize(
    "changed",
    [{"code_verifier": "w" * 50}, {"redirect_uri": f"{CALLBACK}/else"}, {"redirect_uri": ""}],
)
async def test_a_code_is_worth_nothing_without_what_belongs_to_it(api, register, sign_in, changed):
    app, person = await register(api), await sign_in(api)
    code = await code_for(app, person)
    assert (await app.exchange(code, expect=400, **changed))["error"] == "invalid_grant"
    assert (await app.exchange(code, expect=400))["error"] == "invalid_grant"  # the code was used


async def test_a_code_is_its_apps_own(api, register, sign_in):
    app, other = await register(api), await register(api)
    code = await code_for(app, await sign_in(api))
    assert (await other.exchange(code, expect=400))["error"] == "invalid_grant"


async def test_refresh_tokens_rotate_and_scopes_may_be_fewer(connected):
    app, first = connected
    second = await app.refresh(first["refresh_token"], scope="events:read")
    assert second["scope"] == "events:read"
    assert second["refresh_token"] != first["refresh_token"]
    assert (await app.me(second["access_token"])).json()["scopes"] == ["events:read"]
    third = await app.refresh(second["refresh_token"])
    assert third["scope"] == "events:read integrations:read"
    assert (await app.me(first["access_token"])).status_code == 200  # until it expires
    refused = await app.refresh(third["refresh_token"], expect=400, scope="events:read admin")
    assert refused["error"] == "invalid_scope"


async def test_a_client_whose_answer_was_lost_asks_again_and_gets_the_same_token(connected):
    app, first = connected
    answers = await asyncio.gather(*(app.refresh(first["refresh_token"]) for _ in range(4)))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    for answer in answers:
        assert (await app.me(answer["access_token"])).status_code == 200


async def test_revoking(connected):
    app, tokens = connected
    second = await app.refresh(tokens["refresh_token"])
    await app.revoke(tokens["access_token"])
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await app.me(second["access_token"])).status_code == 200
    await app.revoke("oat_unknown")
    await app.revoke(second["refresh_token"])
    assert (await app.me(second["access_token"])).status_code == 401
    assert (await app.refresh(second["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_nobody_ends_what_is_anothers(api, register, sign_in):
    app, other = await register(api), await register(api)
    tokens = await connect(app, await sign_in(api))
    await other.revoke(tokens["refresh_token"])
    assert (await other.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"
    assert (await app.me(tokens["access_token"])).status_code == 200


async def test_what_has_expired_is_worth_nothing(timed, register, sign_in):
    hub, clock = timed
    app, person = await register(hub), await sign_in(hub, company_id=92)
    code = await code_for(app, person)
    clock.advance(timedelta(seconds=61))
    assert (await app.exchange(code, expect=400))["error"] == "invalid_grant"
    tokens = await connect(app, person)
    clock.advance(timedelta(seconds=3_599))
    assert (await app.me(tokens["access_token"])).status_code == 200
    clock.advance(timedelta(seconds=2))
    assert (await app.me(tokens["access_token"])).status_code == 401
    tokens = await app.refresh(tokens["refresh_token"])
    clock.advance(timedelta(seconds=91 * 86_400))
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_codes_and_tokens_that_have_expired_by_a_clock_that_is_not_trusted_stay(
    timed, register, sign_in
):
    hub, clock = timed
    app, person = await register(hub), await sign_in(hub, company_id=92)
    tokens = await connect(app, person)
    await clock_steps.step_under(hub.hub)
    clock.advance(timedelta(days=8))
    assert (await app.me(tokens["access_token"])).status_code == 401
    await app.refresh(tokens["refresh_token"])
    assert await count(hub.hub.engines, "oauth_tokens WHERE kind = 'access'") == 2


async def test_a_refresh_token_that_somebody_else_has_used_ends_the_connection(timed, register, sign_in):
    hub, clock = timed
    app = await register(hub)
    stolen = await connect(app, await sign_in(hub, company_id=92))
    tokens = await app.refresh(stolen["refresh_token"])
    clock.advance(timedelta(seconds=61))
    refused = await app.refresh(stolen["refresh_token"], expect=400)
    assert "used before" in refused["error_description"]
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_the_overlap_ends_once_the_successor_was_used(connected):
    app, first = connected
    second = await app.refresh(first["refresh_token"])
    third = await app.refresh(second["refresh_token"])
    refused = await app.refresh(first["refresh_token"], expect=400)
    assert "used before" in refused["error_description"]
    assert (await app.me(third["access_token"])).status_code == 401


async def test_the_second_use_of_a_code_ends_what_came_of_it_if_the_client_and_the_verifier_fit(
    running, register, sign_in
):
    app, other, person = await register(running), await register(running), await sign_in(running)
    code = await code_for(app, person)
    tokens = await app.exchange(code)
    await other.exchange(code, expect=400)
    await app.exchange(code, expect=400, code_verifier="w" * 50)
    await app.exchange(code, expect=400, redirect_uri=f"{CALLBACK}/else")
    assert (await app.me(tokens["access_token"])).status_code == 200
    again = await app.exchange(code, expect=400)
    assert (again["error"], "used before" in again["error_description"]) == ("invalid_grant", True)
    assert (await app.me(tokens["access_token"])).status_code == 401
    assert (await app.refresh(tokens["refresh_token"], expect=400))["error"] == "invalid_grant"


async def test_a_code_that_has_expired_still_counts_when_it_is_used_again(timed, register, sign_in):
    hub, clock = timed
    app = await register(hub)
    code = await code_for(app, await sign_in(hub, company_id=92))
    tokens = await app.exchange(code)
    clock.advance(timedelta(seconds=61))
    assert "used before" in (await app.exchange(code, expect=400))["error_description"]
    assert (await app.me(tokens["access_token"])).status_code == 401


async def test_a_request_is_answered_for_half_an_hour(timed, register, sign_in):
    hub, clock = timed
    app, person = await register(hub), await sign_in(hub, company_id=92)
    page = await person.open(app.asks())
    clock.advance(timedelta(seconds=31 * 60))
    assert "no longer valid" in (await person.http.get(page.url)).text


PROOF = {"client_id": "{id}", "client_secret": "{secret}"}


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"client_id": "app_0"}, 401, "invalid_client"),
        ({"client_id": "{id}"}, 401, "invalid_client"),
        ({"client_id": "{id}", "client_secret": "oas_wrong"}, 401, "invalid_client"),
        (PROOF, 400, "invalid_request"),
        (PROOF | {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (PROOF | {"grant_type": "refresh_token"}, 400, "invalid_request"),
        (PROOF | {"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        (PROOF | {"grant_type": "authorization_code", "code": "x"}, 400, "invalid_request"),
    ],
)
async def test_errors_are_those_of_the_standard(api, register, sent, status, error):
    app = await register(api)
    values = {name: value.format(id=app.client_id, secret=app.secret) for name, value in sent.items()}
    answer = await api.anonymous.post("/oauth/token", data=values)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_a_page_that_is_a_public_app_may_call_and_no_other_page(api, register, sign_in):
    page = await register(api, public=True)
    origin, other = "https://app.example", "https://evil.example"
    for path in ("/oauth/token", "/oauth/revoke"):
        asked = await api.anonymous.options(path, headers={"Origin": origin})
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, origin)
        assert asked.headers["access-control-allow-methods"] == "POST"
        refused = await api.anonymous.options(path, headers={"Origin": other})
        assert "access-control-allow-origin" not in refused.headers
    code = await code_for(page, await sign_in(api))
    sent = {"client_id": page.client_id, "grant_type": "authorization_code", "code_verifier": VERIFIER}
    sent |= {"redirect_uri": CALLBACK, "code": code}
    wrong = {**sent, "code": "oac_none"}
    for data, by, status, allowed in (
        (wrong, other, 400, None),
        (wrong, origin, 400, origin),
        (sent, origin, 200, origin),
    ):
        answer = await api.anonymous.post("/oauth/token", data=data, headers={"Origin": by})
        shared = answer.headers.get("access-control-allow-origin")
        assert (answer.status_code, shared) == (status, allowed)
    secret = await register(api)
    auth = (secret.client_id, secret.secret)
    answer = await api.anonymous.post("/oauth/token", data=wrong, auth=auth, headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_client_id_with_a_nul_is_unknown_in_every_way_to_send_it(running):
    client_id = "app_0123456789abcdef01234567\0"
    asked = {"grant_type": "refresh_token", "refresh_token": "ort_x", "token": "ort_x"}
    claims = urlsafe_b64encode(json.dumps({"sub": client_id}).encode()).decode().rstrip("=")
    signed = {"client_assertion": f"e30.{claims}.e30", "client_assertion_type": TYPE}
    for path in ("/oauth/token", "/oauth/revoke"):
        for proof in ({"client_id": client_id}, {"client_id": client_id, "client_secret": "oas_x"}, signed):
            answer = await running.anonymous.post(path, data={**asked, **proof})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        basic = {"Authorization": f"Basic {b64encode(client_id.encode() + b':oas_x').decode()}"}
        assert (await running.anonymous.post(path, data=asked, headers=basic)).status_code == 401
    page = await running.anonymous.get("/oauth/authorize", params={"client_id": client_id})
    assert (page.status_code, page.json()["error"]) == (400, "invalid_request")


async def test_what_is_no_form_is_refused(api, register):
    app = await register(api)
    auth = (app.client_id, app.secret)
    twice = b"grant_type=refresh_token&grant_type=x"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for request in (
        {"json": {"grant_type": "refresh_token"}},
        {"content": twice, "headers": kind},
        {"content": b"\xff=1", "headers": kind},
        {"content": b"a=" + b"b" * 20_000, "headers": kind},
    ):
        answer = await api.anonymous.post("/oauth/token", auth=auth, **request)
        assert (answer.status_code in {400, 413}, answer.json()["error"]) == (True, "invalid_request")


async def test_nothing_that_is_secret_is_stored_or_logged(timed, register, sign_in):
    hub, _ = timed
    app, person = await register(hub), await sign_in(hub, company_id=92)
    code = await code_for(app, person)
    tokens = await app.exchange(code)
    refreshed = await app.refresh(tokens["refresh_token"])
    given = [t[name] for t in (tokens, refreshed) for name in ("access_token", "refresh_token")]
    secrets = [code, app.secret, *given]
    async with hub.hub.engines.read() as connection:
        stored = [
            str(tuple(row))
            for table in (store.apps, store.codes, store.connections, store.tokens)
            for row in await connection.execute(table.select())
        ]
    assert len(stored) > 5
    assert not [secret for secret in secrets if secret in "".join(stored)]
    assert not [secret for secret in secrets if secret in hub.log.text]


async def test_what_a_connection_leaves_behind_is_bounded(api, register, sign_in, monkeypatch):
    monkeypatch.setattr(store, "KEPT_TOKENS", {"access": 3, "refresh": 4})
    app = await register(api)
    tokens = await connect(app, await sign_in(api))
    for _ in range(6):
        tokens = await app.refresh(tokens["refresh_token"])
    async with api.hub.engines.read() as connection:
        found, owner = await store.find_token(connection, digest_of(tokens["access_token"]))
        rows = (await connection.execute(store.tokens.select())).all()
    kinds = [row.kind for row in rows if row.connection_id == owner.id]
    assert (found.kind, kinds.count("access"), kinds.count("refresh")) == ("access", 3, 4)


async def test_a_code_that_becomes_a_connection_while_its_app_is_removed_gives_none(
    running, register, sign_in
):
    app, made_id = await register(running), "con_0123456789abcdef01234567"
    code = await code_for(app, await sign_in(running))
    async with running.hub.engines.write() as connection:
        taken = await store.take_code(connection, digest_of(code), connection_id=made_id)
        removing = asyncio.create_task(running.operator.delete(f"/api/v1/oauth/apps/{app.client_id}"))
        await asyncio.sleep(0.3)  # on PostgreSQL it waits for the row of the code
        made = Connection(made_id, taken.consent, "Desk", "salt", {}, created_ms=0, ends_ms=None)
        await store.insert_connection(connection, made)
    assert (await removing).status_code == 204
    async with running.hub.engines.read() as connection:
        assert await store.find_connection(connection, made_id) is None
