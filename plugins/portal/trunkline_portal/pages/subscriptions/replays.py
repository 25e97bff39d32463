"""A subscription's replays: watched and cancelled."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import ReadsWebhooks, WritesWebhooks
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.pages.subscriptions.detail import frame_values
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import Table, get, post

KINDS: Mapping[str, str] = {
    "missed": "Missed events",
    "all": "All events in a range",
    "failed": "Failed deliveries",
}


class ReplayPages(Pages):
    """The list of replays, and cancelling one."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._replays = portal.context.replays

    async def show_all(self, request: Request, viewer: ReadsWebhooks, subscription_id: str) -> Response:
        """Show the list."""
        frame = await frame_values(self._portal, viewer, subscription_id, tab="replays")
        replays = await self._replays.of_subscription(viewer.company_id, subscription_id, channel=None)
        return self._portal.render(
            request, viewer, "subscription_replays.html", replays=replays, kinds=KINDS, **frame
        )

    async def show_part(self, request: Request, viewer: ReadsWebhooks, subscription_id: str) -> Response:
        """Show it again, for the script."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        replays = await self._replays.of_subscription(viewer.company_id, subscription_id, channel=None)
        return self._portal.fragment(
            request,
            viewer,
            "subscription_replays_part.html",
            subscription=subscription,
            replays=replays,
            kinds=KINDS,
        )

    async def ask_to_cancel(
        self, request: Request, viewer: WritesWebhooks, subscription_id: str, replay_id: str
    ) -> Response:
        """Ask before a replay is cancelled."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        replay = await self._replays.get(viewer.company_id, replay_id)
        return self._portal.confirm(
            request,
            viewer,
            title="Cancel this replay?",
            sentences=[
                "No more events are replayed.",
                "What it has queued and not begun is taken back, and is again what it was before.",
            ],
            action=views.url_of(viewer, subscription.id, f"replays/{replay['id']}/cancel"),
            button="Cancel the replay",
            back=views.url_of(viewer, subscription.id, "replays"),
        )

    async def cancel(
        self, request: Request, viewer: WritesWebhooks, subscription_id: str, replay_id: str
    ) -> Response:
        """Cancel a replay."""
        await self._replays.cancel(viewer.company_id, replay_id)
        return self._portal.redirect(
            request,
            views.url_of(viewer, subscription_id, "replays"),
            viewer=viewer,
            flash="The replay was cancelled.",
        )


ROUTES = Table(
    ReplayPages,
    get("/subscriptions/{subscription_id}/replays", ReplayPages.show_all),
    get("/subscriptions/{subscription_id}/replays/part", ReplayPages.show_part),
    get("/subscriptions/{subscription_id}/replays/{replay_id}/cancel", ReplayPages.ask_to_cancel),
    post("/subscriptions/{subscription_id}/replays/{replay_id}/cancel", ReplayPages.cancel, bucket="write"),
)
