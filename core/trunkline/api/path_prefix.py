"""The path of ``server.public_url``, if it has one: ``/hub`` of ``https://example.com/hub``.

The proxy in front removes the path from requests, so routes and pages do not contain it. This module adds the path to each
outgoing link, in HTML, in ``Location`` and in cookie paths, and removes it from ``Referer``. This covers all plugins.
"""

import re
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINK = re.compile(rb'(\s(?:href|src|action|formaction|data-live)=")(?=/(?!/))')
"""Attributes with a path on this host. Text does not match: templates escape its quotes."""
_COOKIE_PATH = re.compile(r"(;\s*path=)(?=/)", re.IGNORECASE)


class PathPrefix:
    """Adds *prefix* to every link in the answers of *app*."""

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._referer = re.compile(rf"(https?://[^/]+){re.escape(prefix)}(?=[/?]|$)".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["headers"] = [
            (name, self._referer.sub(rb"\1", value, count=1) if name == b"referer" else value)
            for name, value in scope["headers"]
        ]
        page: list[bytes] = []
        start: Message | None = None

        async def put_before(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                self._change(headers)
                if headers.get("content-type", "").startswith("text/html"):
                    start = message
                    return
            elif start is not None:
                page.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                body = _LINK.sub(rb"\1" + self._prefix.encode(), b"".join(page))
                if body:
                    MutableHeaders(scope=start)["content-length"] = str(len(body))
                await send(start)
                message = {"type": "http.response.body", "body": body}
            await send(message)

        await self._app(scope, receive, put_before)

    def _change(self, headers: MutableHeaders) -> None:
        """Add the prefix to ``Location`` and to cookie paths."""
        location = headers.get("location", "")
        if location.startswith("/") and not location.startswith("//"):
            headers["location"] = self._prefix + location
        headers.raw[:] = [
            (name, _COOKIE_PATH.sub(rf"\1{self._prefix}", value.decode("latin-1")).encode("latin-1"))
            if name == b"set-cookie"
            else (name, value)
            for name, value in headers.raw
        ]


def install(app: FastAPI, public_url: str | None) -> None:
    """Add ``PathPrefix`` around *app* if *public_url* has a path."""
    prefix = quote(urlsplit(public_url or "").path.rstrip("/"), safe="/%~")
    if prefix:
        app.add_middleware(PathPrefix, prefix=prefix)
