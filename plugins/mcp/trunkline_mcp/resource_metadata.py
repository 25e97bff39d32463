"""The metadata that names the token issuers for ``/mcp`` (RFC 9728), and the challenge that points clients to the metadata."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trunkline import PluginContext, Refused
from trunkline.routes import COMPANY_SCOPES, DeferredRoute, Routes, StrictRoute

WELL_KNOWN = "/.well-known/oauth-protected-resource"
SCOPES = ("integrations:read", "integrations:write", "events:read", "webhooks:write")
"""Scopes that an agent can use."""
_NO_STORE = {"Cache-Control": "no-store"}


class ResourceMetadata:
    """Names the issuers of tokens, if any: the hub itself and *issuer* for the server, *hub_issuer* for the whole hub."""

    def __init__(self, context: PluginContext, *, issuer: str | None, hub_issuer: str | None) -> None:
        self._context = context
        self._issuer = issuer
        self._hub_issuer = hub_issuer

    async def show(self, request: Request) -> Response:
        """Answer with the MCP server's address, and the issuers of tokens for it."""
        return self._shown(request, "/mcp", self._servers(request, self._issuer), SCOPES)

    async def show_hub(self, request: Request) -> Response:
        """Answer with the hub's address, below which API and MCP server are, and its token issuers (RFC 9728, 3.3)."""
        return self._shown(request, "", self._servers(request, self._hub_issuer), COMPANY_SCOPES)

    def challenge(self, request: Request, *, error: str | None, scopes: Sequence[str] = SCOPES) -> str | None:
        """Write the value of ``WWW-Authenticate``; None if there is no issuer."""
        if not self._servers(request, self._issuer):
            return None
        facts = {
            "error": error,
            "resource_metadata": f"{self._base(request)}{WELL_KNOWN}/mcp",
            "scope": " ".join(scopes),
        }
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in facts.items() if value)

    def _shown(self, request: Request, path: str, servers: list[str], scopes: Sequence[str]) -> Response:
        if not servers:
            return JSONResponse({"error": "not_found"}, 404, headers=_NO_STORE)
        return JSONResponse(
            {
                "resource": f"{self._base(request)}{path}",
                "authorization_servers": servers,
                "scopes_supported": list(scopes),
                "bearer_methods_supported": ["header"],
                "resource_name": self._context.deployment.brand.title,
            },
            headers=_NO_STORE,
        )

    def _servers(self, request: Request, issuer: str | None) -> list[str]:
        plugins = self._context.deployment.plugins()
        has_own = any(plugin["name"] == "oauth" and plugin["state"] == "active" for plugin in plugins)
        own = [self._base(request)] if has_own else []
        return own if issuer is None else [issuer, *own]

    def _base(self, request: Request) -> str:
        return self._context.deployment.address(str(request.base_url))


def make_routes(metadata: ResourceMetadata, *, public_url: str | None) -> Routes:
    """Build the routes for ``/mcp`` and for the whole hub, each also with the path of *public_url* (RFC 9728, 3.1)."""
    router = APIRouter(include_in_schema=False, route_class=DeferredRoute)
    for path in {"", urlsplit(public_url or "").path}:
        router.add_api_route(f"{path}/mcp", metadata.show, methods=["GET"])
        router.add_api_route(path, metadata.show_hub, methods=["GET"])
    return Routes(router, prefix=WELL_KNOWN, base="")


def challenging(metadata: ResourceMetadata) -> type[StrictRoute]:
    """Make the class of routes whose refusals name the issuers of tokens."""

    class ChallengingRoute(StrictRoute):
        """A route that points clients without a valid token to an issuer."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Add the challenge to the route's refusals."""
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return await handle(request)
                except Refused as refusal:
                    if refusal.status == 401:
                        was_sent = "error=" in refusal.headers.get("WWW-Authenticate", "")
                        challenge = metadata.challenge(request, error="invalid_token" if was_sent else None)
                        refusal.headers |= {} if challenge is None else {"WWW-Authenticate": challenge}
                    raise

            return answer

    return ChallengingRoute
