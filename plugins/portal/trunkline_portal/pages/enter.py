"""Where a sign-in link leads: a form that sends itself, so that programs which look at links do not use them up."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import visits
from trunkline_portal.forms import Submitted
from trunkline_portal.navigation import HOME
from trunkline_portal.pages import sign_in
from trunkline_portal.portal import Portal


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.get("/enter")
    async def show_form(request: Request) -> Response:
        visit = visits.begin(request)
        token = visit.token(portal.context.sealer)
        link = request.query_params.get("link", "")
        response = portal.render(request, None, "enter.html", csrf=token, link=link)
        visit.remember(response, request, portal.cookies)
        return response

    @router.post("/enter")
    async def use(request: Request, fields: Submitted) -> Response:
        await visits.check(request, portal.context.sealer)
        session = await portal.sessions.open_by(await portal.links.take(fields["link"]))
        return sign_in.enter(portal, request, session, next_path=HOME)

    return router
