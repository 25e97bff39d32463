"""What is done to a subscription as a whole: paused, resumed, deleted."""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.subscriptions import places
from trunkline_portal.pages.subscriptions.places import Shown
from trunkline_portal.portal import Portal

_COUNTED = 10_000
"""How far ``count_open`` looks."""


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    subscriptions = portal.context.subscriptions

    @router.get("/subscriptions/{subscription_id}/pause")
    async def ask_to_pause(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        return portal.confirm(
            request,
            viewer,
            title="Pause this subscription?",
            sentences=[
                f"Nothing more is sent to {one.view['target_url']} until it is resumed.",
                "Events go on being stored: resuming can deliver all that was missed in between.",
            ],
            action=places.url_of(one.id, "pause"),
            button="Pause",
            back=one.url,
            is_dangerous=False,
        )

    @router.post("/subscriptions/{subscription_id}/pause")
    async def pause(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        await subscriptions.update(viewer.company_id, subscription_id, {"status": "paused"}, channel=None)
        return portal.redirect(
            request,
            places.url_of(subscription_id),
            viewer=viewer,
            flash="It is paused: nothing more is sent.",
        )

    @router.get("/subscriptions/{subscription_id}/resume")
    async def ask_to_resume(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        return portal.render(request, viewer, "subscription_resume.html", one=one)

    @router.post("/subscriptions/{subscription_id}/resume")
    async def resume(
        request: Request, viewer: WritesWebhooks, subscription_id: str, fields: Submitted
    ) -> Response:
        catches_up = fields["catch_up"] != "no"
        changes = {"status": "active", "catch_up": catches_up}
        await subscriptions.update(viewer.company_id, subscription_id, changes, channel=None)
        said = "what was missed is being delivered." if catches_up else "it goes on with the next event."
        return portal.redirect(
            request, places.url_of(subscription_id), viewer=viewer, flash=f"It is active again: {said}"
        )

    @router.get("/subscriptions/{subscription_id}/delete")
    async def ask_to_delete(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        count = await portal.context.deliveries.count_open(viewer.company_id, one.id)
        return portal.confirm(
            request,
            viewer,
            title="Delete this subscription?",
            sentences=_consequences(one, count),
            action=places.url_of(one.id, "delete"),
            button="Delete",
            back=places.url_of(one.id, "settings"),
        )

    @router.post("/subscriptions/{subscription_id}/delete")
    async def delete(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        await subscriptions.delete(viewer.company_id, one.id, channel=None)
        url = one.view["target_url"]
        host = urlsplit(url).hostname or url
        return portal.redirect(
            request, places.BASE, viewer=viewer, flash=f"The subscription to {host} was deleted."
        )

    return router


def _consequences(one: Shown, count: int) -> list[str]:
    sentences = [f"Nothing more is sent to {one.view['target_url']}, and its secret is forgotten for good."]
    if count == 1:
        sentences.append("1 delivery that is still to be made will never be made; it ends as “gone”.")
    elif count:
        more = " or more" if count == _COUNTED else ""
        sentences.append(
            f"{count:,}{more} deliveries that are still to be made will never be made; they end as “gone”."
        )
    else:
        sentences.append("No delivery is waiting.")
    if not one.is_ours:
        sentences.append(
            f"{one.channel} is not told: what it had subscribed for goes on waiting there. Turn it off in {one.channel} first."
        )
    return sentences
