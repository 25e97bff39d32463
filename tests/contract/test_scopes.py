"""The rights of a key by its scopes: tests made from the table of routes."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from trunkline.api.security import Requires

READ, WRITE = "webhooks:read", "webhooks:write"
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Guarded:
    """One method at one path. *guard* is its check of the key, or None."""

    method: str
    path: str
    guard: Requires | None

    @property
    def address(self) -> str:
        return _PARAMETER.sub("1", self.path)


def guards_of(dependant: Any) -> Iterator[Requires]:
    if isinstance(dependant.call, Requires):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from guards_of(inner)


def routes_of(app: FastAPI) -> list[Guarded]:
    """List every route that answers, including plugins' routes and routes that no document lists."""
    return [
        Guarded(method, context.path, next(guards_of(context.dependant), None) if context.dependant else None)
        for context in iter_route_contexts(app.routes)
        for method in sorted((context.methods or set()) - {"HEAD"})
    ]


async def test_webhooks_read_reads_all_that_webhooks_write_changes_and_changes_nothing(
    sqlite_database_url, make_hub
):
    hub = await make_hub(sqlite_database_url, dispatch=False)
    reader = await hub.client_of(92, [READ])
    routes = [route for route in routes_of(hub.app) if route.guard and route.guard.scope in {READ, WRITE}]
    assert len([route for route in routes if route.method == "GET"]) >= 10
    wrong = []
    for route in routes:
        answer = await reader.request(route.method, route.address, json={})
        if route.method == "GET":
            is_right = answer.status_code in {200, 404} and route.guard.scope == READ
        else:
            is_right = answer.status_code == 403 and WRITE in answer.json()["detail"]
        if not is_right:
            wrong.append(f"{route.method} {route.path}: {answer.status_code}")
    assert wrong == []


async def test_webhooks_read_and_webhooks_write_read_the_same(sqlite_database_url, make_hub, receiver):
    hub = await make_hub(sqlite_database_url)
    reader, writer = await hub.client_of(92, [READ]), await hub.client_of(92, [WRITE])
    made = await writer.post(
        "/api/v1/webhooks/subscriptions", json={"target_url": receiver.url, "event_types": ["*"]}
    )
    subscription = f"/api/v1/webhooks/subscriptions/{made.json()['id']}"
    await hub.emit("lead.created")
    async with asyncio.timeout(60):
        while not (log := (await reader.get(f"{subscription}/deliveries")).json()["deliveries"]):
            await asyncio.sleep(0.02)
        while (await reader.get(f"/api/v1/deliveries/{log[0]['id']}")).json()["status"] == "pending":
            await asyncio.sleep(0.02)
    assert (await reader.post(f"{subscription}/replay", json={"dry_run": True})).status_code == 403
    paths = (
        "/api/v1/subscriptions",
        "/api/v1/webhooks/subscriptions",
        "/api/v1/zapier/hooks",
        "/api/v1/n8n/hooks",
        "/api/v1/make/hooks",
        subscription,
        f"/api/v1/subscriptions/{made.json()['id']}",
        f"/api/v1/deliveries/{log[0]['id']}",
    )
    for path in paths:
        read, written = await reader.get(path), await writer.get(path)
        assert (read.status_code, read.json()) == (200, written.json()), path
    replay = (await writer.post(f"{subscription}/replay", json={})).json()
    assert (await reader.get(f"/api/v1/replays/{replay['id']}")).status_code == 200
    assert "secret" not in (await reader.get(subscription)).json()


EMITS = {("POST", "/api/v1/events"), ("POST", "/api/v1/events/batch")}
LEAD = {"companyId": 4711, "type": "lead.created", "payload": {}}


@pytest.fixture
async def emitting(sqlite_database_url, make_hub):
    """Start a hub with every plugin; give it with a client whose key emits for every company."""
    hub = await make_hub(sqlite_database_url, dispatch=False)
    return hub, await hub.client_of(None, ["events:write"])


@pytest.mark.slow
async def test_a_key_that_only_emits_gets_no_answer_from_any_route_that_strangers_do_not_get(emitting):
    """Call every route with and without a company, by header and bearer token; portal pages redirect to the sign-in."""
    hub, emitter = emitting
    key = emitter.headers["x-api-key"]
    others = [
        route
        for route in routes_of(hub.app)
        if (route.method, route.path) not in EMITS | {("GET", "/api/v1/me")}
    ]
    assert len(others) > 120
    assert {("GET", "/api/v1/quarantine"), ("POST", "/mcp"), ("POST", "/api/v1/keys")} <= {
        (route.method, route.path) for route in others
    }
    wrong = []
    for route in others:
        sent = {} if route.method == "GET" else {"json": {}}
        stranger = await hub.anonymous.request(route.method, route.address, **sent)
        for headers in (
            {"x-api-key": key},
            {"authorization": f"Bearer {key}"},
            {"x-api-key": key, "x-company-id": "92"},
        ):
            hub.anonymous.cookies.clear()
            answer = await hub.anonymous.request(route.method, route.address, headers=headers, **sent)
            is_refused = (
                answer.status_code in {401, 403}
                if route.guard
                else answer.status_code == stranger.status_code
            )
            if not is_refused:
                wrong.append(
                    f"{route.method} {route.path}: {answer.status_code}, strangers get {stranger.status_code}"
                )
            elif route.guard and answer.status_code == 403:
                assert re.search(r"'[a-z:]+'", answer.json()["detail"]), answer.text
    assert wrong == []
    hidden = [route for route in others if route.guard is None and route.method != "GET"]
    assert {route.path.split("/")[1] for route in hidden} <= {"portal", "oauth"}


