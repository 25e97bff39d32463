"""The site as a running hub serves it: public, below ``/docs/events``, made at the first request and kept."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response

from trunkline import NotFound, PluginContext, Product, Routes
from trunkline_docs.generator import make_site

_CACHE_CONTROL = "public, max-age=300"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""Drawings may bring styles of their own; opened by itself, one is a page without a script."""
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
class _Served:
    content: bytes = field(repr=False)
    headers: Mapping[str, str]


class _Library:
    """The files by the paths that they are asked for, ready to be sent."""

    def __init__(self, product: Callable[[], Product]) -> None:
        self._product = product
        self._lock = threading.Lock()
        self._files: Mapping[str, _Served] | None = None

    def find(self, path: str | None) -> _Served | None:
        """Find a file by its path below ``/docs/events/``; None is the address without that slash."""
        files = self._loaded()
        if path is None:
            return files["/"]
        return next((files[one] for one in _candidates(path) if one in files), None)

    def _loaded(self) -> Mapping[str, _Served]:
        with self._lock:
            if self._files is None:
                site = make_site(self._product(), served_as="events")
                files = {path: _served(path, content) for path, content in site.files.items()}
                self._files = files | {"/": _served("index.html", site.front)}
        return self._files


def make_routes(context: PluginContext) -> Routes:
    """Build the routes over what the hub offers."""
    library = _Library(context.deployment.product)
    router = APIRouter(include_in_schema=False)

    def show(request: Request, path: str | None = None) -> Response:
        """Send a file of the site. A page is also found without ``.html``, its text with ``.md`` in its place."""
        found = library.find(path)
        if found is None:
            what = "page of the documentation"
            raise NotFound(what, path)
        if _is_known(request, found.headers["ETag"]):
            kept = {name: value for name, value in found.headers.items() if name != "Content-Type"}
            return Response(status_code=304, headers=kept)
        return Response(found.content, headers=dict(found.headers))

    for path in ("", "/{path:path}"):
        router.add_api_route(
            path, show, methods=["GET", "HEAD"], summary="Read about event types, actions and searches"
        )
    return Routes(router, base="/docs", prefix="/events")


def _candidates(path: str) -> tuple[str, ...]:
    return path or "index.html", f"{path}.html", f"{path.removesuffix('.md')}.html.md"


def _served(path: str, content: bytes) -> _Served:
    ending = path.rpartition(".")[2]
    headers = {
        "Content-Type": "application/schema+json" if path.startswith("schemas/") else _TYPES[ending],
        "Content-Security-Policy": _IMAGE_POLICY if ending == "svg" else _PAGE_POLICY,
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Cache-Control": _CACHE_CONTROL,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return _Served(content, headers)


def _is_known(request: Request, etag: str) -> bool:
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return etag in known or "*" in known
