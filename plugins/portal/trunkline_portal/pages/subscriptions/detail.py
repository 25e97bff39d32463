"""One subscription: its deliveries and its settings."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trunkline.pages import SubscriptionActivity
from trunkline_portal import charts, formats, periods
from trunkline_portal.access import ReadsWebhooks, Viewer
from trunkline_portal.addresses import with_query
from trunkline_portal.delivery_states import FILTERS
from trunkline_portal.outcomes import attempt_sentence
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import Table, get

PAGE = 50
_ANSWER = 200
"""The number of characters of a target's answer that are shown."""


class DetailPages(Pages):
    """The deliveries and the settings of a subscription."""

    async def show_deliveries(
        self, request: Request, viewer: ReadsWebhooks, subscription_id: str
    ) -> Response:
        """Show the deliveries."""
        frame = await frame_values(self._portal, viewer, subscription_id, tab="deliveries")
        hours = await self._context.activity.hours(viewer.company_id, subscription_id)
        delivered, failed = [one for one, _ in hours], [other for _, other in hours]
        deliveries = await self._deliveries(request, viewer, subscription_id)
        return self._portal.render(
            viewer,
            "subscription_deliveries.html",
            statuses=FILTERS,
            curl=self._portal.first_event(request, frame["subscription"].view["event_types"]),
            spark=charts.spark(
                delivered,
                failed,
                title=f"Attempts by hour, the last 24 hours: {sum(delivered):,} delivered, {sum(failed):,} failed.",
            ),
            secrets=await self._context.subscriptions.secrets(
                viewer.company_id, subscription_id, channel=None
            ),
            **frame,
            **deliveries,
        )

    async def show_part(self, request: Request, viewer: ReadsWebhooks, subscription_id: str) -> Response:
        """Show them again, for the script."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        deliveries = await self._deliveries(request, viewer, subscription_id)
        return self._portal.fragment(
            viewer,
            "subscription_deliveries_part.html",
            subscription=subscription,
            curl=self._portal.first_event(request, subscription.view["event_types"]),
            **deliveries,
        )

    async def show_settings(self, viewer: ReadsWebhooks, subscription_id: str) -> Response:
        """Show the settings."""
        frame = await frame_values(self._portal, viewer, subscription_id, tab="settings")
        secrets = await self._context.subscriptions.secrets(viewer.company_id, subscription_id, channel=None)
        return self._portal.render(viewer, "subscription_settings.html", secrets=secrets, **frame)

    async def _deliveries(self, request: Request, viewer: Viewer, subscription_id: str) -> dict[str, Any]:
        parameters = request.query_params
        status = parameters.get("status", "") if parameters.get("status") in dict(FILTERS) else ""
        cursor = parameters.get("cursor") or None
        url = views.url_of(viewer, subscription_id)
        period = periods.read(parameters, path=url, now_ms=self._context.clock.now_ms())
        page = await self._context.deliveries.of_subscription(
            viewer.company_id,
            subscription_id,
            channel=None,
            status=status or None,
            since_ms=period.since_ms,
            cursor=cursor,
            limit=PAGE,
        )
        kept = {"status": status, **period.parameters}
        before = page["next_cursor"]
        return {
            "deliveries": page["deliveries"],
            "status_filter": status,
            "period": period,
            "live": None if cursor else with_query(f"{url}/deliveries", **kept),
            "older": before and with_query(url, **kept, cursor=before),
            "newest": cursor and with_query(url, **kept),
        }


ROUTES = Table(
    DetailPages,
    get("/subscriptions/{subscription_id}", DetailPages.show_deliveries),
    get("/subscriptions/{subscription_id}/deliveries", DetailPages.show_part),
    get("/subscriptions/{subscription_id}/settings", DetailPages.show_settings),
)


async def frame_values(portal: Portal, viewer: Viewer, subscription_id: str, *, tab: str) -> dict[str, Any]:
    """Gather the values above a subscription's tabs. Raises NotFound."""
    subscription = await views.find(portal, viewer, subscription_id)
    activity = SubscriptionActivity(subscription.id, 0, None, None, None)
    for each in await portal.context.activity.subscriptions(viewer.company_id):
        if each.subscription_id == subscription.id:
            activity = each
    tabs = [("", "Deliveries"), ("replays", "Replays"), ("settings", "Settings")]
    since_ms = activity.failing_since_ms
    return {
        "subscription": subscription,
        "activity": activity,
        "failing_for": since_ms and formats.lasting(portal.context.clock.now_ms() - since_ms),
        "problem": await _last_problem(portal, viewer, activity) if activity.failures else None,
        "tabs": [
            (views.url_of(viewer, subscription.id, part), title, (part or "deliveries") == tab)
            for part, title in tabs
        ],
    }


async def _last_problem(
    portal: Portal, viewer: Viewer, activity: SubscriptionActivity
) -> Mapping[str, Any] | None:
    """Find the newest failed attempt of a failing subscription: its delivery, the target's answer, and an explanation."""
    page = await portal.context.deliveries.of_subscription(
        viewer.company_id, activity.subscription_id, channel=None, limit=PAGE
    )
    tried = (each for each in page["deliveries"] if each["attempts"] and each["status"] != "delivered")
    if (failed := next(tried, None)) is None:
        return None
    delivery = await portal.context.deliveries.get(viewer.company_id, failed["id"])
    attempt = delivery["attempts"][-1]
    answer = " ".join((attempt["response_body"] or "").split())
    return {
        "delivery": delivery,
        "attempt": attempt,
        "answer": answer if len(answer) <= _ANSWER else f"{answer[: _ANSWER - 1]}…",
        "sentence": attempt_sentence(attempt),
    }
