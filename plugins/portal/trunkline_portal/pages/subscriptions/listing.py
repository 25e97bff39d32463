"""The list of all subscriptions."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trunkline.pages import SubscriptionActivity
from trunkline_portal import curl
from trunkline_portal.access import ReadsWebhooks, Viewer
from trunkline_portal.pages.subscriptions import targets, views
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get

HEALTH = ("failing", "retrying", "disabled", "paused", "delivering", "idle")


class Line(Struct, frozen=True):
    """One subscription with its figures."""

    subscription: Subscription
    activity: SubscriptionActivity


class ListPages(Pages):
    """The list of subscriptions."""

    async def show_all(self, request: Request, viewer: ReadsWebhooks) -> Response:
        """Show the list."""
        lines = await self._lines(viewer)
        kinds = [kind.name for kind in self._context.events.types()][:1]
        example = {"target_url": "https://example.com/hooks", "event_types": kinds or ["*"]}
        return self._portal.render(
            viewer,
            "subscriptions.html",
            lines=_matching(request, lines),
            query=f"?{request.url.query}" if request.url.query else "",
            statuses=[(name, name.capitalize()) for name in HEALTH],
            channels=sorted(
                {(line.subscription.view["channel"], line.subscription.channel) for line in lines}
            ),
            status_filter=request.query_params.get("status", ""),
            channel_filter=request.query_params.get("channel", ""),
            has_any=bool(lines),
            can_create=bool(targets.choices(self._portal)),
            curl=curl.line(f"{self._portal.base_url(request)}/api/v1/webhooks/subscriptions", body=example),
        )

    async def show_list(self, request: Request, viewer: ReadsWebhooks) -> Response:
        """Show it again, for the script."""
        lines = _matching(request, await self._lines(viewer))
        return self._portal.fragment(viewer, "subscriptions_list.html", lines=lines)

    async def _lines(self, viewer: Viewer) -> list[Line]:
        """List the failing subscriptions, then the others, each newest first."""
        subscriptions = await self._context.subscriptions.list(viewer.company_id, channel=None)
        activity = {
            activity.subscription_id: activity
            for activity in await self._context.activity.subscriptions(viewer.company_id)
        }
        listed = [view for view in reversed(subscriptions) if view["id"] in activity]
        listed.sort(key=lambda view: view["health"] != "failing")
        return [
            Line(shown, activity[shown.view["id"]]) for shown in views.views_of(self._portal, viewer, listed)
        ]


ROUTES = Table(
    ListPages, get("/subscriptions", ListPages.show_all), get("/subscriptions/list", ListPages.show_list)
)


def _matching(request: Request, lines: Sequence[Line]) -> list[Line]:
    status, channel = (request.query_params.get(name, "") for name in ("status", "channel"))
    views = [(line, line.subscription.view) for line in lines]
    return [
        line
        for line, view in views
        if status in {"", view["status"], view["health"]} and channel in {"", view["channel"]}
    ]
