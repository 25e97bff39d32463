"""One quarantined event: shown, corrected, released, deleted (``quarantine`` lists them)."""

from typing import Any

from starlette.responses import Response

from trunkline import BodyInvalid, FieldError
from trunkline.routes import EventRejected, QuarantinedEvent
from trunkline_portal import highlighting
from trunkline_portal.access import EVENTS_READ, EVENTS_WRITE, Administers, Viewer
from trunkline_portal.forms import Submitted, read_payload
from trunkline_portal.pages.quarantine import QUARANTINE, require
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

_EDITABLE = 50_000
"""Limit of a payload's characters in the editor."""
_SHOWN = 30_000


class QuarantinedEventPages(Pages):
    """The page of a quarantined event, and its forms."""

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
        require(viewer, EVENTS_READ)
        return self._show(viewer, await self._context.quarantine.get(event_id, company_id=viewer.company_id))

    async def save(self, viewer: Administers, event_id: str, fields: Submitted) -> Response:
        """Keep a corrected payload."""
        require(viewer, EVENTS_READ, EVENTS_WRITE)
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
        require(viewer, EVENTS_READ, EVENTS_WRITE)
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
        require(viewer, EVENTS_READ)
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
        require(viewer, EVENTS_READ, EVENTS_WRITE)
        await self._context.quarantine.delete(event_id, company_id=viewer.company_id)
        return self._portal.redirect(viewer, f"{viewer.root}{QUARANTINE}", flash="The event is deleted.")


ROUTES = Table(
    QuarantinedEventPages,
    get("/quarantine/{event_id}", QuarantinedEventPages.show_event),
    post("/quarantine/{event_id}", QuarantinedEventPages.save, bucket="write"),
    post("/quarantine/{event_id}/release", QuarantinedEventPages.release, bucket="write"),
    get("/quarantine/{event_id}/delete", QuarantinedEventPages.ask),
    post("/quarantine/{event_id}/delete", QuarantinedEventPages.delete, bucket="write"),
)


def _read(text: str) -> bytes:
    """Read a typed payload; numbers keep their digits. Raises EventRejected."""
    payload_json, payload = read_payload(text)
    if not isinstance(payload, dict):
        raise EventRejected([FieldError("/payload", "must be an object")])
    return payload_json
