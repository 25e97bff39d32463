"""``/oauth/token``, ``/oauth/revoke`` and ``/oauth/register`` (RFC 6749, RFC 7009, RFC 7591), called by apps themselves.

Only if the settings allow it, an app may register itself. Then nothing is stored, as anybody may register: the ``client_id``
is the app's metadata, sealed by the hub.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trunkline import BodyInvalid, PluginContext, Refused
from trunkline.routes import DeferredRoute, read_body, read_json
from trunkline_oauth import security_events
from trunkline_oauth.apps import Apps
from trunkline_oauth.authorize_routes import issuer_of
from trunkline_oauth.client_metadata import MetadataInvalid, read_metadata
from trunkline_oauth.errors import NO_STORE, OAuthError, invalid_request
from trunkline_oauth.forms import address_of, find_app, need, read_form
from trunkline_oauth.grants import Grants
from trunkline_oauth.model import App
from trunkline_oauth.redirect_uris import target_of
from trunkline_oauth.resources import read_resource
from trunkline_oauth.settings import Settings

FAILURES_PER_MINUTE = 120
"""Limit of refused calls from one address in a minute; a platform may call for many companies from one address."""
MAX_REGISTRATION_BYTES = 16 * 1024
REGISTRATIONS_PER_MINUTE = 10
"""Limit of registrations from one address in a minute."""
_ANY_PAGE = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type"}
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}", re.ASCII)
_MAX_SHOWN = 60

Answer = Callable[[App, Mapping[str, str], str], Awaitable[Response]]


class TokenRoutes:
    """Answers apps."""

    def __init__(self, context: PluginContext, apps: Apps, grants: Grants) -> None:
        self._context = context
        self._apps = apps
        self._grants = grants

    async def issue(self, request: Request) -> Response:
        """Issue tokens for a code or a refresh token."""
        return await self._answered(request, self._issue)

    async def revoke(self, request: Request) -> Response:
        """End a token; an unknown token counts as ended."""
        return await self._answered(request, self._revoke)

    async def _issue(self, app: App, values: Mapping[str, str], issuer: str) -> Response:
        kind = need(values, "grant_type")
        resource = read_resource(values.get("resource"), issuer=issuer)
        if kind == "authorization_code":
            code, verifier = need(values, "code"), need(values, "code_verifier")
            if _VERIFIER.fullmatch(verifier) is None:
                msg = "The code_verifier must be 43 to 128 letters, digits, '-', '.', '_' and '~'."
                raise invalid_request(msg)
            issued = await self._grants.exchange(
                app, code, verifier=verifier, redirect_uri=values.get("redirect_uri"), resource=resource
            )
        elif kind == "refresh_token":
            scopes = values["scope"].split(" ") if "scope" in values else None
            issued = await self._grants.refresh(
                app, need(values, "refresh_token"), scopes=scopes, resource=resource
            )
        else:
            msg = "The grant_type must be authorization_code or refresh_token."
            raise OAuthError("unsupported_grant_type", msg)
        view = {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "refresh_token": issued.refresh_token,
            "scope": " ".join(issued.scopes),
        }
        return JSONResponse(view, headers=NO_STORE)

    async def _revoke(self, app: App, values: Mapping[str, str], _: str) -> Response:
        await self._grants.revoke(app, need(values, "token"))
        return Response(status_code=200, headers=NO_STORE)

    async def share(self, request: Request) -> Response:
        """Answer a browser's preflight request (CORS), whatever the app."""
        origin = request.headers.get("origin", "")
        may_call = any(_is_page(app, origin) for app in await self._apps.list())
        return Response(status_code=204, headers=_shared(origin) if may_call else {"Vary": "Origin"})

    async def _answered(self, request: Request, answer: Answer) -> Response:
        """Read the form and answer it.

        Pages of a public app get CORS headers. An address with too many refusals gets 429.
        """
        app, values = None, dict[str, str]()
        issuer = issuer_of(self._context, request)
        try:
            values = await read_form(request)
            audiences, asker = (f"{issuer}/oauth/token", issuer), address_of(self._context, request)
            app = await find_app(request, values, self._apps, audiences=audiences, asker=asker)
            response = await answer(app, values, issuer)
        except OAuthError as error:
            if error.code == "invalid_client":
                client_id = values.get("client_id", "")[:_MAX_SHOWN]
                security_events.CLIENT_REFUSED.note(client_id=client_id, reason=error.description)
            response = error.answer()
            address = address_of(self._context, request)
            try:
                await self._context.limits.count(address, "oauth_failures", per_minute=FAILURES_PER_MINUTE)
            except Refused as refusal:
                response = _wait(refusal)
        except Refused as error:
            response = _wait(error)
        origin = request.headers.get("origin")
        if app is not None and origin is not None and _is_page(app, origin):
            response.headers.update(_shared(origin))
        return response

    async def register(self, request: Request) -> Response:
        """Register an app, and answer with its id. The app is always a public one, even if it asked for something else."""
        try:
            address = address_of(self._context, request)
            await self._context.limits.count(
                address, "oauth_registrations", per_minute=REGISTRATIONS_PER_MINUTE
            )
            _, document = read_json(await read_body(request, limit=MAX_REGISTRATION_BYTES))
            metadata = read_metadata(document)
            app = self._apps.admit(metadata)
        except BodyInvalid as error:
            return OAuthError("invalid_client_metadata", error.detail).answer()
        except MetadataInvalid as error:
            code = "invalid_redirect_uri" if error.field == "redirect_uris" else "invalid_client_metadata"
            return OAuthError(code, f"{error}.").answer()
        except Refused as error:
            if error.status == 413:
                return OAuthError("invalid_client_metadata", error.detail, status=413).answer()
            return _wait(error)
        content = {
            "client_id": app.client_id,
            "client_id_issued_at": self._context.clock.now_ms() // 1000,
            "client_name": app.name,
            "redirect_uris": list(app.redirect_uris),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": " ".join(app.scopes),
        }
        return JSONResponse(content, 201, headers={**NO_STORE, **_ANY_PAGE})

    async def share_registration(self, _: Request) -> Response:
        """Allow any web page to register an app (CORS): such a request carries no person's credentials."""
        return Response(status_code=204, headers={**_ANY_PAGE, "Access-Control-Allow-Methods": "POST"})


def make_router(context: PluginContext, apps: Apps, grants: Grants) -> APIRouter:
    """Build the router with the routes of this module."""
    routes = TokenRoutes(context, apps, grants)
    router = APIRouter(include_in_schema=False, route_class=DeferredRoute)
    for path, handler in (("/token", routes.issue), ("/revoke", routes.revoke)):
        router.add_api_route(path, handler, methods=["POST"])
        router.add_api_route(path, routes.share, methods=["OPTIONS"])
    assert isinstance(context.settings, Settings)
    if context.settings.dynamic_registration:
        router.add_api_route("/register", routes.register, methods=["POST"])
        router.add_api_route("/register", routes.share_registration, methods=["OPTIONS"])
    return router


def _is_page(app: App, origin: str) -> bool:
    """Return True if pages of *origin* belong to the public app: one of the app's redirect URIs has this origin."""
    return app.is_public and origin in {target_of(uri) for uri in app.redirect_uris}


def _shared(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Vary": "Origin",
    }


def _wait(error: Refused) -> Response:
    """Answer a request that the hub refused temporarily, for example because of a limit."""
    return OAuthError(
        "temporarily_unavailable", error.detail, status=error.status, headers=error.headers
    ).answer()
