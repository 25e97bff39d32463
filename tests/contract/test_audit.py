"""Every route that changes something leaves an entry in the audit log: each has a call in this file, or a reason."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import iter_route_contexts
from sqlalchemy import text

SUBSCRIPTIONS, HOOKS = "/api/v1/subscriptions", "/api/v1/webhooks/subscriptions"
DATA = "data of the product, which the log of events has"
NO_CHANGE = "it changes nothing"
TOKENS = "tokens of a connection that was allowed, whose beginning and end are in the log"
SESSIONS = "sign-in, and forms that call what the routes of the API call (tests/plugins/portal)"
LEFT_OUT = {
    "POST /api/v1/events": DATA,
    "POST /api/v1/events/batch": DATA,
    "POST /api/v1/events/test": DATA,
    f"POST {SUBSCRIPTIONS}/{{subscription_id}}/test": NO_CHANGE,
    f"POST {HOOKS}/{{subscription_id}}/test": NO_CHANGE,
    "POST /api/v1/alerts/test": NO_CHANGE,
    "POST /api/v1/consumers/{name}/commit": "how far a reader is",
    "POST /mcp": "calls of tools, which are recorded as the actions and subscriptions that they make",
    "DELETE /mcp": NO_CHANGE,
    "POST /oauth/token": TOKENS,
    "POST /oauth/revoke": "ends a connection as DELETE /api/v1/oauth/connections/{connection_id} does",
}
PREFIXES = {"/api/v1/integrations/": DATA, "/portal": SESSIONS, "/oauth/authorize": SESSIONS}
EVENT_SCHEMA = {
    "title": "Thing made",
    "description": "A thing was made.",
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "examples": [{"name": "a"}],
}


class Caller:
    """Calls routes, and finds the entries of the audit log for each call."""

    def __init__(self, hub, receiver):
        self.hub, self.receiver = hub, receiver
        self.actions: dict[str, set[str]] = {}
        self._seen = 0

    async def call(self, route: str, body: Any = None, *, operator: bool = False, **ids: str) -> Any:
        """Call *route* with *ids* for the parameters of its path."""
        client = self.hub.operator if operator else self.hub.client
        method, _, path = route.partition(" ")
        await self.news()
        answer = await client.request(method, path.format(**ids), **({} if body is None else {"json": body}))
        assert answer.is_success, (route, answer.text)
        self.actions.setdefault(route, set()).update(await self.news())
        return answer.json() if answer.content else None

    async def news(self) -> set[str]:
        """List the actions that were logged since the last call."""
        page = (await self.hub.operator.get("/api/v1/audit", params={"limit": 200})).json()["entries"]
        fresh = {entry["action"] for entry in page if entry["id"] > self._seen}
        self._seen = max((entry["id"] for entry in page), default=0)
        return fresh


async def companies(caller: Caller) -> None:
    one = "/api/v1/companies/{company_id}"
    made = await caller.call("POST /api/v1/companies", {"name": "Ada"}, operator=True)
    await caller.call(f"PATCH {one}", {"time_zone": "Europe/Berlin"}, operator=True, company_id=made["id"])
    await caller.call(f"DELETE {one}", operator=True, company_id=made["id"])
    await caller.call("PATCH /api/v1/alerts", {"alert_recipients": ["ops@acme.example"]})


async def keys(caller: Caller) -> None:
    wish = {"company_id": 92, "name": "k", "scopes": ["events:read"]}
    made = await caller.call("POST /api/v1/keys", wish, operator=True)
    await caller.call("POST /api/v1/keys/{key_id}/rotate", {}, key_id=made["id"])
    await caller.call("DELETE /api/v1/keys/{key_id}", key_id=made["id"])


async def event_types(caller: Caller) -> None:
    wish = {"type": "thing.made", "schema": EVENT_SCHEMA}
    await caller.call("POST /api/v1/event-types", wish, operator=True)
    revised = {"schema": {**EVENT_SCHEMA, "title": "Thing was made"}}
    await caller.call("PATCH /api/v1/event-types/{name}", revised, operator=True, name="thing.made")


async def subscriptions(caller: Caller) -> None:
    for base, wish in ((SUBSCRIPTIONS, {"channel": "webhooks"}), (HOOKS, {})):
        target = {"target_url": f"{caller.receiver.url}{base}", "event_types": ["*"]}
        made = await caller.call(f"POST {base}", {**target, **wish})
        one, ids = f"{base}/{{subscription_id}}", {"subscription_id": made["id"]}
        await caller.call(f"PATCH {one}", {"max_in_flight": 3}, **ids)
        await caller.call(f"POST {one}/rotate-secret", {}, **ids)
        replay = await caller.call(f"POST {one}/replay", {}, **ids)
        await caller.call("DELETE /api/v1/replays/{replay_id}", replay_id=replay["id"])
        await caller.call(f"DELETE {one}", **ids)


async def hooks(caller: Caller) -> None:
    wish = {"target_url": f"{caller.receiver.url}/hook", "event_type": "lead.created"}
    for channel in ("zapier", "n8n", "make"):
        made = await caller.call(f"POST /api/v1/{channel}/hooks", wish)
        await caller.call(f"DELETE /api/v1/{channel}/hooks/{{hook_id}}", hook_id=made["id"])


async def deliveries(caller: Caller) -> None:
    target = {"target_url": f"{caller.receiver.url}/d", "event_types": ["*"]}
    made = (await caller.hub.client.post(HOOKS, json=target)).json()
    event = await caller.hub.emit("lead.created")
    [number] = [
        row[0] for row in await _rows(caller, "SELECT no FROM subscriptions WHERE id = :id", id=made["id"])
    ]
    await _rows(
        caller,
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
        "VALUES (:position, :no, 'pending', 1, 1, 1) RETURNING position",
        position=event.event_id,
        no=number,
    )
    for act in ("retry", "skip"):
        route = f"POST /api/v1/deliveries/{{delivery_id}}/{act}"
        await caller.call(route, delivery_id=f"dlv_{event.event_id}_{number}")


async def _rows(caller: Caller, statement: str, **values: object) -> list[Any]:
    async with caller.hub.hub.engines.write() as connection:
        return (await connection.execute(text(statement), values)).all()


async def quarantine(caller: Caller) -> None:
    right = caller.hub.events("lead.created")
    for kind in ("one", "other", "third"):
        body = {"type": "lead.created", "payload": {"wrong": kind}}
        assert (await caller.hub.client.post("/api/v1/events", json=body)).status_code == 202
    waiting = (await caller.hub.client.get("/api/v1/quarantine")).json()["quarantined"]
    first, second, third = (event["id"] for event in waiting)
    one = "/api/v1/quarantine/{quarantine_id}"
    await caller.call(f"PATCH {one}", {"payload": right}, quarantine_id=first)
    await caller.call(f"POST {one}/release", quarantine_id=first)
    await caller.call(f"PATCH {one}", {"payload": right}, quarantine_id=second)
    await caller.call("POST /api/v1/quarantine/release", {"type": "lead.created"})
    await caller.call(f"DELETE {one}", quarantine_id=third)


async def apps(caller: Caller) -> None:
    wish = {"name": "App", "redirect_uris": ["https://app.example.com/cb"], "scopes": ["events:read"]}
    made = await caller.call("POST /api/v1/oauth/apps", wish, operator=True)
    app_id = made["client_id"]
    one = "/api/v1/oauth/apps/{app_id}"
    await caller.call(f"PATCH {one}", {"name": "Other"}, operator=True, app_id=app_id)
    await caller.call(f"POST {one}/rotate-secret", {}, operator=True, app_id=app_id)
    now_ms = caller.hub.hub._clock.now_ms()
    await _rows(
        caller,
        "INSERT INTO oauth_connections (id, app_name, salt, created_ms, expires_ms, client_id, company_id, scopes, "
        "granted_by, granted_name, pins) VALUES ('con_1', 'App', 'x', :now, NULL, :app, 92, 'events:read', 'key_1', 'k', '{}') "
        "RETURNING id",
        now=now_ms,
        app=app_id,
    )
    await caller.call("DELETE /api/v1/oauth/connections/{connection_id}", connection_id="con_1")
    await caller.call(f"DELETE {one}", operator=True, app_id=app_id)


async def consumers(caller: Caller) -> None:
    one = "/api/v1/consumers/{name}"
    await caller.call(f"PUT {one}", {"event_types": ["lead.created"]}, name="billing")
    await caller.call(f"POST {one}/seek", {"time": "2026-01-28T10:30:00Z"}, name="billing")
    await caller.call(f"DELETE {one}", name="billing")


async def links(caller: Caller) -> None:
    wish = {"company_id": 92, "scopes": ["events:read"]}
    await caller.call("POST /api/v1/portal/links", wish, operator=True)


CALLS: tuple[Callable[[Caller], Awaitable[None]], ...] = (
    *(companies, keys, event_types, subscriptions, hooks, deliveries, quarantine, apps, consumers, links),
)


async def test_every_route_that_changes_something_leaves_an_entry(sqlite_database_url, make_hub, receiver):
    chosen = {"validation.default": "quarantine", "server.public_url": "https://hub.example.com"}
    hub = await make_hub(sqlite_database_url, chosen, dispatch=False)
    caller = Caller(hub, receiver)
    for calls in CALLS:
        await calls(caller)
    writing = {
        f"{method} {context.path}"
        for context in iter_route_contexts(hub.app.routes)
        for method in (context.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if not context.path.startswith(tuple(PREFIXES))
    }
    assert writing - LEFT_OUT.keys() - caller.actions.keys() == set()
    assert LEFT_OUT.keys() <= writing
    assert {route for route, actions in caller.actions.items() if not actions} == set()
    assert len(caller.actions) > 30
