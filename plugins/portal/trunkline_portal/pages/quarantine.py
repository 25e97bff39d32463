"""The inbox of events whose payload breaks its schema: the list, and releasing all of a type."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import EVENTS_WRITE, Administers, ScopeMissing, Viewer
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.catalogue import find_type
from trunkline_portal.portal import Portal
from trunkline_portal.previews import preview

QUARANTINE = "/portal/quarantine"
PAGE = 50


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    inbox = portal.context.quarantine

    @router.get("/quarantine")
    async def show_list(request: Request, viewer: Administers) -> Response:
        chosen = request.query_params.get("type", "")
        cursor = request.query_params.get("cursor") or None
        page = await inbox.list(viewer.company_id, type=chosen or None, cursor=cursor, limit=PAGE)
        types = [kind.name for kind in portal.context.events.types()]
        return portal.render(
            request,
            viewer,
            "quarantine.html",
            page=page,
            rows=[(one, preview(b'{"payload":%b}' % one.payload).head) for one in page.events],
            type=chosen,
            types=[("", "Any type"), *((name, name) for name in types)],
            may_release=chosen in types and viewer.has(EVENTS_WRITE),
            older=page.next_cursor and f"{QUARANTINE}?{_query(chosen, page.next_cursor)}",
            newest=cursor and f"{QUARANTINE}?{_query(chosen)}".rstrip("?"),
        )

    @router.post("/quarantine/release")
    async def release_all(request: Request, viewer: Administers, fields: Submitted) -> Response:
        require_writing(viewer)
        find_type(portal, fields["type"])
        done = await inbox.release_all(
            viewer.company_id, type=fields["type"], cursor=fields["cursor"] or None
        )
        path = f"{QUARANTINE}?{_query(fields['type'])}"
        flash = f"{done.released:,} released; {done.invalid:,} still break their schema and stay."
        tone = "good" if done.released or not done.invalid else "info"
        return portal.redirect(request, path, viewer=viewer, flash=flash, tone=tone)

    return router


def require_writing(viewer: Viewer) -> None:
    """Whoever puts an event into the stream needs what it takes to send one. Raises ScopeMissing."""
    if not viewer.has(EVENTS_WRITE):
        raise ScopeMissing(EVENTS_WRITE)


def _query(event_type: str, cursor: str | None = None) -> str:
    given = {"type": event_type, "cursor": cursor}
    return urlencode({name: value for name, value in given.items() if value})
