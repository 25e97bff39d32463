"""One's own session: signing out, here or everywhere, and the theme."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline_portal import cookies
from trunkline_portal.access import Anybody
from trunkline_portal.forms import Submitted, one_of
from trunkline_portal.navigation import HOME
from trunkline_portal.portal import SIGN_IN, Portal, local_path

_YEAR_SECONDS = 365 * 24 * 60 * 60
_THEMES = {"system": "", "light": "light", "dark": "dark"}


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    def signed_out(request: Request) -> Response:
        response = RedirectResponse(SIGN_IN, 303)
        portal.cookies.drop(response, request, cookies.SESSION)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request, viewer: Anybody) -> Response:
        await portal.sessions.end(viewer.session)
        return signed_out(request)

    @router.get("/sign-out-everywhere")
    async def ask(request: Request, viewer: Anybody) -> Response:
        return portal.confirm(
            request,
            viewer,
            title="Sign out everywhere?",
            sentences=[
                f"Every session that was opened as “{viewer.principal.name}” ends at once, this one too, on every device.",
                "The API key itself goes on working.",
            ],
            action="/portal/sign-out-everywhere",
            button="Sign out everywhere",
            back=HOME,
        )

    @router.post("/sign-out-everywhere")
    async def sign_out_everywhere(request: Request, viewer: Anybody) -> Response:
        await portal.sessions.end_all(viewer.session)
        return signed_out(request)

    @router.post("/theme")
    async def choose_theme(request: Request, viewer: Anybody, fields: Submitted) -> Response:
        theme = _THEMES[one_of(fields, "theme", _THEMES)]
        response = portal.redirect(request, local_path(fields["next"]), viewer=viewer)
        portal.cookies.set(response, request, cookies.THEME, theme, seconds=_YEAR_SECONDS if theme else 0)
        return response

    return router
