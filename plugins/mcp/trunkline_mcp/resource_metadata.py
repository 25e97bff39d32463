"""Who gives tokens for ``/mcp`` (RFC 9728), and the challenge that leads a client there."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trunkline import PluginContext, Refused
from trunkline.routes import Routes, StrictRoute

WELL_KNOWN = "/.well-known/oauth-protected-resource"
SCOPES = ("integrations:read", "integrations:write", "events:read", "webhooks:write")
"""What an agent can use."""
_NO_STORE = {"Cache-Control": "no-store"}


class ResourceMetadata:
    """Knows who gives tokens, if anybody does: the hub itself, and *issuer*."""

    def __init__(self, context: PluginContext, *, issuer: str | None) -> None:
        self._context = context
        self._issuer = issuer

    async def show(self, request: Request) -> Response:
        """Name the server's address, and who gives tokens for it."""
        servers = self._servers(request)
        if not servers:
            return JSONResponse({"error": "not_found"}, 404, headers=_NO_STORE)
        return JSONResponse(
            {
                "resource": f"{self._base(request)}/mcp",
                "authorization_servers": servers,
                "scopes_supported": list(SCOPES),
                "bearer_methods_supported": ["header"],
                "resource_name": self._context.deployment.brand.title,
            },
            headers=_NO_STORE,
        )

    def challenge(self, request: Request, *, error: str | None, scopes: Sequence[str] = SCOPES) -> str | None:
        """Write the value of ``WWW-Authenticate``; None where nobody gives tokens."""
        if not self._servers(request):
            return None
        facts = {
            "error": error,
            "resource_metadata": f"{self._base(request)}{WELL_KNOWN}/mcp",
            "scope": " ".join(scopes),
        }
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in facts.items() if value)

    def _servers(self, request: Request) -> list[str]:
        own = [self._base(request)] if self._has_own() else []
        return own if self._issuer is None else [self._issuer, *own]

    def _has_own(self) -> bool:
        plugins = self._context.deployment.plugins()
        return any(plugin["name"] == "oauth" and plugin["state"] == "active" for plugin in plugins)

    def _base(self, request: Request) -> str:
        return self._context.deployment.address(str(request.base_url))


def make_routes(metadata: ResourceMetadata) -> Routes:
    """List the routes: for ``/mcp``, and for clients that look at the root alone."""
    router = APIRouter(include_in_schema=False)
    for path in ("/mcp", ""):
        router.add_api_route(path, metadata.show, methods=["GET"])
    return Routes(router, prefix=WELL_KNOWN, base="")


def challenging(metadata: ResourceMetadata) -> type[StrictRoute]:
    """Make the class of routes whose refusals say who gives tokens."""

    class ChallengingRoute(StrictRoute):
        """A route that leads clients without a valid token to where they get one."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Put the challenge on what the route refuses."""
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
