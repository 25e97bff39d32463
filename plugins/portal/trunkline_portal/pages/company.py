"""Choosing the company that an operator looks at."""

import contextlib
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from trunkline import NotFound
from trunkline.routes import company_number, company_title
from trunkline_portal.access import Chooses, Viewer
from trunkline_portal.addresses import CHOOSER, EVERYBODY, HOME, MAX_COMPANY_ID, company_in, moved_to
from trunkline_portal.counting import PAGES
from trunkline_portal.forms import Submitted, read_number
from trunkline_portal.portal import Pages, local_path
from trunkline_portal.routing import ALONE, Table, get, post

SHOWN = 20
RECORDS = 200


class CompanyPages(Pages):
    """The list of companies, and choosing one of them."""

    async def _chooser(
        self,
        viewer: Viewer,
        *,
        query: str,
        next_path: str,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        is_reference = bool(query) and not query.isdigit()
        page: Any = await self._context.companies.page(
            reference=query if is_reference else None, limit=RECORDS
        )
        records = {company["id"]: company for company in page["companies"]}
        companies = list(records)
        if not is_reference:  # those whose number begins with *query*
            active = await self._context.activity.companies(query or None, limit=SHOWN)
            made = [company_id for company_id in records if str(company_id).startswith(query)]
            companies = sorted({*active, *made})[:SHOWN]
        shown_now = company_in(next_path) or viewer.session.company_id
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
        company_id = read_number(text, most=MAX_COMPANY_ID)
        if not company_id:
            error = "A company's number is made of digits only, such as 92."
            return await self._chooser(viewer, query=text, next_path=next_path, error=error, status=422)
        await self._portal.sessions.choose_company(viewer.session, company_id)
        here = HOME if urlsplit(next_path).path in {CHOOSER, EVERYBODY} else next_path
        title = company_title(company_id)
        with contextlib.suppress(NotFound):
            if name := (await self._context.companies.view(company_number(company_id)))["name"]:
                title = f"{name} ({title})"
        return self._portal.redirect(
            viewer.at(company_id),
            moved_to(here, company_id),
            flash=f"This is {title}.",
            tone="info",
        )


ROUTES = Table(
    CompanyPages,
    get("/company", CompanyPages.choose),
    post("/company", CompanyPages.switch, bucket=PAGES),
    below=ALONE,
)
