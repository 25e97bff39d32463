"""The inbox of events whose payload breaks its schema: the list, and releasing all events of a type."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import periods
from trunkline_portal.access import EVENTS_READ, EVENTS_WRITE, Administers, ScopeMissing, Viewer
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.catalogue import find_type
from trunkline_portal.portal import Pages
from trunkline_portal.previews import preview
from trunkline_portal.routing import Table, get, post

QUARANTINE = "/quarantine"
"""Path of the section below ``Viewer.root``."""
PAGE = 50


class QuarantinePages(Pages):
    """The list of quarantined events."""

    async def show_list(self, request: Request, viewer: Administers) -> Response:
        """Show the list."""
        require(viewer, EVENTS_READ)
        chosen = request.query_params.get("type", "")
        cursor = request.query_params.get("cursor") or None
        root = f"{viewer.root}{QUARANTINE}"
        period = periods.read(request.query_params, path=root, now_ms=self._context.clock.now_ms())
        page = await self._context.quarantine.list(
            viewer.company_id, type=chosen or None, cursor=cursor, limit=PAGE
        )
        events, is_end = period.cut(page.events, lambda event: event.received_ms)
        before = None if is_end else page.next_cursor
        kept = {"type": chosen, **period.parameters}
        types = [kind.name for kind in self._context.events.types()]
        return self._portal.render(
            viewer,
            "quarantine.html",
            rows=[(event, preview(b'{"payload":%b}' % event.payload).head) for event in events],
            type=chosen,
            period=period,
            types=[("", "Any type"), *((name, name) for name in types)],
            may_release=chosen in types and not period.name and viewer.has(EVENTS_WRITE),
            older=before and _link(root, cursor=before, **kept),
            newest=cursor and _link(root, **kept),
        )

    async def release_all(self, viewer: Administers, fields: Submitted) -> Response:
        """Release all valid events of a type."""
        require(viewer, EVENTS_READ, EVENTS_WRITE)
        find_type(self._context.events.types(), fields["type"])
        done = await self._context.quarantine.release_all(
            viewer.company_id, type=fields["type"], cursor=fields["cursor"] or None
        )
        path = _link(f"{viewer.root}{QUARANTINE}", type=fields["type"])
        flash = f"{done.released:,} released; {done.invalid:,} still break their schema and stay."
        tone = "good" if done.released or not done.invalid else "info"
        return self._portal.redirect(viewer, path, flash=flash, tone=tone)


ROUTES = Table(
    QuarantinePages,
    get("/quarantine", QuarantinePages.show_list),
    post("/quarantine/release", QuarantinePages.release_all, bucket="write"),
)


def require(viewer: Viewer, *scopes: str) -> None:
    """Check that the viewer has all *scopes*, as the API does: the scope for events is needed too. Raises ScopeMissing."""
    for scope in scopes:
        if not viewer.has(scope):
            raise ScopeMissing(scope)


def _link(root: str, **parameters: str) -> str:
    return f"{root}?{urlencode({name: value for name, value in parameters.items() if value})}".rstrip("?")
