"""Events: the list, and one of them with what became of it."""

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline import EventList, ListedEvent, NotFound
from trunkline_portal import curl, highlighting
from trunkline_portal.access import WEBHOOKS_WRITE, ReadsEvents, Viewer
from trunkline_portal.event_query import PATH, SPANS, EventQuery
from trunkline_portal.outcomes import Fate, fate_of
from trunkline_portal.portal import Portal
from trunkline_portal.previews import preview

PAGE = 50
_LIVE_SECONDS, _LIVE_SEARCH_SECONDS = 3, 10
"""A search looks through thousands of events each time."""
_COLOURED = 10_000
_SHOWN = 30_000
"""Characters of an envelope that are coloured, and that are shown at all: a page stays light."""


@dataclass(frozen=True, slots=True)
class Document:
    """JSON to be shown: all of it and coloured, or the beginning of what is long."""

    text: str
    is_coloured: bool
    is_cut: bool


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    async def listed(request: Request, viewer: Viewer) -> dict[str, Any]:
        query = EventQuery.read(request.query_params, now_ms=portal.now_ms())
        found = EventList([], None, None) if query.errors else await _find(portal, viewer, query)
        return {
            "query": query,
            "found": found,
            "errors": query.errors or {},
            "older": query.going_on(found.before),
            "preview": preview,
            "first_event": _first_event(portal, request),
        }

    @router.get("/events")
    async def show_events(request: Request, viewer: ReadsEvents) -> Response:
        values = await listed(request, viewer)
        query: EventQuery = values["query"]
        return portal.render(
            request,
            viewer,
            "events.html",
            status=422 if query.errors else 200,
            types=_choices(portal, query),
            spans=[("", "Any time"), *((name, span.title) for name, span in SPANS.items())],
            live_path=query.link(f"{PATH}/list"),
            live_seconds=_LIVE_SEARCH_SECONDS if query.text else _LIVE_SECONDS,
            **values,
        )

    @router.get("/events/list")
    async def show_list(request: Request, viewer: ReadsEvents) -> Response:
        return portal.fragment(request, viewer, "events_list.html", **await listed(request, viewer))

    @router.get("/events/{event_id}")
    async def show_event(request: Request, event_id: str, viewer: ReadsEvents) -> Response:
        shown = await portal.context.activity.event(viewer.company_id, read_id(event_id))
        return portal.render(
            request,
            viewer,
            "event.html",
            shown=shown,
            event=shown.event,
            **_outside_of_payload(shown.event.body),
            document=_document(shown.event.body),
            fate=await find_fate(portal, viewer, shown.event),
        )

    @router.get("/events/{event_id}/deliveries")
    async def show_deliveries(request: Request, event_id: str, viewer: ReadsEvents) -> Response:
        shown = await portal.context.activity.event(viewer.company_id, read_id(event_id))
        fate = await find_fate(portal, viewer, shown.event)
        return portal.fragment(request, viewer, "event_deliveries.html", event=shown.event, fate=fate)

    @router.get("/events/{event_id}/envelope")
    async def download(event_id: str, viewer: ReadsEvents) -> Response:
        shown = await portal.context.activity.event(viewer.company_id, read_id(event_id))
        name = f"event-{shown.event.id}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(shown.event.body, media_type="application/json", headers=headers)

    return router


def read_id(text: str) -> int:
    """Read an event's id out of an address. Raises NotFound."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not 0 < int(text) < 2**63:
        raise NotFound("event", text)
    return int(text)


async def find_fate(portal: Portal, viewer: Viewer, event: ListedEvent) -> Fate:
    """Tell what became of an event; where it was sent, only to those who may see subscriptions."""
    deliveries = portal.context.deliveries
    explained = await deliveries.explain(viewer.company_id, event.id)
    logged = await deliveries.of_event(viewer.company_id, event.id)
    subscriptions = (
        await portal.context.subscriptions.list(viewer.company_id, channel=None)
        if viewer.has(WEBHOOKS_WRITE)
        else []
    )
    return fate_of(event.type, explained["subscriptions"], logged, {one["id"]: one for one in subscriptions})


async def _find(portal: Portal, viewer: Viewer, query: EventQuery) -> EventList:
    return await portal.context.activity.events(
        viewer.company_id,
        types=query.types,
        since_ms=query.since_ms,
        until_ms=query.until_ms,
        text=query.text or None,
        before=query.before,
        limit=PAGE,
    )


def _choices(portal: Portal, query: EventQuery) -> list[str]:
    """List the types to choose from: those that there are, and those chosen that there were once."""
    known = [kind.name for kind in portal.context.events.types()]
    return known + [name for name in query.types if name not in known]


def _first_event(portal: Portal, request: Request) -> str | None:
    kinds = portal.context.events.types()
    return curl.send_event(portal.base_url(request), kinds[0]) if kinds else None


def _outside_of_payload(body: bytes) -> dict[str, Any]:
    envelope = orjson.loads(body)
    metadata = envelope.get("metadata") or {}
    return {
        "happened_utc": envelope["createdUtc"],
        "metadata": metadata,
        "is_test": metadata.get("source") == "test",
    }


def _document(body: bytes) -> Document:
    text = highlighting.indented(body)
    return Document(text[:_SHOWN], is_coloured=len(text) <= _COLOURED, is_cut=len(text) > _SHOWN)
