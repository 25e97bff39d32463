"""Showing the secrets of a subscription again; the audit log names the viewer."""

from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import WritesWebhooks
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, post


class RevealPages(Pages):
    """Shows the secrets in use."""

    async def reveal(self, request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show them in plain."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        secrets = await self._portal.context.subscriptions.secrets(
            viewer.company_id, subscription.id, channel=None, reveal=True
        )
        return self._portal.render(
            request, viewer, "subscription_revealed.html", subscription=subscription, secrets=secrets
        )


ROUTES = Table(
    RevealPages, post("/subscriptions/{subscription_id}/reveal", RevealPages.reveal, bucket="admin")
)
