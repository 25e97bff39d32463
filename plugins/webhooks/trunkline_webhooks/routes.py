"""The routes below ``/api/v1/webhooks/subscriptions``."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from trunkline import (
    Caller,
    CreatedSubscription,
    Deliveries,
    DeliveryQuery,
    PluginContext,
    QueryModel,
    ReplayCount,
    ReplayRequest,
    ReplayView,
    StrictRoute,
    SubscriptionList,
    SubscriptionView,
    requires,
    responses,
)
from trunkline_webhooks.models import (
    CreateSubscription,
    RotatedSecret,
    RotateSecret,
    TestAttempt,
    UpdateSubscription,
)

Reads = Annotated[Caller, Depends(requires("webhooks:write"))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write", bucket="write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class ListQuery(QueryModel):
    """Which subscriptions to list."""

    target_url: str | None = Field(default=None, description="only those that go to exactly this URL")


def make_router(context: PluginContext, *, channel: str) -> APIRouter:
    """Build the router over the hub's subscriptions of *channel*."""
    router = APIRouter(route_class=StrictRoute, tags=["Webhooks"])
    subscriptions, deliveries, replays = context.subscriptions, context.deliveries, context.replays

    @router.post(
        "",
        status_code=201,
        response_model=CreatedSubscription,
        response_model_exclude_unset=True,
        summary="Create a webhook subscription",
        responses=responses(409, 422),
    )
    async def create(body: CreateSubscription, caller: Administers) -> dict[str, Any]:
        """Start pushing events to a URL. The secret is shown here and never again."""
        request = body.model_dump(exclude_unset=True)
        return await subscriptions.create(caller.company_id, request, channel=channel)

    @router.get(
        "",
        response_model=SubscriptionList,
        response_model_exclude_unset=True,
        summary="List webhook subscriptions",
    )
    async def list_all(caller: Reads, query: Annotated[ListQuery, Query()]) -> dict[str, Any]:
        """List the company's webhook subscriptions, oldest first."""
        found = await subscriptions.list(caller.company_id, channel=channel, target_url=query.target_url)
        return {"subscriptions": found, "count": len(found)}

    @router.get(
        "/{subscription_id}",
        response_model=SubscriptionView,
        response_model_exclude_unset=True,
        summary="Show a webhook subscription",
        responses=responses(404),
    )
    async def show(subscription_id: str, caller: Reads) -> dict[str, Any]:
        """Show one subscription, without its secret."""
        return await subscriptions.get(caller.company_id, subscription_id, channel=channel)

    @router.patch(
        "/{subscription_id}",
        response_model=SubscriptionView,
        response_model_exclude_unset=True,
        summary="Change a webhook subscription",
        responses=responses(404, 422),
    )
    async def update(subscription_id: str, body: UpdateSubscription, caller: Administers) -> dict[str, Any]:
        """Change what the body names; pause with `"status": "paused"`, resume with `"status": "active"`."""
        changes = body.model_dump(exclude_unset=True)
        return await subscriptions.update(caller.company_id, subscription_id, changes, channel=channel)

    @router.delete(
        "/{subscription_id}",
        status_code=204,
        summary="Delete a webhook subscription",
        responses=responses(404),
    )
    async def delete(subscription_id: str, caller: Deletes) -> None:
        """Stop pushing for good; what was still to be delivered ends as `gone`."""
        await subscriptions.delete(caller.company_id, subscription_id, channel=channel)

    @router.post(
        "/{subscription_id}/rotate-secret",
        response_model=RotatedSecret,
        response_model_exclude_unset=True,
        summary="Give a subscription a new secret",
        responses=responses(404, 422),
    )
    async def rotate(
        subscription_id: str, caller: Administers, body: RotateSecret | None = None
    ) -> dict[str, Any]:
        """Make a new secret; the old one signs beside it during the overlap."""
        overlap = (body or RotateSecret()).overlap_seconds
        return await subscriptions.rotate_secret(
            caller.company_id, subscription_id, channel=channel, overlap_seconds=overlap
        )

    @router.post(
        "/{subscription_id}/test",
        response_model=TestAttempt,
        summary="Send a test delivery",
        responses=responses(404),
    )
    async def test(subscription_id: str, caller: Administers) -> dict[str, Any]:
        """Make one attempt with an example event now and show how the target answered."""
        return await subscriptions.test(caller.company_id, subscription_id, channel=channel)

    @router.get(
        "/{subscription_id}/deliveries",
        response_model=Deliveries,
        summary="The delivery log of a webhook subscription",
        responses=responses(404),
    )
    async def list_deliveries(
        subscription_id: str, caller: Reads, query: Annotated[DeliveryQuery, Query()]
    ) -> dict[str, Any]:
        """List deliveries, newest event first."""
        return await deliveries.of_subscription(
            caller.company_id,
            subscription_id,
            channel=channel,
            status=query.status,
            cursor=query.cursor,
            limit=query.limit,
        )

    @router.post(
        "/{subscription_id}/replay",
        status_code=202,
        response_model=ReplayView,
        summary="Send events of the past again",
        responses=responses(404, 422) | {200: {"model": ReplayCount, "description": "A dry run"}},
    )
    async def replay(subscription_id: str, body: ReplayRequest, caller: Administers) -> Response:
        """Replay a range in a lane that never delays live deliveries; with `dry_run` only count."""
        shown = await replays.start(caller.company_id, subscription_id, body.request(), channel=channel)
        return JSONResponse(shown, status_code=200 if body.dry_run else 202)

    return router
