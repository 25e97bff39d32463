"""An operator changes an app, replaces its secret, or lets it sign with its own key."""

import asyncio
import json
from datetime import timedelta

from tests.answers import json_of
from tests.plugins.oauth.flow import CALLBACK, App, connect

ELSEWHERE = "https://desk.example/back"


async def test_name_and_redirects_change_and_connections_stay(running, register, sign_in):
    app, person = await register(running), await sign_in(running)
    tokens = await connect(app, person)
    path = f"/api/v1/oauth/apps/{app.client_id}"
    changed = json_of(
        await running.operator.patch(path, json={"name": "Desk 2", "redirect_uris": [ELSEWHERE]})
    )
    assert (changed["name"], changed["redirect_uris"]) == ("Desk 2", [ELSEWHERE])
    assert (await running.anonymous.get(app.asks())).status_code == 400
    page = await person.open(app.asks(redirect_uri=ELSEWHERE))
    assert "Desk 2 asks for access" in page.text
    assert (await app.me(tokens["access_token"])).json()["key_name"] == "Desk 2"
    [connection] = (await running.client.get("/api/v1/oauth/connections")).json()["connections"]
    assert connection["app"] == "Desk 2"
    assert (await app.refresh(tokens["refresh_token"]))["access_token"]


async def test_only_operators_change_what_is_registered_here(api, register):
    app = await register(api)
    path = f"/api/v1/oauth/apps/{app.client_id}"
    assert (await api.client.patch(path, json={"name": "Mine"})).status_code == 403
    assert (await api.client.post(f"{path}/rotate-secret")).status_code == 403
    assert (await api.operator.patch("/api/v1/oauth/apps/app_0", json={"name": "x"})).status_code == 404
    assert (await api.operator.post("/api/v1/oauth/apps/app_0/rotate-secret")).status_code == 404
    for field, empty in {"name": "", "redirect_uris": [], "scopes": []}.items():
        answer = await api.operator.patch(path, json={field: empty})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, f"/{field}")
    public = await register(api, public=True)
    refused = await api.operator.post(f"/api/v1/oauth/apps/{public.client_id}/rotate-secret")
    assert (refused.status_code, "has no secret" in refused.json()["detail"]) == (409, True)


async def test_both_secrets_are_taken_during_the_overlap_and_then_the_new_one(timed, register, sign_in):
    hub, clock = timed
    app = await register(hub)
    tokens = await connect(app, await sign_in(hub, company_id=92))
    path = f"/api/v1/oauth/apps/{app.client_id}/rotate-secret"
    answer = await hub.operator.post(path, json={"overlap_seconds": 3_600})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    new = App(hub.anonymous, app.client_id, answer.json()["client_secret"])
    tokens = await new.refresh(tokens["refresh_token"])
    clock.advance(timedelta(seconds=3_599))
    tokens = await app.refresh(tokens["refresh_token"])
    clock.advance(timedelta(seconds=2))
    assert (await app.refresh(tokens["refresh_token"], expect=401))["error"] == "invalid_client"
    tokens = await new.refresh(tokens["refresh_token"])
    answer = await hub.operator.post(path, json={"overlap_seconds": 0})
    assert (await new.refresh(tokens["refresh_token"], expect=401))["error"] == "invalid_client"
    newest = App(hub.anonymous, app.client_id, answer.json()["client_secret"])
    await newest.refresh(tokens["refresh_token"])


async def test_changes_at_the_same_time_undo_nothing_of_each_other(running, register):
    app = await register(running)
    path = f"/api/v1/oauth/apps/{app.client_id}"
    answers = await asyncio.gather(
        *(running.operator.patch(path, json={"name": f"Desk {number}"}) for number in range(6)),
        running.operator.post(f"{path}/rotate-secret", json={"overlap_seconds": 0}),
        *(running.operator.patch(path, json={"redirect_uris": [ELSEWHERE]}) for _ in range(6)),
    )
    new = App(running.anonymous, app.client_id, answers[6].json()["client_secret"])
    assert (await new.refresh("ort_none", expect=400))["error"] == "invalid_grant"
    listed = (await running.operator.get("/api/v1/oauth/apps")).json()["apps"]
    (found,) = [one for one in listed if one["client_id"] == app.client_id]
    assert (found["redirect_uris"], found["name"][:5]) == ([ELSEWHERE], "Desk ")


async def test_an_app_proves_who_it_is_in_one_way(api, register):
    desk = {"name": "Desk", "redirect_uris": [CALLBACK]}
    both = {**desk, "public": True, "jwks_uri": "https://desk.example/keys"}
    answer = await api.operator.post("/api/v1/oauth/apps", json=both)
    assert (answer.status_code, "exclude each other" in answer.text) == (422, True)
    symmetric, private = {"kty": "oct", "k": "AA"}, {"kty": "EC", "d": "AA"}
    for jwks in ({}, [], {"keys": []}, {"keys": [symmetric]}, {"keys": [private]}):
        answer = await api.operator.post("/api/v1/oauth/apps", json={**desk, "jwks": jwks})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/jwks"), json.dumps(jwks)
    app = await register(api)
    path = f"/api/v1/oauth/apps/{app.client_id}"
    refused = await api.operator.patch(path, json={"jwks_uri": "https://desk.example/keys"})
    assert (refused.status_code, "register it anew" in refused.json()["detail"]) == (409, True)
