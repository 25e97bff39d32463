"""The page of a sign-in link: a form that sends itself, so that link previews do not use the link up.

The form waits for a click if the link would replace another person's session.
"""

from starlette.requests import Request
from starlette.responses import Response

from trunkline.routes import Principal, company_title
from trunkline_portal import audit, visits
from trunkline_portal.access import find_viewer
from trunkline_portal.addresses import HOME
from trunkline_portal.counting import PAGES
from trunkline_portal.forms import Submitted
from trunkline_portal.links import Links
from trunkline_portal.pages import sign_in
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import ALONE, Table, get, post


class EnterPages(Pages):
    """The page that a sign-in link opens."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._links = Links(portal.context, portal.settings)

    async def show_form(self, request: Request) -> Response:
        """Show the form, which sends itself unless somebody else is signed in."""
        return await self._form(request, request.query_params.get("link", ""))

    async def use(self, request: Request, fields: Submitted) -> Response:
        """Use the link, open a session, and end the previous session; ask first if that session is another person's."""
        await visits.check(request, self._context.sealer, self._portal.cookies)
        token = fields["link"]
        if not fields["replaces"] and await self._find_replaced(request, token):
            return await self._form(request, token)
        with audit.failures_noted(way="link"):
            link = await self._links.take(token)
        session = await self._portal.sessions.open_by(link)
        person = Principal(link.key_id, link.company_id, link.name or "Sign-in link", frozenset(link.scopes))
        audit.note_sign_in(person, way="link")
        return await sign_in.enter(self._portal, request, session, next_path=HOME)

    async def _form(self, request: Request, token: str) -> Response:
        visit = visits.begin(request, self._portal.cookies)
        response = self._portal.show(
            request,
            None,
            "enter.html",
            csrf=visit.token(self._context.sealer),
            link=token,
            replaced=await self._find_replaced(request, token),
        )
        visit.remember(response, request, self._portal.cookies)
        return response

    async def _find_replaced(self, request: Request, token: str) -> dict[str, str] | None:
        """Name the person who is signed in and the person of the link; None if both are the same, or if one is missing."""
        viewer = await find_viewer(request)
        link = None if viewer is None else await self._links.find(token)
        if viewer is None or link is None or link.holder == viewer.session.holder:
            return None
        own = viewer.principal.company_id
        return {
            "who": viewer.principal.name,
            "of": "every company" if own is None else company_title(own),
            "by": link.name or "",
            "company": company_title(link.company_id),
        }


ROUTES = Table(
    EnterPages, get("/enter", EnterPages.show_form), post("/enter", EnterPages.use, bucket=PAGES), below=ALONE
)
