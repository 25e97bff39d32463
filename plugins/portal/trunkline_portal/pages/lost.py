"""Addresses that lead nowhere."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from trunkline_portal.navigation import HOME
from trunkline_portal.portal import Portal


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def refuse(path: str) -> Response:
        if not path:
            return RedirectResponse(HOME, 308)
        raise HTTPException(404)

    return router
