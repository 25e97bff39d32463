"""Where a sign-in link leads: a form that sends itself, so that programs which look at links do not use them up."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import visits
from trunkline_portal.addresses import HOME
from trunkline_portal.counting import PAGES
from trunkline_portal.forms import Submitted
from trunkline_portal.links import Links
from trunkline_portal.pages import sign_in
from trunkline_portal.portal import Portal
from trunkline_portal.routing import get, post


class EnterPages:
    """The page that a sign-in link opens."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._links = Links(portal.context, portal.settings)

    async def show_form(self, request: Request) -> Response:
        """Show the form that sends itself."""
        visit = visits.begin(request)
        token = visit.token(self._portal.context.sealer)
        link = request.query_params.get("link", "")
        response = self._portal.render(request, None, "enter.html", csrf=token, link=link)
        visit.remember(response, request, self._portal.cookies)
        return response

    async def use(self, request: Request, fields: Submitted) -> Response:
        """Use the link up, and open a session."""
        await visits.check(request, self._portal.context.sealer)
        session = await self._portal.sessions.open_by(await self._links.take(fields["link"]))
        return sign_in.enter(self._portal, request, session, next_path=HOME)


def make_router(portal: Portal) -> APIRouter:
    """List the routes."""
    pages = EnterPages(portal)
    return portal.own_router(
        get("/enter", pages.show_form),
        post("/enter", pages.use, bucket=PAGES),
    )