async def test_a_key_that_only_emits_emits_for_every_company_in_both_environments(emitting):
    hub, emitter = emitting
    payload = hub.events("lead.created")
    lead = {"type": "lead.created", "payload": payload}
    again = {"Idempotency-Key": "once"}
    first = await emitter.post("/api/v1/events", json={**lead, "companyId": 4711}, headers=again)
    repeat = await emitter.post("/api/v1/events", json={**lead, "companyId": 4711}, headers=again)
    assert (first.status_code, repeat.status_code, repeat.json()) == (201, 200, first.json())
    named = {
        "X-Company-Id": "4712",
        "X-Environment": "test",
        "Content-Type": "application/json; charset=utf-8",
    }
    by_header = await emitter.post("/api/v1/events", content=json.dumps(lead), headers=named)  # no fast path
    assert (by_header.json()["companyId"], by_header.json()["environment"]) == (4712, "test")
    batch = {"events": [{**lead, "companyId": 4711}, {**lead, "companyId": 4713}]}
    stored = await emitter.post("/api/v1/events/batch", json=batch)
    assert [event["companyId"] for event in stored.json()["events"]] == [4711, 4713]
    unnamed = await emitter.post("/api/v1/events", json=lead)
    assert (unnamed.status_code, "X-Company-Id" in unnamed.json()["detail"]) == (400, True)
    unknown = await emitter.post("/api/v1/events", json={**lead, "companyId": "nobody"})
    assert (unknown.status_code, "'nobody'" in unknown.text) == (422, True)
    for company_id, count in ((4711, 2), (-4712, 1), (4713, 1)):
        own = await hub.client_of(company_id, ["events:read"])
        assert len((await own.get("/api/v1/events")).json()["events"]) == count
    me = await emitter.get("/api/v1/me")
    assert me.json() == {"company_id": None, "key_name": "test", "scopes": ["events:write"]}


async def test_an_operator_makes_rotates_and_revokes_keys_of_no_company_and_only_with_one_of_two_scopes(
    emitting,
):
    hub, _ = emitting
    wish = {"company_id": 0, "name": "backend", "scopes": ["events:write"]}
    made = await hub.operator.post("/api/v1/keys", json=wish)
    assert (made.status_code, made.json()["company_id"], made.json()["scopes"]) == (
        201,
        None,
        ["events:write"],
    )
    assert made.json()["key"].startswith(f"{hub.hub.keys.prefix}_live_0_")
    operator = (await hub.operator.post("/api/v1/keys", json={**wish, "scopes": ["operator"]})).json()
    assert operator["scopes"] == ["operator"]
    for scopes in (
        [],
        ["events:read"],
        ["events:write", "events:read"],
        ["operator", "events:write"],
        ["admin"],
    ):
        refused = await hub.operator.post("/api/v1/keys", json={**wish, "scopes": scopes})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "/scopes"), scopes
    for more, headers in (({"environment": "test"}, {}), ({}, {"X-Company-Id": "92"})):
        assert (await hub.operator.post("/api/v1/keys", json=wish | more, headers=headers)).status_code == 422
    admin = await hub.client_of(92)
    assert (await admin.post("/api/v1/keys", json=wish)).status_code == 403
    place = f"/api/v1/keys/{made.json()['id']}"
    assert (await admin.post(f"{place}/rotate", json={})).status_code == 404
    successor = await hub.operator.post(f"{place}/rotate", json={"overlap_seconds": 0})
    assert (successor.status_code, successor.json()["scopes"]) == (201, ["events:write"])
    lead = {**LEAD, "payload": hub.events("lead.created")}
    for key, status in ((made.json()["key"], 401), (successor.json()["key"], 201)):
        answer = await hub.anonymous.post("/api/v1/events", json=lead, headers={"X-Api-Key": key})
        assert answer.status_code == status
    assert (await hub.operator.delete(f"/api/v1/keys/{successor.json()['id']}")).status_code == 204
    bound = await hub.operator.post("/api/v1/keys", json={**wish, "allowed_networks": ["192.0.2.0/24"]})
    headers = {"X-Api-Key": bound.json()["key"]}
    assert (await hub.anonymous.post("/api/v1/events", json=lead, headers=headers)).status_code == 403


async def test_nobody_signs_in_to_the_portal_with_a_key_that_only_emits(emitting):
    hub, emitter = emitting
    page = await hub.anonymous.get("/portal/sign-in")
    token = re.search(r'name="csrf" value="([^"]*)"', page.text)
    fields = {"csrf": token[1], "key": emitter.headers["x-api-key"], "next": ""}
    answer = await hub.anonymous.post("/portal/sign-in", data=fields)
    assert (answer.status_code, "This key only emits events" in answer.text) == (422, True)
    assert not [
        cookie for cookie in answer.headers.get_list("set-cookie") if cookie.startswith("trunkline_portal=")
    ]
    assert await hub.hub.key_service.principal((await hub.hub.keys.list(0))[-1].id) is None


async def test_a_key_that_only_emits_is_not_limited_by_calls(sqlite_database_url, make_hub):
    chosen = {"limits.enabled": "true", "limits.write": "1/minute", "plugins.enabled": ""}
    hub = await make_hub(sqlite_database_url, chosen, dispatch=False)
    emitter = await hub.client_of(None, ["events:write"])
    for _ in range(3):
        answer = await emitter.post("/api/v1/events", json={**LEAD, "payload": hub.events("lead.created")})
        assert answer.status_code == 201
