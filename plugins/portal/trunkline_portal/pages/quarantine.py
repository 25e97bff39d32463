"""The inbox of events whose payload breaks its schema: listed, shown, corrected, released (also all of a type), deleted."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trunkline import BodyInvalid, FieldError
from trunkline.routes import EventRejected, QuarantinedEvent
from trunkline_portal import highlighting, periods
from trunkline_portal.access import EVENTS_READ, EVENTS_WRITE, Administers, ScopeMissing, Viewer
from trunkline_portal.addresses import with_query
from trunkline_portal.forms import Submitted, read_payload
from trunkline_portal.pages.catalogue import find_type
from trunkline_portal.portal import Pages
from trunkline_portal.previews import preview
from trunkline_portal.routing import Table, get, post

QUARANTINE = "/quarantine"
"""Path of the section below ``Viewer.root``."""
PAGE = 50
_EDITABLE = 50_000
"""Limit of a payload's characters in the editor."""
_SHOWN = 30_000


class QuarantinePages(Pages):
    """The list of quarantined events, the page of one, and their forms."""

    async def show_list(self, request: Request, viewer: Administers) -> Response:
        """Show the list."""
        _require(viewer, EVENTS_READ)
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
            older=before and with_query(root, cursor=before, **kept),
            newest=cursor and with_query(root, **kept),
        )

    async def release_all(self, viewer: Administers, fields: Submitted) -> Response:
        """Release all valid events of a type."""
        _require(viewer, EVENTS_READ, EVENTS_WRITE)
        find_type(self._context.events.types(), fields["type"])
        done = await self._context.quarantine.release_all(
            viewer.company_id, type=fields["type"], cursor=fields["cursor"] or None
        )
        path = with_query(f"{viewer.root}{QUARANTINE}", type=fields["type"])
        flash = f"{done.released:,} released; {done.invalid:,} still break their schema and stay."
        tone = "good" if done.released or not done.invalid else "info"
        return self._portal.redirect(viewer, path, flash=flash, tone=tone)

    def _show(self, viewer: Viewer, event: QuarantinedEvent, **changed: Any) -> Response:
        text = highlighting.indented(event.payload)
        values: dict[str, Any] = {
            "event": event,
            "text": text,
            "faults": event.errors,
            "is_kept": True,
            "is_editable": len(text) <= _EDITABLE,
            "beginning": text[:_SHOWN],
            "may_change": viewer.has(EVENTS_WRITE),
        }
        return self._portal.render(viewer, "quarantine_event.html", **{**values, **changed})

    def _refuse(self, viewer: Viewer, event: QuarantinedEvent, error: BodyInvalid, text: str) -> Response:
        return self._show(viewer, event, status=422, text=text, faults=error.errors, is_kept=False)

    async def show_event(self, viewer: Administers, event_id: str) -> Response:
        """Show an event."""
        _require(viewer, EVENTS_READ)
        return self._show(viewer, await self._context.quarantine.get(event_id, company_id=viewer.company_id))

    async def save(self, viewer: Administers, event_id: str, fields: Submitted) -> Response:
        """Keep a corrected payload."""
        _require(viewer, EVENTS_READ, EVENTS_WRITE)
        event = await self._context.quarantine.get(event_id, company_id=viewer.company_id)
        try:
            payload = _read(fields["payload"])
        except BodyInvalid as error:
            return self._refuse(viewer, event, error, fields["payload"])
        saved = await self._context.quarantine.replace(event_id, payload, company_id=viewer.company_id)
        flash, tone = "The payload is kept, and valid: it can be released.", "good"
        if saved.errors:
            flash, tone = "The payload is kept. It still breaks its schema.", "info"
        return self._portal.redirect(viewer, f"{viewer.root}{QUARANTINE}/{event_id}", flash=flash, tone=tone)

    async def release(self, viewer: Administers, event_id: str, fields: Submitted) -> Response:
        """Release an event, with a corrected payload if one was sent."""
        _require(viewer, EVENTS_READ, EVENTS_WRITE)
        event = await self._context.quarantine.get(event_id, company_id=viewer.company_id)
        try:
            payload = _read(fields["payload"]) if "payload" in fields else event.payload
            changed = payload if payload != event.payload else None
            done = await self._context.quarantine.release(
                event_id, company_id=viewer.company_id, payload=changed
            )
        except BodyInvalid as error:
            return self._refuse(viewer, event, error, fields["payload"])
        flash = f"Event {done.position} of type {event.type} goes to every subscription that it matches."
        path = f"{viewer.root}/events/{done.position}"
        return self._portal.redirect(viewer, path, flash=flash)

    async def ask(self, viewer: Administers, event_id: str) -> Response:
        """Ask before an event is deleted."""
        _require(viewer, EVENTS_READ)
        event = await self._context.quarantine.get(event_id, company_id=viewer.company_id)
        return self._portal.confirm(
            viewer,
            title="Delete this event?",
            sentences=[
                f"It is of type {event.type}. It will be gone for good, and no subscription gets it.",
                "Its sender was told that it is quarantined, and is not told that it was deleted.",
            ],
            action=f"{viewer.root}{QUARANTINE}/{event_id}/delete",
            button="Delete the event",
            back=f"{viewer.root}{QUARANTINE}/{event_id}",
        )

    async def delete(self, viewer: Administers, event_id: str) -> Response:
        """Delete an event."""
        _require(viewer, EVENTS_READ, EVENTS_WRITE)
        await self._context.quarantine.delete(event_id, company_id=viewer.company_id)
        return self._portal.redirect(viewer, f"{viewer.root}{QUARANTINE}", flash="The event is deleted.")


ROUTES = Table(
    QuarantinePages,
    get("/quarantine", QuarantinePages.show_list),
    post("/quarantine/release", QuarantinePages.release_all, bucket="write"),
    get("/quarantine/{event_id}", QuarantinePages.show_event),
    post("/quarantine/{event_id}", QuarantinePages.save, bucket="write"),
    post("/quarantine/{event_id}/release", QuarantinePages.release, bucket="write"),
    get("/quarantine/{event_id}/delete", QuarantinePages.ask),
    post("/quarantine/{event_id}/delete", QuarantinePages.delete, bucket="write"),
)


def _require(viewer: Viewer, *scopes: str) -> None:
    """Check that the viewer has all *scopes*, as the API does: the scope for events is needed too. Raises ScopeMissing."""
    for scope in scopes:
        if not viewer.has(scope):
            raise ScopeMissing(scope)


def _read(text: str) -> bytes:
    """Read a typed payload; numbers keep their digits. Raises EventRejected."""
    payload_json, payload = read_payload(text)
    if not isinstance(payload, dict):
        raise EventRejected([FieldError("/payload", "must be an object")])
    return payload_json
