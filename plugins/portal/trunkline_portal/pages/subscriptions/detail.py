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
from trunkline_portal.routing import get

STATUSES = ("pending", "held", "delivered", "exhausted", "rejected", "gone")
PAGE = 50


class DetailPages:
    """The deliveries and the settings of a subscription."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def show_deliveries(
        self, request: Request, viewer: WritesWebhooks, subscription_id: str
    ) -> Response:
        """Show the deliveries."""
        frame = await frame_values(self._portal, viewer, subscription_id, tab="deliveries")
        return self._portal.render(
            request,
            viewer,
            "subscription_deliveries.html",
            statuses_shown=[(name, name.capitalize()) for name in STATUSES],
            curl=self._next_step(request, frame["one"]),
            **frame,
            **await self._deliveries(request, viewer, subscription_id),
        )

    async def show_part(self, request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show them again, for the script."""
        one = await places.find(self._portal, viewer.company_id, subscription_id)
        found = await self._deliveries(request, viewer, subscription_id)
        return self._portal.fragment(
            request,
            viewer,
            "subscription_deliveries_part.html",
            one=one,
            curl=self._next_step(request, one),
            **found,
        )

    async def show_settings(self, request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the settings."""
        frame = await frame_values(self._portal, viewer, subscription_id, tab="settings")
        return self._portal.render(request, viewer, "subscription_settings.html", **frame)

    async def _deliveries(self, request: Request, viewer: Viewer, subscription_id: str) -> dict[str, Any]:
        asked = request.query_params
        status = asked.get("status", "") if asked.get("status") in STATUSES else ""
        cursor = asked.get("cursor") or None
        found = await self._portal.context.deliveries.of_subscription(
            viewer.company_id, subscription_id, channel=None, status=status or None, cursor=cursor, limit=PAGE
        )
        return {
            "deliveries": found["deliveries"],
            "wanted": status,
            "cursor": cursor,
            "older": found["next_cursor"],
        }

    def _next_step(self, request: Request, one: Shown) -> str | None:
        """Write the command that sends an event which the subscription takes, whatever its filter."""
        names = one.view["event_types"]
        kinds = [kind for kind in self._portal.context.events.types() if names == ["*"] or kind.name in names]
        return curl.send_event(self._portal.base_url(request), kinds[0]) if kinds else None


def make_router(portal: Portal) -> APIRouter:
    """List the routes."""
    pages = DetailPages(portal)
    return portal.router(
        get("/subscriptions/{subscription_id}", pages.show_deliveries),
        get("/subscriptions/{subscription_id}/deliveries", pages.show_part),
        get("/subscriptions/{subscription_id}/settings", pages.show_settings),
    )


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
