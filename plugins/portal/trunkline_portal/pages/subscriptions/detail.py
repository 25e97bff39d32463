"""One subscription: its deliveries, and what it is set to."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline import SubscriptionActivity
from trunkline_portal import curl
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.pages.subscriptions import places
from trunkline_portal.pages.subscriptions.places import Shown
from trunkline_portal.portal import Portal

STATUSES = ("pending", "held", "delivered", "exhausted", "rejected", "gone")
PAGE = 50


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.get("/subscriptions/{subscription_id}")
    async def show_deliveries(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        frame = await frame_values(portal, viewer, subscription_id, tab="deliveries")
        return portal.render(
            request,
            viewer,
            "subscription_deliveries.html",
            statuses_shown=[(name, name.capitalize()) for name in STATUSES],
            curl=_next_step(portal, request, frame["one"]),
            **frame,
            **await _deliveries(portal, request, viewer, subscription_id),
        )

    @router.get("/subscriptions/{subscription_id}/deliveries")
    async def show_part(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        found = await _deliveries(portal, request, viewer, subscription_id)
        return portal.fragment(
            request,
            viewer,
            "subscription_deliveries_part.html",
            one=one,
            curl=_next_step(portal, request, one),
            **found,
        )

    @router.get("/subscriptions/{subscription_id}/settings")
    async def show_settings(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        frame = await frame_values(portal, viewer, subscription_id, tab="settings")
        return portal.render(request, viewer, "subscription_settings.html", **frame)

    return router


async def frame_values(portal: Portal, viewer: Viewer, subscription_id: str, *, tab: str) -> dict[str, Any]:
    """Gather what stands above the tabs of a subscription. Raises NotFound."""
    one = await places.find(portal, viewer.company_id, subscription_id)
    tabs = [("", "Deliveries"), ("replays", "Replays"), ("settings", "Settings")]
    return {
        "one": one,
        "activity": await _activity(portal, viewer, one.id),
        "tabs": [(places.url_of(one.id, part), title, (part or "deliveries") == tab) for part, title in tabs],
    }


async def _activity(portal: Portal, viewer: Viewer, subscription_id: str) -> SubscriptionActivity:
    found = await portal.context.activity.subscriptions(viewer.company_id)
    none = SubscriptionActivity(subscription_id, 0, None, None, None)
    return next((one for one in found if one.subscription_id == subscription_id), none)


async def _deliveries(
    portal: Portal, request: Request, viewer: Viewer, subscription_id: str
) -> dict[str, Any]:
    asked = request.query_params
    status = asked.get("status", "") if asked.get("status") in STATUSES else ""
    cursor = asked.get("cursor") or None
    found = await portal.context.deliveries.of_subscription(
        viewer.company_id, subscription_id, channel=None, status=status or None, cursor=cursor, limit=PAGE
    )
    return {
        "deliveries": found["deliveries"],
        "wanted": status,
        "cursor": cursor,
        "older": found["next_cursor"],
    }


def _next_step(portal: Portal, request: Request, one: Shown) -> str | None:
    """Write the command that sends an event which the subscription takes, whatever its filter."""
    names = one.view["event_types"]
    kinds = [kind for kind in portal.context.events.types() if names == ["*"] or kind.name in names]
    return curl.send_event(portal.base_url(request), kinds[0]) if kinds else None
