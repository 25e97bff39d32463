"""Which company an operator looks at."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import Operates, Viewer
from trunkline_portal.forms import Submitted
from trunkline_portal.portal import COMPANY, Portal, local_path

SHOWN = 20
_MAX_ID = 2**63 - 1


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    async def chooser(
        request: Request,
        viewer: Viewer,
        *,
        query: str,
        next_path: str,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        found = await portal.context.activity.companies(query or None, limit=SHOWN)
        return portal.render(
            request,
            viewer,
            "company.html",
            status=status,
            companies=found,
            query=query,
            next=local_path(next_path),
            error=error,
            is_full=len(found) == SHOWN,
        )

    @router.get("/company")
    async def choose(request: Request, viewer: Operates) -> Response:
        asked = request.query_params
        return await chooser(
            request, viewer, query=asked.get("q", "").strip(), next_path=asked.get("next", "")
        )

    @router.post("/company")
    async def switch(request: Request, viewer: Operates, fields: Submitted) -> Response:
        text, next_path = fields["company_id"], local_path(fields["next"])
        is_id = text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) <= _MAX_ID
        if not is_id:
            error = "A company's number is made of digits only, such as 92."
            return await chooser(request, viewer, query=text, next_path=next_path, error=error, status=422)
        await portal.sessions.choose_company(viewer.session, int(text))
        target = next_path if not next_path.startswith(COMPANY) else "/portal"
        return portal.redirect(
            request, target, viewer=viewer, flash=f"You now look at company {int(text)}.", tone="info"
        )

    return router
