"""Stylesheet, script and pictures, at addresses that change with their content."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trunkline_portal.portal import Portal
from trunkline_portal.routing import get


class AssetPages:
    """Serves the files that pages load."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def show(self, digest: str, name: str) -> Response:
        """Send a file, if its digest is the current one."""
        asset = self._portal.assets.get(name)
        if asset is None or asset.digest != digest:
            raise HTTPException(404)
        return asset.response()


def make_router(portal: Portal) -> APIRouter:
    """Build the router with the routes of this module."""
    pages = AssetPages(portal)
    return portal.own_router(
        get("/static/{digest}/{name}", pages.show, bucket=None),
    )
