"""The site as a running hub serves it: public, below ``/docs/events``, made at the first request and kept."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response

from trunkline import NotFound, PluginContext
from trunkline.routes import DeferredRoute, Deployment, Routes

_CACHE_CONTROL = "public, max-age=300"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""Any site may show a page in a frame, as a product with an embedded portal does: pages have no forms and are public."""
_IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""A drawing may contain styles; if a browser opens the drawing itself, no script in the drawing runs."""
_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes = field(repr=False)
    headers: Mapping[str, str]


class _Site:
    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()
        self._files: Mapping[str, _File] | None = None

    def show(self, request: Request, path: str | None = None) -> Response:
        """Send a file of the site. A page may be named without ``.html``, or with ``.md`` instead for its Markdown.

        *path* is None for the address without the trailing slash.
        """
        files, names = self._loaded(), ["/"]
        if path is not None:
            names = [path or "index.html", f"{path}.html", f"{path.removesuffix('.md')}.html.md"]
        file = next((files[name] for name in names if name in files), None)
        if file is None:
            what = "page of the documentation"
            raise NotFound(what, path)
        sent = request.headers.get("if-none-match", "").split(",")
        if {file.headers["ETag"], "*"} & {tag.strip().removeprefix("W/") for tag in sent}:
            headers = {name: value for name, value in file.headers.items() if name != "Content-Type"}
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=dict(file.headers))

    def _loaded(self) -> Mapping[str, _File]:
        with self._lock:
            if self._files is None:
                from trunkline_docs.generator import make_site  # noqa: PLC0415 - which loads Jinja2

                plugins = self._deployment.plugins()
                has_portal = any(each["name"] == "portal" and each["state"] == "active" for each in plugins)
                site = make_site(self._deployment.product(), served_as="events", has_portal=has_portal)
                files = {path: _file(path, content) for path, content in site.files.items()}
                self._files = files | {"/": _file("index.html", site.front)}
        return self._files


def make_routes(context: PluginContext) -> Routes:
    """List the routes of the site, which is made from the hub's product."""
    site = _Site(context.deployment)
    router = APIRouter(include_in_schema=False, route_class=DeferredRoute)
    for path in ("", "/{path:path}"):
        router.add_api_route(
            path, site.show, methods=["GET", "HEAD"], summary="Read about event types, actions and searches"
        )
    return Routes(router, base="/docs", prefix="/events")


def _file(path: str, content: bytes) -> _File:
    ending = path.rpartition(".")[2]
    headers = {
        "Content-Type": "application/schema+json" if path.startswith("schemas/") else _TYPES[ending],
        "Content-Security-Policy": _IMAGE_POLICY if ending == "svg" else _PAGE_POLICY,
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Cache-Control": _CACHE_CONTROL,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return _File(content, headers)
