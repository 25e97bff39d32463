"""HTTPS that ends at a proxy: the scheme of a request is the one that a trusted proxy names in ``X-Forwarded-Proto``.

It decides about ``Secure`` cookies and about addresses that the hub names. ``server.public_url`` says both by itself, so this
stands around the app only if that is unset.
"""

import logging

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.access.client_addresses import ClientAddresses

_log = logging.getLogger(__name__)


class ForwardedScheme:
    """Takes requests as sent by HTTPS if a trusted proxy says so."""

    def __init__(self, app: ASGIApp, *, client_addresses: ClientAddresses) -> None:
        self._app = app
        self._client_addresses = client_addresses
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        named = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-proto"]
        if named and named[-1].rpartition(b",")[2].strip().lower() == b"https":
            client = scope.get("client")
            if self._client_addresses.is_proxy(client[0] if client else None):
                scope["scheme"] = "https"
                self._warn()
        await self._app(scope, receive, send)

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "clients reach the hub by HTTPS and server.public_url is unset, so documents, links and the issuer of tokens "
                "name whatever host a request names; set it to the https:// address that clients use"
            )


def install(app: FastAPI, public_url: str | None, client_addresses: ClientAddresses) -> None:
    """Put it around *app* if *public_url* is unset."""
    if public_url is None:
        app.add_middleware(ForwardedScheme, client_addresses=client_addresses)
