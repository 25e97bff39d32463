"""A test delivery, and the receiver's answer."""

from starlette.responses import Response

from trunkline_portal import outcomes
from trunkline_portal.access import WritesWebhooks
from trunkline_portal.pages.subscriptions import views
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post


class TestDeliveryPages(Pages):
    """Sends a test, and shows its result."""

    async def ask(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the page before sending."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        return self._portal.render(
            viewer, "subscription_test.html", subscription=subscription, result=None, reason=None
        )

    async def send(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
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
    TestDeliveryPages,
    get("/subscriptions/{subscription_id}/test", TestDeliveryPages.ask),
    post("/subscriptions/{subscription_id}/test", TestDeliveryPages.send, bucket="admin"),
)
