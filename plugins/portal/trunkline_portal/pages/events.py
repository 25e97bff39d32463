"""The list of events, and the page of one with its outcome."""

from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from trunkline import NotFound
from trunkline.pages import DeliveriesState, EventList, ListedEvent
from trunkline_portal import highlighting
from trunkline_portal.access import WEBHOOKS_READ, ReadsEvents, Viewer
from trunkline_portal.event_query import STATES, EventQuery
from trunkline_portal.forms import read_number
from trunkline_portal.key_fields import KeyFields
from trunkline_portal.operational import OPERATIONAL
from trunkline_portal.outcomes import EventOutcome, outcome_of
from trunkline_portal.pages.subscriptions.views import channel_titles
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.previews import preview
from trunkline_portal.routing import Table, get

PAGE = 50
_LIVE_SECONDS, _LIVE_SEARCH_SECONDS = 3, 10
"""Seconds between refreshes; a search reads thousands of events each time."""
_COLOURED = 10_000
_SHOWN = 30_000
"""Limits in characters, to keep the page small: a longer envelope is not coloured, or is cut."""


class EventPages(Pages):
    """The list of events, and the page of one."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._key_fields = KeyFields(lambda kind: portal.context.deployment.product().payload(kind))

    async def _listed(self, request: Request, viewer: Viewer) -> dict[str, Any]:
        query = EventQuery.read(
            request.query_params, path=f"{viewer.root}/events", now_ms=self._context.clock.now_ms()
        )
        page = EventList([], None, None)
        if not query.errors:
            page = await self._context.activity.events(
                viewer.company_id,
                types=query.among([kind.name for kind in self._portal.event_types()]),
                since_ms=query.since_ms,
                until_ms=query.until_ms,
                text=query.text or None,
                state=cast("DeliveriesState", query.state) if query.state else None,
                before=query.before,
                limit=PAGE,
            )
        types = {kind.name: kind for kind in self._portal.event_types()}
        keys = {
            event.event_id: () if query.text else self._key_fields.of(event, types.get(event.type))
            for event in page.events
        }
        return {
            "query": query,
            "page": page,
            "errors": query.errors,
            "older": page.before and query.link(before=page.before),
            "keys": keys,
            "preview": preview,
            "newest": query.before and query.link(before=None),
            "first_event": self._portal.first_event(request),
        }

    async def show_events(self, request: Request, viewer: ReadsEvents) -> Response:
        """Show the list."""
        values = await self._listed(request, viewer)
        query: EventQuery = values["query"]
        known = [*(kind.name for kind in self._portal.event_types()), OPERATIONAL]
        return self._portal.render(
            viewer,
            "events.html",
            status=422 if query.errors else 200,
            types=known + [name for name in query.types if name not in known],
            states=STATES.items(),
            operational=query.link(types=(OPERATIONAL,), before=None),
            live_path=query.link("/list"),
            live_seconds=_LIVE_SEARCH_SECONDS if query.text else _LIVE_SECONDS,
            **values,
        )

    async def show_list(self, request: Request, viewer: ReadsEvents) -> Response:
        """Show the list again, for the script."""
        return self._portal.fragment(viewer, "events_list.html", **await self._listed(request, viewer))

    async def show_event(self, event_id: str, viewer: ReadsEvents) -> Response:
        """Show an event."""
        view = await self._context.activity.event(viewer.company_id, read_id(event_id))
        envelope = orjson.loads(view.event.body)
        metadata = envelope.get("metadata") or {}
        text = highlighting.indented(view.event.body)
        return self._portal.render(
            viewer,
            "event.html",
            view=view,
            event=view.event,
            happened_utc=envelope["createdUtc"],
            metadata=metadata,
            is_test=metadata.get("source") == "test",
            document=text[:_SHOWN],
            is_coloured=len(text) <= _COLOURED,
            is_cut=len(text) > _SHOWN,
            outcome=await find_outcome(self._portal, viewer, view.event),
            channels=channel_titles(self._portal),
        )

    async def show_deliveries(self, event_id: str, viewer: ReadsEvents) -> Response:
        """Show its outcome again, for the script."""
        view = await self._context.activity.event(viewer.company_id, read_id(event_id))
        outcome = await find_outcome(self._portal, viewer, view.event)
        channels = channel_titles(self._portal)
        return self._portal.fragment(
            viewer, "event_deliveries.html", event=view.event, outcome=outcome, channels=channels
        )

    async def download(self, event_id: str, viewer: ReadsEvents) -> Response:
        """Send its envelope as a file."""
        view = await self._context.activity.event(viewer.company_id, read_id(event_id))
        name = f"event-{view.event.event_id}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(view.event.body, media_type="application/json", headers=headers)


ROUTES = Table(
    EventPages,
    get("/events", EventPages.show_events),
    get("/events/list", EventPages.show_list),
    get("/events/{event_id}", EventPages.show_event),
    get("/events/{event_id}/deliveries", EventPages.show_deliveries),
    get("/events/{event_id}/envelope", EventPages.download),
)


def read_id(text: str) -> int:
    """Read an event's id from an address. Raises NotFound."""
    if not (event_id := read_number(text, most=2**63 - 1)):
        raise NotFound("event", text)
    return event_id


async def find_outcome(portal: Portal, viewer: Viewer, event: ListedEvent) -> EventOutcome:
    """Find the outcome of an event, without targets if the viewer may not see subscriptions."""
    deliveries = portal.context.deliveries
    explanation = await deliveries.explain(viewer.company_id, event.event_id)
    logged = await deliveries.of_event(viewer.company_id, event.event_id)
    subscriptions: dict[str, dict[str, Any]] = {}
    if viewer.has(WEBHOOKS_READ):
        listed = await portal.context.subscriptions.list(viewer.company_id, channel=None)
        subscriptions = {subscription["id"]: subscription for subscription in listed}
    return outcome_of(event.type, explanation, logged, subscriptions)
