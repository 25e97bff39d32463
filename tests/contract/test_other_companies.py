"""Records of another company do not exist for a caller: a test made from the routes of the OpenAPI document."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from tests.plugins.oauth.flow import CALLBACK, App, Person, connect

OWNER, STRANGER = 92, 93
TYPE = "lead.created"
PUBLIC_NAMES = {"name", "company_id", "app_id", "erasure_id"}
"""Parameters that name a record that all companies share (event types, schemas), or that only operators' calls have."""
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass
class Route:
    """An operation whose path names a record of a company."""

    method: str
    path: str
    operation: dict[str, Any] = field(repr=False)

    def body(self, document: dict[str, Any]) -> Any:
        """Give a valid body from the document's examples; None if the route takes no body."""
        content = self.operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        if "examples" in content:
            return next(iter(content["examples"].values()))["value"]
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        examples = document["components"]["schemas"].get(name, {}).get("examples")
        return examples[0] if examples else {}


def owned_routes(document: dict[str, Any]) -> list[Route]:
    """List the operations whose path names a record of a company; an action's PATCH route also takes PUT."""
    return [
        Route(one.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for one in ((method, "put") if method == "patch" and "/integrations/" in path else (method,))
        if set(_PARAMETER.findall(path)) - PUBLIC_NAMES
    ]


async def belongings(hub) -> dict[str, str]:
    """Make a record of every kind for the owner; return the id for each parameter of a path."""
    client = hub.client

    async def make(path: str, body: Any) -> dict[str, Any]:
        answer = await client.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    target = {"target_url": "http://127.0.0.1:9/hook"}
    subscription = await make("/webhooks/subscriptions", {**target, "event_types": ["*"]})
    second = await make("/webhooks/subscriptions", {**target, "event_types": [TYPE]})
    lead = await make("/integrations/leads", {"first_name": "J", "last_name": "D", "email": "j@d.example"})
    note = await make(f"/integrations/clients/{lead['client_id']}/notes", {"text": "Called."})
    affiliate = await make(
        "/integrations/affiliates", {"first_name": "R", "last_name": "B", "email": "r@b.example"}
    )
    event = (await client.get("/api/v1/events", params={"types": TYPE})).json()["events"][0]
    replay = await make(f"/webhooks/subscriptions/{subscription['id']}/replay", {})
    key, _ = await hub.hub.keys.create(OWNER, name="another", scopes=["events:read"])
    log = f"/api/v1/webhooks/subscriptions/{subscription['id']}/deliveries"
    async with asyncio.timeout(60):
        while not (deliveries := (await client.get(log)).json()["deliveries"]):
            await asyncio.sleep(0.02)
    hook = await make("/zapier/hooks", {**target, "event_type": TYPE})
    broken = {"type": "payment.failed", "payload": {"payment_id": "none"}}
    quarantined = (await make("/events", broken))["quarantined"]
    [connection] = await connected_apps(hub)
    return {
        "connection_id": connection["id"],
        "quarantine_id": quarantined["id"],
        "subscription_id": subscription["id"],
        "second_subscription_id": second["id"],
        "client_id": str(lead["client_id"]),
        "client_note_id": str(note["client_note_id"]),
        "affiliate_id": str(affiliate["affiliate_id"]),
        "event_id": str(event["id"]),
        "replay_id": replay["id"],
        "key_id": key.id,
        "delivery_id": deliveries[0]["id"],
        "hook_id": hook["id"],
    }


async def connected_apps(hub) -> list[dict[str, Any]]:
    """Connect an app with the owner; return the owner's connected apps."""
    registered = {"name": "Desk", "redirect_uris": [CALLBACK]}
    app = (await hub.operator.post("/api/v1/oauth/apps", json=registered)).json()
    transport = httpx2.ASGITransport(app=hub.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as http:
        person = Person(http)
        await person.sign_in(hub.client.headers["x-api-key"])
        await connect(App(hub.anonymous, app["client_id"], app["client_secret"]), person)
    return (await hub.client.get("/api/v1/oauth/connections")).json()["connections"]


@pytest.fixture
async def hub(sqlite_database_url, make_hub):
    """Start a hub with every plugin, which delivers, so that there are deliveries."""
    return await make_hub(sqlite_database_url, {"validation.types": '{"payment.failed": "quarantine"}'})


async def test_every_id_of_another_company_is_404_on_every_route_and_nothing_of_it_changes(hub):
    document = (await hub.anonymous.get("/openapi.json")).json()
    ids = await belongings(hub)
    stranger = await hub.client_of(STRANGER)
    routes = owned_routes(document)
    assert len(routes) > 30
    before = await listed(hub.client)
    wrong = []
    for route in routes:
        path = _PARAMETER.sub(lambda found: ids[found[1]], route.path)
        answer = await stranger.request(route.method, path, json=route.body(document))
        expected = (
            204 if route.method == "DELETE" and "/hooks/" in route.path else 404
        )  # §13: DELETE of any id
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        if answer.status_code != expected or is_problem is (expected == 204):
            wrong.append((route.method, path, answer.status_code, answer.text[:200]))
    assert wrong == []
    assert await listed(hub.client) == before
    assert await listed(stranger) == []

    # The counter-check: the ids are real.
    missing = []
    for route in sorted(routes, key=lambda one: (one.method == "DELETE", -one.path.count("/"))):
        if route.path == "/api/v1/subscriptions/{subscription_id}" and route.method == "DELETE":
            ids["subscription_id"] = ids[
                "second_subscription_id"
            ]  # the call of the first one's own channel deletes it
        path = _PARAMETER.sub(lambda found: ids[found[1]], route.path)
        answer = await hub.client.request(route.method, path, json=route.body(document))
        if answer.status_code == 404:
            missing.append((route.method, path, answer.text[:200]))
    assert missing == []


async def listed(client) -> list[dict[str, Any]]:
    """List the subscriptions without their delivery figures."""
    views = (await client.get("/api/v1/subscriptions")).json()["subscriptions"]
    figures = {"health", "success_rate_24h", "p95_ms_24h"}
    return [{name: value for name, value in view.items() if name not in figures} for view in views]
