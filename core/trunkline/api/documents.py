"""The machine-readable descriptions of the API, and the page that shows them, which works without internet access."""

import asyncio
import secrets
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from trunkline.api.asyncapi import asyncapi
from trunkline.api.openapi import openapi
from trunkline.api.openapi_3_0 import as_3_0
from trunkline.api.routing import route
from trunkline.schemas.catalog import SchemaCatalog

_ASSETS = "/docs/assets"
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy of the page; Swagger UI needs inline styles."""
_CONTRAST = """
.swagger-ui .info .title small { background: #555b66 }
.swagger-ui .info .title small.version-stamp { background: #4a6a02 }
.swagger-ui .info .link, .swagger-ui .info .link .url { color: #1a5fa8 }
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
"""Corrections of colors in Swagger UI that are too pale to read (WCAG 2.1, 1.4.3)."""


class _Document:
    """A document that is made once for each revision of *catalog*. It is made in a thread, because that takes long."""

    def __init__(self, catalog: SchemaCatalog, make: Callable[[FastAPI], dict[str, Any]]) -> None:
        self._catalog = catalog
        self._make = make
        self._making = asyncio.Lock()
        self._made: tuple[int, bytes] | None = None

    async def answer(self, app: FastAPI) -> Response:
        async with self._making:
            revision = self._catalog.revision
            if self._made is None or self._made[0] != revision:
                body = await asyncio.to_thread(lambda: orjson.dumps(self._make(app)))
                self._made = revision, body
        return Response(self._made[1], media_type="application/json")


class DocumentHandlers:
    """Serves the documents and the page."""

    def __init__(self, catalog: SchemaCatalog, public_url: str | None) -> None:
        self._openapi = _Document(catalog, lambda app: openapi(app, catalog, public_url))
        self._openapi_3_0 = _Document(catalog, lambda app: as_3_0(openapi(app, catalog, public_url)))
        self._asyncapi = _Document(catalog, lambda _: asyncapi(catalog, public_url))
        own = "" if public_url is None else " {}://{}".format(*urlsplit(public_url)[:2])
        self._policy = f"{_POLICY}; connect-src 'self'{own}"

    @route("GET", "/openapi.json", include_in_schema=False)
    async def show_openapi(self, request: Request) -> Response:
        """Serve the OpenAPI 3.1 document of the calls and events that this deployment has enabled."""
        return await self._openapi.answer(request.app)

    @route("GET", "/openapi-3.0.json", include_in_schema=False)
    async def show_openapi_3_0(self, request: Request) -> Response:
        """Serve the same document as OpenAPI 3.0, for generators that cannot read 3.1."""
        return await self._openapi_3_0.answer(request.app)

    @route("GET", "/asyncapi.json", include_in_schema=False)
    async def show_asyncapi(self, request: Request) -> Response:
        """Serve the AsyncAPI 3.1 document of the events."""
        return await self._asyncapi.answer(request.app)

    @route("GET", "/docs", include_in_schema=False)
    async def show_docs(self) -> HTMLResponse:
        """Show the API reference, with Swagger UI from our own host."""
        page = get_swagger_ui_html(
            openapi_url="openapi.json",  # relative to the page's own folder, so that any proxy path works
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


def install(app: FastAPI) -> None:
    """Serve the assets of the page, which come in a Python package."""
    app.mount(
        _ASSETS, StaticFiles(directory=Path(str(files("fastapi_offline"))) / "static"), name="docs-assets"
    )
