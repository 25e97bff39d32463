"""Addresses without a page, and the old addresses of companies' pages, which had no company."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline_portal.access import CompanyNeeded, SignInNeeded, find_viewer
from trunkline_portal.addresses import HOME, has_section
from trunkline_portal.portal import Portal
from trunkline_portal.routing import Route
from trunkline_portal.security import FormRefused


class UnknownPages:
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


def make_router(portal: Portal) -> APIRouter:
    """Build the router with the routes of this module."""
    pages = UnknownPages()
    return portal.own_router(
        Route("/{path:path}", pages.refuse, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    )
