"""The AsyncAPI 3.1 document of the events that the hub pushes to targets and returns to polls."""

from typing import Any

from trunkline.api.openapi import DESCRIPTION, PUSH_HEADERS, event_components, example_of
from trunkline.api.schema_form import COMPONENTS, Schema, formed
from trunkline.errors import pointer
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.version import __version__

_BINDING = "0.3.0"
_LOCAL = "http://127.0.0.1:8000"
"""The default address of a hub without a public URL."""


def asyncapi(catalog: SchemaCatalog, public_url: str | None = None) -> dict[str, Any]:
    """Describe the events as AsyncAPI 3.1: a channel for pushes to the target URLs of subscriptions, and a channel for polls."""
    schemas: dict[str, Schema] = {}
    messages = {kind.name: _message(kind, schemas) for kind in map(catalog.published, catalog.types())}
    listed = {name: {"$ref": f"#/components/messages{pointer(name)}"} for name in messages}
    return {
        "asyncapi": "3.1.0",
        "info": {"title": "trunkline events", "version": __version__, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"hub": _server(public_url or _LOCAL)},
        "channels": {
            "pushes": {
                "address": None,
                "title": "Pushed events",
                "description": "The address is the target URL of each subscription.",
                "messages": listed,
            },
            "events": {
                "address": "/api/v1/events",
                "title": "The stream of events",
                "servers": [{"$ref": "#/servers/hub"}],
                "messages": listed,
            },
        },
        "operations": {
            **{
                f"push.{name}": _operation("send", "pushes", "POST", [name], messages[name]["title"])
                for name in messages
            },
            "listEvents": _operation("send", "events", "GET", list(messages), "Read events in order"),
        },
        "components": {
            "messages": messages,
            "schemas": {
                name: formed(schema, "answer") | {"title": name} for name, schema in sorted(schemas.items())
            },
            "securitySchemes": {
                "ApiKey": {"type": "httpApiKey", "in": "header", "name": "X-Api-Key"},
                "Bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(action: str, channel: str, method: str, names: list[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages{pointer(name)}"} for name in names],
        "bindings": {"http": {"method": method, "bindingVersion": _BINDING}},
    }


def _message(kind: EventType, schemas: dict[str, Schema]) -> dict[str, Any]:
    headers = {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in PUSH_HEADERS.items()},
    }
    return {
        "name": kind.name,
        "title": kind.title,
        "summary": kind.description,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"{COMPONENTS}{event_components(kind, schemas)}"},
        "examples": [{"name": "example", "payload": example_of(kind)}],
        "bindings": {"http": {"headers": headers, "bindingVersion": _BINDING}},
    }


def _server(public_url: str) -> dict[str, Any]:
    scheme, _, rest = public_url.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return {
        "host": host,
        "protocol": scheme,
        **({"pathname": f"/{path}"} if slash else {}),
        "security": [
            {"$ref": "#/components/securitySchemes/ApiKey"},
            {"$ref": "#/components/securitySchemes/Bearer"},
        ],
    }
