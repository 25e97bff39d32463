"""Addresses that no page has."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from trunkline_portal.navigation import HOME
from trunkline_portal.portal import Portal
from trunkline_portal.routing import Route


class UnknownPages:
    """Answers every address that no page has."""

    async def refuse(self, path: str) -> Response:
        """Raise 404; the overview with a slash at its end leads to the one without."""
        if not path:
            return RedirectResponse(HOME, 308)
        raise HTTPException(404)


def make_router(portal: Portal) -> APIRouter:
    """List the routes."""
    pages = UnknownPages()
    return portal.router(
        Route("/{path:path}", pages.refuse, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    )
