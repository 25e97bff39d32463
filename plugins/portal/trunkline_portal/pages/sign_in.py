"""Signing in with an API key."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline import Refused
from trunkline_portal import cookies, security, visits
from trunkline_portal.access import find_viewer
from trunkline_portal.forms import Submitted
from trunkline_portal.portal import Portal, local_path
from trunkline_portal.store import Session


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    def form(request: Request, next_path: str, *, error: str | None = None, status: int = 200) -> Response:
        visit = visits.begin(request)
        response = portal.render(
            request,
            None,
            "sign_in.html",
            status=status,
            csrf=visit.token(portal.context.sealer),
            next=local_path(next_path),
            error=error,
        )
        visit.remember(response, request, portal.cookies)
        return response

    @router.get("/sign-in")
    async def show_form(request: Request) -> Response:
        next_path = request.query_params.get("next", "")
        if await find_viewer(request) is not None:
            return RedirectResponse(local_path(next_path), 303)
        return form(request, next_path)

    @router.post("/sign-in")
    async def sign_in(request: Request, fields: Submitted) -> Response:
        await visits.check(request, portal.context.sealer)
        address = security.address_of(request)
        portal.limit.begin(address, portal.now_ms())
        try:
            principal = await portal.context.keys.authenticate(fields["key"])
        except Refused:
            sentence = "No key like this is valid: it may be mistyped, or have been revoked. Copy the whole key and try again."
            if not fields["key"]:
                sentence = "Enter your API key."
            return form(request, fields["next"], error=sentence, status=422)
        portal.limit.succeed(address)
        return enter(portal, request, await portal.sessions.open(principal), next_path=fields["next"])

    return router


def enter(portal: Portal, request: Request, session: Session, *, next_path: str) -> Response:
    """Hand out the cookie of a new session, and go to the page that was asked for."""
    response = RedirectResponse(local_path(next_path), 303)
    portal.cookies.set(
        response,
        request,
        cookies.SESSION,
        portal.sessions.cookie_of(session),
        seconds=portal.sessions.lifetime_seconds,
    )
    portal.cookies.drop(response, request, cookies.VISIT)
    return response
