"""Addresses without a page, and the old addresses of companies' pages, which had no company."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline_portal.access import CompanyNeeded, SignInNeeded, find_viewer
from trunkline_portal.addresses import HOME, has_section
from trunkline_portal.portal import Pages
from trunkline_portal.routing import ALONE, Route, Table
from trunkline_portal.security import FormRefused


class UnknownPages(Pages):
    """Answers every address that no page has."""

    async def refuse(self, request: Request, path: str) -> Response:
        """Raise 404, except that old addresses, and the overview's address with a trailing slash, are redirected."""
        if not path:
            return RedirectResponse(HOME, 308)
        if has_section(path):
            if await find_viewer(request) is None:
                raise SignInNeeded
            if request.method not in {"GET", "HEAD"}:
                raise FormRefused
            raise CompanyNeeded
        raise HTTPException(404)


ROUTES = Table(
    UnknownPages,
    Route("/{path:path}", UnknownPages.refuse, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    below=ALONE,
)
