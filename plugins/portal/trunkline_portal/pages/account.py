"""The viewer's own session: its company, signing out, here or everywhere, and the theme."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from trunkline_portal import cookies
from trunkline_portal.access import Anybody, Viewer
from trunkline_portal.addresses import HOME, SIGN_IN
from trunkline_portal.counting import PAGES
from trunkline_portal.forms import Submitted, one_of
from trunkline_portal.pages.catalogue import company_members
from trunkline_portal.portal import Pages, local_path
from trunkline_portal.routing import ALONE, Table, get, post

_YEAR_SECONDS = 365 * 24 * 60 * 60
_THEMES = {"system": "", "light": "light", "dark": "dark"}


class AccountPages(Pages):
    """Signing out, and the theme."""

    def _signed_out(self, request: Request, viewer: Viewer) -> Response:
        response = RedirectResponse(f"{SIGN_IN}?signed-out" if viewer.is_user else SIGN_IN, 303)
        self._portal.cookies.drop(response, request, cookies.SESSION)
        return response

    async def sign_out(self, request: Request, viewer: Anybody) -> Response:
        """End this session."""
        await self._portal.sessions.end(viewer.session)
        return self._signed_out(request, viewer)

    async def ask(self, viewer: Anybody) -> Response:
        """Ask before every session of the same holder is ended."""
        return self._portal.confirm(
            viewer,
            title="Sign out everywhere?",
            sentences=[
                f"Every session that was opened as “{viewer.principal.name}” ends at once, this one too, on every device.",
                "You stay signed in at your identity provider."
                if viewer.is_user
                else "The API key itself goes on working.",
            ],
            action="/portal/sign-out-everywhere",
            button="Sign out everywhere",
            back=HOME,
        )

    async def sign_out_everywhere(self, request: Request, viewer: Anybody) -> Response:
        """End every session of the same holder."""
        await self._portal.sessions.end_all(viewer.session)
        return self._signed_out(request, viewer)

    async def choose_theme(self, request: Request, viewer: Anybody, fields: Submitted) -> Response:
        """Store the theme in a cookie, and redirect back to the page."""
        theme = _THEMES[one_of(fields, "theme", _THEMES)]
        response = self._portal.redirect(viewer, local_path(fields["next"]))
        self._portal.cookies.set(
            response, request, cookies.THEME, theme, seconds=_YEAR_SECONDS if theme else 0
        )
        return response

    async def name_company(self, viewer: Anybody) -> JSONResponse:
        """Return the envelope members that describe the viewer's company, for the examples of the event documentation."""
        return JSONResponse(await company_members(self._portal, viewer.chosen_company_id))


ROUTES = Table(
    AccountPages,
    get("/company.json", AccountPages.name_company),
    post("/sign-out", AccountPages.sign_out, bucket=PAGES),
    get("/sign-out-everywhere", AccountPages.ask),
    post("/sign-out-everywhere", AccountPages.sign_out_everywhere, bucket=PAGES),
    post("/theme", AccountPages.choose_theme, bucket=PAGES),
    below=ALONE,
)
