"""Acting on one subscription: pause, resume, delete and test it, show its secrets (the audit log names the viewer), replace them."""

from urllib.parse import urlsplit

from starlette.responses import Response

from trunkline import NotFound, Refused
from trunkline_portal import outcomes
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted, read_number
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.pages.subscriptions.editing import leave_secret
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

_COUNTED = 10_000
"""The highest count of ``count_open``."""
MAX_OVERLAP_HOURS = 30 * 24


class ActionPages(Pages):
    """Asks before each action, and then carries it out."""

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

    async def ask_to_rotate(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Ask how long the old secret stays valid."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        return self._show_rotation(viewer, subscription)

    async def rotate(self, viewer: WritesWebhooks, subscription_id: str, fields: Submitted) -> Response:
        """Rotate the secret."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        hours = read_number(fields["hours"], most=MAX_OVERLAP_HOURS)
        if hours is None:
            error = f"Enter a number of hours from 0 to {MAX_OVERLAP_HOURS} (30 days)."
            return self._show_rotation(viewer, subscription, hours=fields["hours"], error=error, status=422)
        try:
            rotated = await self._context.subscriptions.rotate_secret(
                viewer.company_id,
                subscription.id,
                channel=subscription.view["channel"],
                overlap_seconds=hours * 3600,
            )
        except NotFound:
            raise
        except Refused as refused:
            error, status = refused.detail, refused.status
            return self._show_rotation(
                viewer, subscription, hours=fields["hours"], error=error, status=status
            )
        return leave_secret(self._portal, viewer, subscription.id, rotated.get("secret"))

    def _show_rotation(
        self,
        viewer: Viewer,
        subscription: Subscription,
        *,
        hours: str = "24",
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        return self._portal.render(
            viewer,
            "subscription_rotate.html",
            status=status,
            subscription=subscription,
            hours=hours,
            error=error,
            max_hours=MAX_OVERLAP_HOURS,
        )

    async def reveal(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show them in plain."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        secrets = await self._context.subscriptions.secrets(
            viewer.company_id, subscription.id, channel=None, reveal=True
        )
        return self._portal.render(
            viewer, "subscription_revealed.html", subscription=subscription, secrets=secrets
        )

    async def ask_to_test(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the page before sending."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        return self._portal.render(
            viewer, "subscription_test.html", subscription=subscription, result=None, reason=None
        )

    async def test(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Send a test, and show the answer without a redirect.

        The answer is not stored, and it does no harm if a reload sends the test again.
        """
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        result = await self._context.subscriptions.test(
            viewer.company_id, subscription.id, channel=subscription.view["channel"]
        )
        reason = outcomes.attempt_sentence(result)
        return self._portal.render(
            viewer, "subscription_test.html", subscription=subscription, result=result, reason=reason
        )


ROUTES = Table(
    ActionPages,
    get("/subscriptions/{subscription_id}/rotate", ActionPages.ask_to_rotate),
    post("/subscriptions/{subscription_id}/rotate", ActionPages.rotate, bucket="admin"),
    post("/subscriptions/{subscription_id}/reveal", ActionPages.reveal, bucket="admin"),
    get("/subscriptions/{subscription_id}/test", ActionPages.ask_to_test),
    post("/subscriptions/{subscription_id}/test", ActionPages.test, bucket="admin"),
    get("/subscriptions/{subscription_id}/pause", ActionPages.ask_to_pause),
    post("/subscriptions/{subscription_id}/pause", ActionPages.pause, bucket="admin"),
    get("/subscriptions/{subscription_id}/resume", ActionPages.ask_to_resume),
    post("/subscriptions/{subscription_id}/resume", ActionPages.resume, bucket="admin"),
    get("/subscriptions/{subscription_id}/delete", ActionPages.ask_to_delete),
    post("/subscriptions/{subscription_id}/delete", ActionPages.delete, bucket="write"),
)
