"""Choosing the company that an operator looks at."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import Operates, Viewer
from trunkline_portal.forms import Submitted
from trunkline_portal.portal import COMPANY, Portal, local_path
from trunkline_portal.routing import get, post

SHOWN = 20
_MAX_ID = 2**63 - 1


class CompanyPages:
    """The list of companies, and choosing one of them."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def _chooser(
        self,
        request: Request,
        viewer: Viewer,
        *,
        query: str,
        next_path: str,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        companies = await self._portal.context.activity.companies(query or None, limit=SHOWN)
        return self._portal.render(
            request,
            viewer,
            "company.html",
            status=status,
            companies=companies,
            query=query,
            next=local_path(next_path),
            error=error,
            is_full=len(companies) == SHOWN,
        )

    async def choose(self, request: Request, viewer: Operates) -> Response:
        """Show the companies to choose from."""
        parameters = request.query_params
        return await self._chooser(
            request, viewer, query=parameters.get("q", "").strip(), next_path=parameters.get("next", "")
        )

    async def switch(self, request: Request, viewer: Operates, fields: Submitted) -> Response:
        """Let the session look at the company that was chosen."""
        text, next_path = fields["company_id"], local_path(fields["next"])
        is_id = text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) <= _MAX_ID
        if not is_id:
            error = "A company's number is made of digits only, such as 92."
            return await self._chooser(
                request, viewer, query=text, next_path=next_path, error=error, status=422
            )
        await self._portal.sessions.choose_company(viewer.session, int(text))
        target = next_path if not next_path.startswith(COMPANY) else "/portal"
        return self._portal.redirect(
            request, target, viewer=viewer, flash=f"You now look at company {int(text)}.", tone="info"
        )


def make_router(portal: Portal) -> APIRouter:
    """List the routes."""
    pages = CompanyPages(portal)
    return portal.router(
        get("/company", pages.choose),
        post("/company", pages.switch),
    )
