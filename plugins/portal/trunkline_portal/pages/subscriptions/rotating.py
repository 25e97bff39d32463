"""Giving a subscription a new secret, or a new key pair."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.subscriptions import places
from trunkline_portal.pages.subscriptions.creating import leave_secret
from trunkline_portal.pages.subscriptions.places import Shown
from trunkline_portal.portal import Portal

MAX_OVERLAP_HOURS = 30 * 24


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    subscriptions = portal.context.subscriptions

    @router.get("/subscriptions/{subscription_id}/rotate")
    async def ask_to_rotate(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find_ours(portal, viewer.company_id, subscription_id)
        return show_rotation(request, viewer, one)

    @router.post("/subscriptions/{subscription_id}/rotate")
    async def rotate(
        request: Request, viewer: WritesWebhooks, subscription_id: str, fields: Submitted
    ) -> Response:
        one = await places.find_ours(portal, viewer.company_id, subscription_id)
        hours = _hours(fields["hours"])
        if hours is None:
            error = f"Enter a number of hours from 0 to {MAX_OVERLAP_HOURS} (30 days)."
            return show_rotation(request, viewer, one, hours=fields["hours"], error=error, status=422)
        made = await subscriptions.rotate_secret(
            viewer.company_id, one.id, channel=places.CHANNEL, overlap_seconds=hours * 3600
        )
        return leave_secret(portal, request, viewer, one.id, made.get("secret"))

    def show_rotation(
        request: Request,
        viewer: Viewer,
        one: Shown,
        *,
        hours: str = "24",
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        return portal.render(
            request,
            viewer,
            "subscription_rotate.html",
            status=status,
            one=one,
            hours=hours,
            error=error,
            max_hours=MAX_OVERLAP_HOURS,
        )

    return router


def _hours(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= 4
    return int(text) if is_number and int(text) <= MAX_OVERLAP_HOURS else None
