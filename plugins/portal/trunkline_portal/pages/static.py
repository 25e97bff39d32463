"""Stylesheet, script and pictures, at addresses that change with their content."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trunkline_portal.portal import Pages
from trunkline_portal.routing import ALONE, Table, get


class AssetPages(Pages):
    """Serves the files that pages load."""

    async def show(self, digest: str, name: str) -> Response:
        """Send a file, if its digest is the current one."""
        asset = self._portal.assets.get(name)
        if asset is None or asset.digest != digest:
            raise HTTPException(404)
        return asset.response()


ROUTES = Table(AssetPages, get("/static/{digest}/{name}", AssetPages.show, bucket=None), below=ALONE)
