"""``/oauth/token`` and ``/oauth/revoke``: what apps call themselves, answered as RFC 6749 and RFC 7009 say."""

import re
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trunkline import PluginContext, Refused
from trunkline_oauth.apps import Apps
from trunkline_oauth.errors import NO_STORE, OAuthError, invalid_request
from trunkline_oauth.forms import find_app, need, read_form
from trunkline_oauth.grants import Grants
from trunkline_oauth.model import App, Issued

FAILURES_PER_MINUTE = 120
"""Refused calls that one address may make in a minute; the platforms call for many companies from one address."""
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}", re.ASCII)
_GRANTS = ("authorization_code", "refresh_token")

Answer = Callable[[App, Mapping[str, str]], Awaitable[Response]]


class TokenRoutes:
    """Answers apps."""

    def __init__(self, context: PluginContext, apps: Apps, grants: Grants) -> None:
        self._context = context
        self._apps = apps
        self._grants = grants

    async def issue(self, request: Request) -> Response:
        """Give tokens for a code or a refresh token."""
        return await self._answered(request, self._issue)

    async def revoke(self, request: Request) -> Response:
        """End a token; one that is not there has ended."""
        return await self._answered(request, self._revoke)

    async def _issue(self, app: App, values: Mapping[str, str]) -> Response:
        kind = need(values, "grant_type")
        if kind == "authorization_code":
            issued = await self._exchange(app, values)
        elif kind == "refresh_token":
            scopes = values["scope"].split(" ") if "scope" in values else None
            issued = await self._grants.refresh(app, need(values, "refresh_token"), scopes=scopes)
        else:
            msg = f"The grant_type must be {' or '.join(_GRANTS)}."
            raise OAuthError("unsupported_grant_type", msg)
        return JSONResponse(_view(issued), headers=NO_STORE)

    async def _exchange(self, app: App, values: Mapping[str, str]) -> Issued:
        code, verifier = need(values, "code"), need(values, "code_verifier")
        if _VERIFIER.fullmatch(verifier) is None:
            msg = "The code_verifier must be 43 to 128 letters, digits, '-', '.', '_' and '~'."
            raise invalid_request(msg)
        return await self._grants.exchange(
            app, code, verifier=verifier, redirect_uri=values.get("redirect_uri")
        )

    async def _revoke(self, app: App, values: Mapping[str, str]) -> Response:
        await self._grants.revoke(app, need(values, "token"))
        return Response(status_code=200, headers=NO_STORE)

    async def _answered(self, request: Request, answer: Answer) -> Response:
        """Read the form and answer it; who is refused too often is told to wait."""
        try:
            values = await read_form(request)
            return await answer(await find_app(request, values, self._apps), values)
        except OAuthError as error:
            return await self._refusal(request, error)
        except Refused as error:
            return _wait(error)

    async def _refusal(self, request: Request, error: OAuthError) -> Response:
        address = self._context.client_addresses.find(
            request.client.host if request.client else None, request.headers.getlist("x-forwarded-for")
        )
        try:
            await self._context.limits.count(
                f"address {address}", "oauth_failures", per_minute=FAILURES_PER_MINUTE
            )
        except Refused as refusal:
            return _wait(refusal)
        return error.answer()


def make_router(context: PluginContext, apps: Apps, grants: Grants) -> APIRouter:
    """List the routes."""
    routes = TokenRoutes(context, apps, grants)
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/token", routes.issue, methods=["POST"])
    router.add_api_route("/revoke", routes.revoke, methods=["POST"])
    return router


def _view(issued: Issued) -> dict[str, object]:
    return {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh_token,
        "scope": " ".join(issued.scopes),
    }


def _wait(error: Refused) -> Response:
    """Answer a refusal that is the hub's own, such as a limit."""
    return OAuthError(
        "temporarily_unavailable", error.detail, status=error.status, headers=error.headers
    ).answer()
