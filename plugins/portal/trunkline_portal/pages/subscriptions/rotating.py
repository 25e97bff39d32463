"""The secret of a subscription, or its key pair: shown again (the audit log names the viewer), and replaced."""

from starlette.responses import Response

from trunkline import NotFound, Refused
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted, read_number
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.pages.subscriptions.creating import leave_secret
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

MAX_OVERLAP_HOURS = 30 * 24


class SecretPages(Pages):
    """Shows the secrets in use, asks before a secret is rotated, and rotates it."""

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


ROUTES = Table(
    SecretPages,
    get("/subscriptions/{subscription_id}/rotate", SecretPages.ask_to_rotate),
    post("/subscriptions/{subscription_id}/rotate", SecretPages.rotate, bucket="admin"),
    post("/subscriptions/{subscription_id}/reveal", SecretPages.reveal, bucket="admin"),
)
