"""The machine-readable description of the API, and the page that shows it, which needs no internet."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from trunkline.api import models, stand_ins
from trunkline.api.problems import MEDIA_TYPE, Problem
from trunkline.api.routing import Route, bind
from trunkline.errors import pointer
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.targets.signatures import (
    ATTEMPT_HEADER,
    CURSOR_HEADER,
    DELIVERY_ID_HEADER,
    EVENT_TYPE_HEADER,
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
)
from trunkline.version import __version__

DESCRIPTION = """
One stream of business events, taken as signed webhooks, by cursor polling, or through Zapier, n8n and Make.

Every call below `/api/v1` carries an API key in the header `X-Api-Key`. Errors are problem details (RFC 9457): `detail` is
one sentence that says what to do, `errors` names each field at fault.
""".strip()
_ASSETS = "/docs/assets"
_log = logging.getLogger(__name__)
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy of the page; Swagger UI styles its elements one by one."""
_CONTRAST = """
.swagger-ui .info .title small { background: #555b66 }
.swagger-ui .info .title small.version-stamp { background: #4a6a02 }
.swagger-ui .info .link .url { color: #1a5fa8 }
.swagger-ui .btn.authorize { border-color: #1a7a4c; color: #1a7a4c }
.swagger-ui .btn.authorize svg { fill: #1a7a4c }
.swagger-ui .opblock-get .opblock-summary-method { background: #1a5fa8 !important }
.swagger-ui .opblock-post .opblock-summary-method { background: #1a7a4c !important }
.swagger-ui .opblock-put .opblock-summary-method { background: #8a5200 !important }
.swagger-ui .opblock-patch .opblock-summary-method { background: #0b6b5a !important }
.swagger-ui .opblock-delete .opblock-summary-method { background: #b71c1c !important }
.swagger-ui .parameter__in, .swagger-ui .parameter__extension { color: #555 }
.swagger-ui .renderedMarkdown code { color: #6a00c4 }
.swagger-ui .microlight span[style*="211, 99, 99"] { color: #f0a0a0 !important }
"""
"""What Swagger UI shows in colours that are too pale to read (WCAG 2.1, 1.4.3)."""
_PUSH_HEADERS = {
    ID_HEADER: "the event's id, the same on every attempt",
    TIMESTAMP_HEADER: "Unix seconds of this attempt",
    SIGNATURE_HEADER: "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; one per live secret",
    EVENT_TYPE_HEADER: "the event's type",
    DELIVERY_ID_HEADER: "the delivery, as the delivery log names it",
    ATTEMPT_HEADER: "number of this attempt, from 1",
    CURSOR_HEADER: "resumes `GET /api/v1/events` exactly after this event",
}


class _Document:
    """A document that *make* makes for each revision of *catalog*: once, and in a thread, as that takes long."""

    def __init__(self, catalog: SchemaCatalog, make: Callable[[FastAPI], dict[str, Any]]) -> None:
        self._catalog = catalog
        self._make = make
        self._making = asyncio.Lock()
        self._made: tuple[int, bytes] | None = None

    async def answer(self, app: FastAPI) -> Response:
        async with self._making:
            revision = self._catalog.revision
            if self._made is None or self._made[0] != revision:
                self._made = (revision, await asyncio.to_thread(self._write, app))
            _, body = self._made
        return Response(body, media_type="application/json")

    def _write(self, app: FastAPI) -> bytes:
        return orjson.dumps(self._make(app))


class DocumentHandlers:
    """Serves the documents and the page."""

    def __init__(self, catalog: SchemaCatalog, public_url: str | None) -> None:
        self._openapi = _Document(catalog, lambda app: openapi(app, catalog, public_url))
        self._asyncapi = _Document(catalog, lambda _: asyncapi(catalog, public_url))
        own = "" if public_url is None else " {}://{}".format(*urlsplit(public_url)[:2])
        self._policy = f"{_POLICY}; connect-src 'self'{own}"

    async def show_openapi(self, request: Request) -> Response:
        """Serve the OpenAPI 3.1 document of what this deployment has enabled."""
        return await self._openapi.answer(request.app)

    async def show_asyncapi(self, request: Request) -> Response:
        """Serve the AsyncAPI 3.0 document of the events."""
        return await self._asyncapi.answer(request.app)

    async def show_docs(self) -> HTMLResponse:
        """Show the API reference, with Swagger UI from our own host."""
        page = get_swagger_ui_html(
            openapi_url="openapi.json",  # all of it below the page's own folder, wherever a proxy puts that
            title="trunkline API",
            swagger_js_url=f"{_ASSETS[1:]}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS[1:]}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS[1:]}/favicon.png",
            swagger_ui_parameters={
                "tryItOutEnabled": False,
                "persistAuthorization": False,
                "defaultModelsExpandDepth": 0,
            },
        )
        nonce = secrets.token_urlsafe(16)
        text = bytes(page.body).decode().replace("<html>", '<html lang="en">')
        text = text.replace("</head>", f"<style>{_CONTRAST}</style></head>")
        text = text.replace("<script>", f'<script nonce="{nonce}">')
        return HTMLResponse(text, headers={"Content-Security-Policy": self._policy.format(nonce=nonce)})


ROUTES = (
    Route("GET", "/openapi.json", DocumentHandlers.show_openapi, include_in_schema=False),
    Route("GET", "/asyncapi.json", DocumentHandlers.show_asyncapi, include_in_schema=False),
    Route("GET", "/docs", DocumentHandlers.show_docs, include_in_schema=False),
)


