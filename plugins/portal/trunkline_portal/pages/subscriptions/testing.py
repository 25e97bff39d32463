"""A test delivery, and what the receiver answered."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import outcomes
from trunkline_portal.access import WritesWebhooks
from trunkline_portal.pages.subscriptions import places
from trunkline_portal.portal import Portal


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.get("/subscriptions/{subscription_id}/test")
    async def ask(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find_ours(portal, viewer.company_id, subscription_id)
        return portal.render(request, viewer, "subscription_test.html", one=one, result=None, reason=None)

    @router.post("/subscriptions/{subscription_id}/test")
    async def send(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the answer at once: it is stored nowhere, and sending once more when the page is loaded again does no harm."""
        one = await places.find_ours(portal, viewer.company_id, subscription_id)
        result = await portal.context.subscriptions.test(viewer.company_id, one.id, channel=places.CHANNEL)
        reason = outcomes.attempt_sentence(result)
        return portal.render(request, viewer, "subscription_test.html", one=one, result=result, reason=reason)

    return router
