"""Choosing the company that an operator looks at."""

import contextlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from trunkline import NotFound
from trunkline.routes import company_number, company_title
from trunkline_portal.access import Chooses, Viewer
from trunkline_portal.addresses import CHOOSER, EVERYBODY, HOME, MAX_COMPANY_ID, company_in, moved_to
from trunkline_portal.counting import PAGES
from trunkline_portal.forms import Submitted
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
        companies, records = await self._found(query)
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

    async def _found(self, query: str) -> tuple[Sequence[int], dict[int, dict[str, Any]]]:
        """Find the companies whose number begins with *query* or whose reference is *query*. Returns their ids and records."""
        context = self._portal.context
        is_reference = bool(query) and not query.isdigit()
        page: Any = await context.companies.page(reference=query if is_reference else None, limit=RECORDS)
        records = {company["id"]: company for company in page["companies"]}
        if is_reference:
            return list(records), records
        active = await context.activity.companies(query or None, limit=SHOWN)
        made = [company_id for company_id in records if str(company_id).startswith(query)]
        return sorted({*active, *made})[:SHOWN], records

    async def choose(self, request: Request, viewer: Chooses) -> Response:
        """Show the companies to choose from."""
        parameters = request.query_params
        return await self._chooser(
            viewer, query=parameters.get("q", "").strip(), next_path=parameters.get("next", "")
        )

    async def _title(self, company_id: int) -> str:
        with contextlib.suppress(NotFound):
            if name := (await self._portal.context.companies.view(company_number(company_id)))["name"]:
                return f"{name} ({company_title(company_id)})"
        return company_title(company_id)

    async def switch(self, viewer: Chooses, fields: Submitted) -> Response:
        """Set the company that the session looks at to the chosen company."""
        text, next_path = fields["company_id"], local_path(fields["next"])
        is_id = text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) <= MAX_COMPANY_ID
        if not is_id:
            error = "A company's number is made of digits only, such as 92."
            return await self._chooser(viewer, query=text, next_path=next_path, error=error, status=422)
        company_id = int(text)
        await self._portal.sessions.choose_company(viewer.session, company_id)
        here = HOME if urlsplit(next_path).path in {CHOOSER, EVERYBODY} else next_path
        return self._portal.redirect(
            viewer.at(company_id),
            moved_to(here, company_id),
            flash=f"This is {await self._title(company_id)}.",
            tone="info",
        )


ROUTES = Table(
    CompanyPages,
    get("/company", CompanyPages.choose),
    post("/company", CompanyPages.switch, bucket=PAGES),
    below=ALONE,
)