def make_router(catalog: SchemaCatalog, public_url: str | None) -> APIRouter:
    """Build the router that serves what describes the API of *catalog*, reached at *public_url*."""
    return bind(DocumentHandlers(catalog, public_url), ROUTES)


def install(app: FastAPI) -> None:
    """Serve the reference's assets, which come in a Python package."""
    app.mount(
        _ASSETS, StaticFiles(directory=Path(str(files("fastapi_offline"))) / "static"), name="docs-assets"
    )


def openapi(app: FastAPI, catalog: SchemaCatalog, public_url: str | None = None) -> dict[str, Any]:
    """Describe the app's routes, and the events under ``webhooks``: most of a second of work."""
    try:
        document = _described(app.routes, public_url)
    except Exception:  # noqa: BLE001 - a plugin's route: its models may have no schema
        document = _described([route for route in app.routes if _is_describable(route)], public_url)
    _add_components(document, catalog)
    _unify_errors(document)
    words = stand_ins.replacements(catalog.names(), key_prefix=app.state.hub.keys.prefix)
    described: dict[str, Any] = stand_ins.replaced(document, words)
    described["webhooks"] = {kind.name: {"post": _push(catalog.published(kind))} for kind in catalog.types()}
    return described


def _described(routes: Sequence[BaseRoute], public_url: str | None) -> dict[str, Any]:
    servers = [{"url": public_url or "/"}]
    return get_openapi(
        title="trunkline", version=__version__, description=DESCRIPTION, routes=routes, servers=servers
    )


def _is_describable(route: BaseRoute) -> bool:
    try:
        _described([route], None)
    except Exception as error:  # noqa: BLE001 - as above
        _log.error("the OpenAPI document leaves out %s, which cannot be described: %s", route, error)
        return False
    return True


def asyncapi(catalog: SchemaCatalog, public_url: str | None = None) -> dict[str, Any]:
    """Describe the events as AsyncAPI 3.0: one channel a type, which the hub sends to."""
    messages = {kind.name: _message(catalog.published(kind)) for kind in catalog.types()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "trunkline events", "version": __version__, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        **({"servers": {"hub": _server(public_url)}} if public_url else {}),
        "channels": {
            name: {
                "address": name,
                "title": message["title"],
                "messages": {"event": {"$ref": f"#/components/messages{pointer(name)}"}},
            }
            for name, message in messages.items()
        },
        "operations": {
            f"send.{name}": {
                "action": "send",
                "summary": messages[name]["title"],
                "channel": {"$ref": f"#/channels{pointer(name)}"},
                "messages": [{"$ref": f"#/channels{pointer(name)}/messages/event"}],
            }
            for name in messages
        },
        "components": {"messages": messages},
    }


def _message(kind: EventType) -> dict[str, Any]:
    return {
        "name": kind.name,
        "title": kind.title,
        "summary": kind.description,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {
                name: {"type": "string", "description": text} for name, text in _PUSH_HEADERS.items()
            },
        },
        "payload": _envelope_schema(kind),
        "examples": [{"name": "example", "payload": _example(kind)}],
    }


def _add_components(document: dict[str, Any], catalog: SchemaCatalog) -> None:
    described = (models.EventRequest, models.BatchRequest, models.Envelope, Problem)
    _, definitions = models_json_schema(
        [(model, "validation") for model in described], ref_template="#/components/schemas/{model}"
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    first = catalog.types()[0] if catalog.types() else None
    if first is not None:
        schemas["EventRequest"]["examples"] = [{"type": first.name, "payload": first.example}]
        schemas["Envelope"]["examples"] = [_example(first)]
        schemas["EventRequest"]["properties"]["type"]["enum"] = list(catalog.names())


def _unify_errors(document: dict[str, Any]) -> None:
    """Describe errors as problems, once per operation, and drop the framework's own shape of an error."""
    schema = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in document["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            automatic = (
                answers.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
            )
            if automatic.get("$ref", "").endswith("/HTTPValidationError"):
                del answers["422"]
            answers["default"] = {"description": "A problem; `detail` says what to do", "content": schema}
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _push(kind: EventType) -> dict[str, Any]:
    return {
        "summary": kind.title,
        "description": kind.description,
        "operationId": f"push_{kind.name.replace('.', '_')}",
        "tags": ["Pushed events"],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _PUSH_HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _envelope_schema(kind), "example": _example(kind)}},
        },
        "responses": {
            "2XX": {"description": "Taken; it is not sent again"},
            "410": {"description": "The subscription is disabled"},
            "default": {"description": "Tried again later"},
        },
    }


def _envelope_schema(kind: EventType) -> dict[str, Any]:
    schema = models.Envelope.model_json_schema()
    schema.pop("examples", None)
    schema["title"] = kind.title
    schema["properties"] |= {
        "type": {"const": kind.name},
        "payload": _embedded(kind),
        "metadata": {"type": "object"},
    }
    return schema


def _embedded(kind: EventType) -> dict[str, Any]:
    """Give the payload's schema without the keys that make it a document of its own: they would move its references."""
    return {name: value for name, value in kind.schema.items() if name not in {"$schema", "$id"}}


def _example(kind: EventType) -> dict[str, Any]:
    return {
        "id": 45678,
        "type": kind.name,
        "createdUtc": "2026-01-28T10:30:00Z",
        "companyId": 92,
        "payload": kind.example,
    }


def _server(public_url: str) -> dict[str, str]:
    scheme, _, host = public_url.rstrip("/").partition("://")
    return {"host": host, "protocol": scheme}
