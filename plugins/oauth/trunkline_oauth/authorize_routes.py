"""``/oauth/authorize``, to which an app sends a person, and the metadata of the server (RFC 8414)."""

from urllib.parse import quote, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from trunkline import PluginContext
from trunkline.routes import COMPANY_SCOPES, DeferredRoute
from trunkline_oauth import requests
from trunkline_oauth.apps import Apps
from trunkline_oauth.assertions import ALGORITHMS
from trunkline_oauth.errors import NO_STORE, OAuthError
from trunkline_oauth.forms import address_of, need, read_pairs
from trunkline_oauth.settings import Settings

CONSENT_PAGE = "/portal/x/oauth/connect"


class AuthorizeRoutes:
    """Answers apps and browsers without a session."""

    def __init__(self, context: PluginContext, apps: Apps) -> None:
        self._context = context
        self._apps = apps

    async def authorize(self, request: Request) -> Response:
        """Redirect the person to the page that asks for consent, or back to the app with an error."""
        issuer = issuer_of(self._context, request)
        try:
            values = read_pairs(request.query_params.multi_items())
            asker = address_of(self._context, request)
            app = await self._apps.find(need(values, "client_id"), asker=asker)
            redirect_uri = requests.find_redirect_uri(app, values)
            state = requests.read_state(values)
        except OAuthError as error:
            return error.answer()
        assert app is not None
        try:
            self._check_portal()
            asked = requests.read_request(
                app, values, redirect_uri=redirect_uri, issuer=issuer, now_ms=self._context.clock.now_ms()
            )
        except OAuthError as error:
            facts = {"error": error.code, "error_description": error.description}
            return _led(requests.answer_at(redirect_uri, state, issuer, **facts))
        return _led(f"{CONSENT_PAGE}?request={quote(requests.seal(self._context, asked))}")

    async def show_metadata(self, request: Request) -> Response:
        """Answer with the server's metadata: its capabilities and endpoints (RFC 8414)."""
        issuer, settings = issuer_of(self._context, request), self._context.settings
        assert isinstance(settings, Settings)
        registration = f"{issuer}/oauth/register"
        methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/oauth/authorize",
                "token_endpoint": f"{issuer}/oauth/token",
                "revocation_endpoint": f"{issuer}/oauth/revoke",
                **({"registration_endpoint": registration} if settings.dynamic_registration else {}),
                "client_id_metadata_document_supported": bool(settings.client_document_hosts),
                "scopes_supported": list(COMPANY_SCOPES),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": methods,
                "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
                "revocation_endpoint_auth_methods_supported": methods,
                "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
                "authorization_response_iss_parameter_supported": True,
            },
            headers={**NO_STORE, "Access-Control-Allow-Origin": "*"},
        )

    def _check_portal(self) -> None:
        plugins = self._context.deployment.plugins()
        if not any(each["name"] == "portal" and each["state"] == "active" for each in plugins):
            msg = "The plugin 'portal', which asks for consent, does not run."
            raise OAuthError("temporarily_unavailable", msg)


def make_routers(context: PluginContext, apps: Apps) -> tuple[APIRouter, APIRouter]:
    """Build two routers, one for the route below ``/oauth`` and one for those below ``/.well-known``."""
    routes = AuthorizeRoutes(context, apps)
    own, known = (APIRouter(include_in_schema=False, route_class=DeferredRoute) for _ in range(2))
    own.add_api_route("/authorize", routes.authorize, methods=["GET"])
    for path in {"", urlsplit(context.deployment.public_url or "").path}:  # RFC 8414, 3.1
        known.add_api_route(f"/oauth-authorization-server{path}", routes.show_metadata, methods=["GET"])
    return own, known


def issuer_of(context: PluginContext, request: Request) -> str:
    """Return the issuer, that is, the address at which clients reach the hub."""
    return context.deployment.address(str(request.base_url))


def _led(url: str) -> Response:
    return RedirectResponse(url, 303, headers={**NO_STORE, "Referrer-Policy": "no-referrer"})
