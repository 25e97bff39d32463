"""Sending an event of a type by hand, from the catalogue: stored and delivered like any other."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from trunkline import EmittedEvent
from trunkline.routes import EventRejected
from trunkline_portal.access import EVENTS_READ, RequiresScope, Viewer
from trunkline_portal.forms import Submitted, read_payload
from trunkline_portal.pages.catalogue import CATALOGUE, EVENTS_WRITE, find_type, render_type
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, post

SendsEvents = Annotated[Viewer, Depends(RequiresScope(EVENTS_WRITE))]
_METADATA = {"source": "test"}
"""The metadata that ``POST /api/v1/events/test`` gives to its events."""


class EmittingPages(Pages):
    """The form that sends an event."""

    async def send(self, request: Request, viewer: SendsEvents, name: str, fields: Submitted) -> Response:
        """Send an event with the payload that was entered."""
        find_type(self._context.events.types(), name)
        try:
            payload_json, payload = read_payload(fields["payload"])
            event = EmittedEvent(viewer.company_id, name, payload, _METADATA, payload_json=payload_json)
            accepted = await self._context.emit(event)
        except EventRejected as error:
            faults = [(fault.path, fault.message) for fault in error.errors]
            return await render_type(
                self._portal, request, viewer, name, payload=fields["payload"], faults=faults
            )
        may_see = viewer.has(EVENTS_READ)
        path = f"/events/{accepted.event_id}" if may_see else f"{CATALOGUE}/{name}"
        flash = f"Event {accepted.event_id} of type {name} was stored, and goes to every subscription that it matches."
        return self._portal.redirect(viewer, f"{viewer.root}{path}", flash=flash)


ROUTES = Table(EmittingPages, post("/catalogue/{name}", EmittingPages.send, bucket="write"))
