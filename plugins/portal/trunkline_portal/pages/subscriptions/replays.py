"""A subscription's replays: watched and cancelled."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import WritesWebhooks
from trunkline_portal.pages.subscriptions import places
from trunkline_portal.pages.subscriptions.detail import frame_values
from trunkline_portal.portal import Portal

KINDS: Mapping[str, str] = {
    "missed": "What was missed",
    "all": "Everything in a range",
    "failed": "What had failed",
}


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    replays = portal.context.replays

    @router.get("/subscriptions/{subscription_id}/replays")
    async def show_all(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        frame = await frame_values(portal, viewer, subscription_id, tab="replays")
        found = await replays.of_subscription(viewer.company_id, subscription_id, channel=None)
        return portal.render(
            request, viewer, "subscription_replays.html", replays=found, kinds=KINDS, **frame
        )

    @router.get("/subscriptions/{subscription_id}/replays/part")
    async def show_part(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        found = await replays.of_subscription(viewer.company_id, subscription_id, channel=None)
        return portal.fragment(
            request, viewer, "subscription_replays_part.html", one=one, replays=found, kinds=KINDS
        )

    @router.get("/subscriptions/{subscription_id}/replays/{replay_id}/cancel")
    async def ask_to_cancel(
        request: Request, viewer: WritesWebhooks, subscription_id: str, replay_id: str
    ) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        replay = await replays.get(viewer.company_id, replay_id)
        return portal.confirm(
            request,
            viewer,
            title="Cancel this replay?",
            sentences=[
                "No more of the past is sent again.",
                f"The {replay['matched']:,} deliveries that it has already made due are still delivered.",
            ],
            action=places.url_of(one.id, f"replays/{replay['id']}/cancel"),
            button="Cancel the replay",
            back=places.url_of(one.id, "replays"),
        )

    @router.post("/subscriptions/{subscription_id}/replays/{replay_id}/cancel")
    async def cancel(
        request: Request, viewer: WritesWebhooks, subscription_id: str, replay_id: str
    ) -> Response:
        await replays.cancel(viewer.company_id, replay_id)
        return portal.redirect(
            request,
            places.url_of(subscription_id, "replays"),
            viewer=viewer,
            flash="The replay was cancelled.",
        )

    return router
