"""Stylesheet, script and pictures, at addresses that change with what is in them."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trunkline_portal.portal import Portal


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.get("/static/{digest}/{name}")
    async def show(digest: str, name: str) -> Response:
        asset = portal.assets.get(name)
        if asset is None or asset.digest != digest:
            raise HTTPException(404)
        return asset.response()

    return router
