"""The viewer's own session: the company that it looks at, signing out, here or everywhere, and the theme."""

import contextlib
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from trunkline import NotFound
from trunkline.routes import company_number, company_title
from trunkline_portal import addresses, cookies
from trunkline_portal.access import Anybody, Chooses, Viewer
from trunkline_portal.counting import PAGES
from trunkline_portal.forms import Submitted, one_of, read_number
from trunkline_portal.pages.catalogue import company_members
from trunkline_portal.portal import Pages, local_path
from trunkline_portal.routing import ALONE, Table, get, post

SHOWN = 20
RECORDS = 200
_THEMES = {"system": "", "light": "light", "dark": "dark"}


class AccountPages(Pages):
    """Choosing a company from a list, signing out, and the theme."""

    async def _chooser(
        self,
        viewer: Viewer,
        *,
        query: str,
        next_path: str,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        is_reference = bool(query) and not (query.isascii() and query.isdigit())
        page: Any = await self._context.companies.page(
            reference=query if is_reference else None, limit=RECORDS
        )
        records = {company["id"]: company for company in page["companies"]}
        companies = list(records)
        if not is_reference:  # those whose number begins with *query*
            active = await self._context.activity.companies(query or None, limit=SHOWN)
            made = [company_id for company_id in records if str(company_id).startswith(query)]
            companies = sorted({*active, *made})[:SHOWN]
        shown_now = addresses.company_in(next_path) or viewer.session.company_id
        return self._portal.render(
            viewer,
            "company.html",
            status=status,
            companies=companies,
            records=records,
            query=query,
            next=local_path(next_path),
            shown_now=shown_now and company_number(shown_now),
            error=error,
            is_full=len(companies) == SHOWN,
        )

    async def choose(self, request: Request, viewer: Chooses) -> Response:
        """Show the companies to choose from."""
        query, next_path = (request.query_params.get(name, "") for name in ("q", "next"))
        return await self._chooser(viewer, query=query.strip(), next_path=next_path)

    async def switch(self, viewer: Chooses, fields: Submitted) -> Response:
        """Set the company that the session looks at to the chosen company."""
        text, next_path = fields["company_id"], local_path(fields["next"])
        company_id = read_number(text, most=addresses.MAX_COMPANY_ID)
        if not company_id:
            error = "A company's number is made of digits only, such as 92."
            return await self._chooser(viewer, query=text, next_path=next_path, error=error, status=422)
        await self._portal.sessions.choose_company(viewer.session, company_id)
        here = (
            addresses.HOME
            if urlsplit(next_path).path in {addresses.CHOOSER, addresses.EVERYBODY}
            else next_path
        )
        title = company_title(company_id)
        with contextlib.suppress(NotFound):
            if name := (await self._context.companies.view(company_number(company_id)))["name"]:
                title = f"{name} ({title})"
        path = addresses.moved_to(here, company_id)
        return self._portal.redirect(viewer.at(company_id), path, flash=f"This is {title}.", tone="info")

    def _signed_out(self, request: Request, viewer: Viewer) -> Response:
        response = RedirectResponse(
            f"{addresses.SIGN_IN}?signed-out" if viewer.is_user else addresses.SIGN_IN, 303
        )
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
            back=addresses.HOME,
        )

    async def sign_out_everywhere(self, request: Request, viewer: Anybody) -> Response:
        """End every session of the same holder."""
        await self._portal.sessions.end_all(viewer.session)
        return self._signed_out(request, viewer)

    async def choose_theme(self, request: Request, viewer: Anybody, fields: Submitted) -> Response:
        """Store the theme in a cookie, and redirect back to the page."""
        theme = _THEMES[one_of(fields, "theme", _THEMES)]
        response = self._portal.redirect(viewer, local_path(fields["next"]))
        seconds = 365 * 24 * 60 * 60 if theme else 0
        self._portal.cookies.set(response, request, cookies.THEME, theme, seconds=seconds)
        return response

    async def name_company(self, viewer: Anybody) -> JSONResponse:
        """Return the envelope members that describe the viewer's company, for the examples of the event documentation."""
        return JSONResponse(await company_members(self._portal, viewer.chosen_company_id))


ROUTES = Table(
    AccountPages,
    get("/company", AccountPages.choose),
    post("/company", AccountPages.switch, bucket=PAGES),
    get("/company.json", AccountPages.name_company),
    post("/sign-out", AccountPages.sign_out, bucket=PAGES),
    get("/sign-out-everywhere", AccountPages.ask),
    post("/sign-out-everywhere", AccountPages.sign_out_everywhere, bucket=PAGES),
    post("/theme", AccountPages.choose_theme, bucket=PAGES),
    below=ALONE,
)
