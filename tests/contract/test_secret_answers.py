"""No cache keeps an answer with a secret: tests made from the OpenAPI document."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from trunkline.runtime.redaction import redact

TARGET = "https://example.com/hook"
SUBSCRIPTION = {"target_url": TARGET, "event_types": ["client.created"]}
APP = {"name": "Desk", "redirect_uris": ["https://desk.example/back"]}
KEY = {"company_id": 92, "name": "theirs", "scopes": ["events:read"]}
HOOK = {"target_url": TARGET, "event_type": "client.created"}
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/keys": KEY,
    "/api/v1/keys/{key_id}/rotate": {},
    "/api/v1/oauth/apps": APP,
    "/api/v1/oauth/apps/{app_id}/rotate-secret": {},
    "/api/v1/portal/links": {"company_id": 92},
    "/api/v1/subscriptions": {**SUBSCRIPTION, "channel": "webhooks", "target_url": f"{TARGET}/2"},
    "/api/v1/subscriptions/{subscription_id}/rotate-secret": {},
    "/api/v1/webhooks/subscriptions": SUBSCRIPTION,
    "/api/v1/webhooks/subscriptions/{subscription_id}/rotate-secret": {},
    **{f"/api/v1/{name}/hooks": HOOK for name in ("zapier", "n8n", "make")},
}
"""The body of a POST to each route whose answer holds a secret."""
NAMES = {"secret", "client_secret", "token", "access_token", "refresh_token", "password"}


def _holds_secret(schema: Any, components: dict[str, Any]) -> bool:
    """Tell whether a schema has a field with a secret's name, or with a secret as its example."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _holds_secret(components[schema["$ref"].rpartition("/")[2]], components)
        if "examples" in schema and redact(json.dumps(schema["examples"])) != json.dumps(schema["examples"]):
            return True
        if NAMES & set(schema.get("properties", {})):
            return True
        return any(_holds_secret(value, components) for name, value in schema.items() if name != "examples")
    return isinstance(schema, list) and any(_holds_secret(item, components) for item in schema)


def secret_routes(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation.get("responses", {}).items():
                content = answer.get("content", {}).get("application/json", {})
                if status.startswith("2") and _holds_secret(content, document["components"]["schemas"]):
                    yield method.upper(), path


@pytest.fixture
async def ids(api):
    """Make what the paths of these routes name; give the id for each of their parameters."""
    subscription = await api.client.post("/api/v1/webhooks/subscriptions", json=SUBSCRIPTION)
    app = await api.operator.post("/api/v1/oauth/apps", json=APP)
    key = await api.operator.post("/api/v1/keys", json=KEY)
    return {
        "subscription_id": subscription.json()["id"],
        "app_id": app.json()["client_id"],
        "key_id": key.json()["id"],
    }


async def test_an_answer_with_a_secret_is_stored_by_no_cache(api, ids):
    document = (await api.anonymous.get("/openapi.json")).json()
    wanted = {("POST", route) for route in BODIES}
    assert set(secret_routes(document)) == wanted, "a route whose answer holds a secret has a row above"
    for route, body in BODIES.items():
        by = api.operator if "/keys" in route or "/oauth" in route or "/portal" in route else api.client
        answer = await by.post(route.format(**ids), json=body)
        assert answer.is_success, (route, answer.text)
        assert answer.headers.get_list("cache-control") == ["no-store"], route
