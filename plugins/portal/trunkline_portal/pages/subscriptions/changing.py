"""Pausing, resuming and deleting a subscription."""

from urllib.parse import urlsplit

from starlette.responses import Response

from trunkline_portal.access import WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

_COUNTED = 10_000
"""The highest count of ``count_open``."""


class StatePages(Pages):
    """Asks before a subscription is paused, resumed or deleted, and then carries that out."""

    async def ask_to_pause(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Ask before a subscription is paused."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        return self._portal.confirm(
            viewer,
            title="Pause this subscription?",
            sentences=[
                f"Nothing more is sent to {subscription.view['target_url']} until it is resumed.",
                "Events go on being stored: resuming can deliver all events that were missed in between.",
            ],
            action=views.url_of(viewer, subscription.id, "pause"),
            button="Pause",
            back=subscription.url,
            is_dangerous=False,
        )

    async def pause(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Pause a subscription."""
        await self._context.subscriptions.update(
            viewer.company_id, subscription_id, {"status": "paused"}, channel=None
        )
        said = "The subscription is paused: nothing more is sent."
        return self._portal.redirect(viewer, views.url_of(viewer, subscription_id), flash=said)

    async def ask_to_resume(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Ask whether the missed events are to be delivered."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        return self._portal.render(viewer, "subscription_resume.html", subscription=subscription)

    async def resume(self, viewer: WritesWebhooks, subscription_id: str, fields: Submitted) -> Response:
        """Resume a subscription."""
        catches_up = fields["catch_up"] != "no"
        changes = {"status": "active", "catch_up": catches_up}
        await self._context.subscriptions.update(viewer.company_id, subscription_id, changes, channel=None)
        what = "missed events are being delivered" if catches_up else "it goes on with the next event"
        said = f"The subscription is active again: {what}."
        return self._portal.redirect(viewer, views.url_of(viewer, subscription_id), flash=said)

    async def ask_to_delete(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Ask before a subscription is deleted."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        count = await self._context.deliveries.count_open(viewer.company_id, subscription.id)
        sentences = [
            f"Nothing more is sent to {subscription.view['target_url']}, and its secret is forgotten for good."
        ]
        if count == 1:
            sentences.append("1 open delivery will not be made; it ends as “gone”.")
        elif count:
            more = " or more" if count == _COUNTED else ""
            sentences.append(f"{count:,}{more} open deliveries will not be made; they end as “gone”.")
        else:
            sentences.append("No delivery is open.")
        if not subscription.is_editable:
            sentences.append(
                f"{subscription.channel} is not told: the workflow that subscribed goes on waiting for events. Turn it off in {subscription.channel} first."
            )
        return self._portal.confirm(
            viewer,
            title="Delete this subscription?",
            sentences=sentences,
            action=views.url_of(viewer, subscription.id, "delete"),
            button="Delete",
            back=views.url_of(viewer, subscription.id, "settings"),
        )

    async def delete(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Delete a subscription."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        await self._context.subscriptions.delete(viewer.company_id, subscription.id, channel=None)
        url = subscription.view["target_url"]
        host = urlsplit(url).hostname or url
        said = f"The subscription to {host} was deleted."
        return self._portal.redirect(viewer, f"{viewer.root}{views.BASE}", flash=said)


ROUTES = Table(
    StatePages,
    get("/subscriptions/{subscription_id}/pause", StatePages.ask_to_pause),
    post("/subscriptions/{subscription_id}/pause", StatePages.pause, bucket="admin"),
    get("/subscriptions/{subscription_id}/resume", StatePages.ask_to_resume),
    post("/subscriptions/{subscription_id}/resume", StatePages.resume, bucket="admin"),
    get("/subscriptions/{subscription_id}/delete", StatePages.ask_to_delete),
    post("/subscriptions/{subscription_id}/delete", StatePages.delete, bucket="write"),
)
