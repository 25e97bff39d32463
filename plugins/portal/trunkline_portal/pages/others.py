"""All other addresses: files, at addresses that change with their content; old addresses, which had no company; and unknown ones."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline_portal.access import CompanyNeeded, SignInNeeded, find_viewer
from trunkline_portal.addresses import HOME, has_section
from trunkline_portal.portal import Pages
from trunkline_portal.routing import ALONE, Route, Table, get
from trunkline_portal.security import FormRefused


class OtherPages(Pages):
    """Sends files, and answers every address that no page has."""

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

    async def show_file(self, digest: str, name: str) -> Response:
        """Send a file, if its digest is the current one."""
        asset = self._portal.assets.get(name)
        if asset is None or asset.digest != digest:
            raise HTTPException(404)
        return asset.response()


ROUTES = Table(
    OtherPages,
    get("/static/{digest}/{name}", OtherPages.show_file, bucket=None),
    Route("/{path:path}", OtherPages.refuse, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    below=ALONE,
)
