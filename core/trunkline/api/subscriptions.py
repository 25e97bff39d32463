"""Subscriptions and deliveries of every channel, as the core serves them (CONTRACT §13). A channel's own routes come
from its plugin.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from trunkline.api import models
from trunkline.api.problems import responses
from trunkline.api.requests import QueryModel, StrictRoute
from trunkline.api.security import Caller, requires

router = APIRouter(prefix="/api/v1", route_class=StrictRoute)

Reads = Annotated[Caller, Depends(requires("webhooks:write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class SubscriptionQuery(QueryModel):
    """Which subscriptions to list."""

    channel: str | None = Field(default=None, description="only those of this channel")
    target_url: str | None = Field(default=None, description="only those that go to exactly this URL")


class DeliveryQuery(QueryModel):
    """Which deliveries to list."""

    status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone"] | None = None
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


@router.get(
    "/subscriptions",
    response_model=models.Subscriptions,
    response_model_exclude_unset=True,
    summary="List subscriptions",
    tags=["Subscriptions"],
)
async def list_subscriptions(
    request: Request, caller: Reads, query: Annotated[SubscriptionQuery, Query()]
) -> dict[str, object]:
    """List the company's subscriptions on every channel, oldest first."""
    found = await request.app.state.hub.subscriptions.list(
        caller.company_id, channel=query.channel, target_url=query.target_url
    )
    return {"subscriptions": found, "count": len(found)}


@router.get(
    "/subscriptions/{subscription_id}",
    response_model=models.SubscriptionView,
    response_model_exclude_unset=True,
    summary="Show a subscription",
    tags=["Subscriptions"],
    responses=responses(404),
)
async def show_subscription(request: Request, subscription_id: str, caller: Reads) -> dict[str, object]:
    """Show one subscription of any channel, without its secret."""
    hub = request.app.state.hub
    return await hub.subscriptions.get(caller.company_id, subscription_id, channel=None)  # type: ignore[no-any-return]


@router.patch(
    "/subscriptions/{subscription_id}",
    response_model=models.SubscriptionView,
    response_model_exclude_unset=True,
    summary="Pause or resume a subscription",
    tags=["Subscriptions"],
    responses=responses(404, 422),
)
async def change_subscription(
    request: Request, subscription_id: str, body: models.StatusChange, caller: Administers
) -> dict[str, object]:
    """Pause or resume one subscription of any channel."""
    changes = body.model_dump(exclude_unset=True)
    hub = request.app.state.hub
    return await hub.subscriptions.update(  # type: ignore[no-any-return]
        caller.company_id, subscription_id, changes, channel=None
    )


@router.get(
    "/subscriptions/{subscription_id}/deliveries",
    response_model=models.Deliveries,
    summary="The delivery log of a subscription",
    tags=["Deliveries"],
    responses=responses(404),
)
async def list_deliveries(
    request: Request, subscription_id: str, caller: Reads, query: Annotated[DeliveryQuery, Query()]
) -> dict[str, object]:
    """List deliveries, newest event first."""
    return await request.app.state.hub.deliveries.of_subscription(  # type: ignore[no-any-return]
        caller.company_id,
        subscription_id,
        channel=None,
        status=query.status,
        cursor=query.cursor,
        limit=query.limit,
    )


@router.get(
    "/deliveries/{delivery_id}",
    response_model=models.DeliveryDetail,
    summary="Show a delivery with its attempts",
    tags=["Deliveries"],
    responses=responses(404),
)
async def show_delivery(request: Request, delivery_id: str, caller: Reads) -> dict[str, object]:
    """Show one delivery and every attempt at it."""
    return await request.app.state.hub.deliveries.get(caller.company_id, delivery_id)  # type: ignore[no-any-return]


@router.post(
    "/deliveries/{delivery_id}/retry",
    status_code=202,
    response_model=models.DeliverySummary,
    summary="Try a delivery again now",
    tags=["Deliveries"],
    responses=responses(404),
)
async def retry_delivery(request: Request, delivery_id: str, caller: Administers) -> dict[str, object]:
    """Make a delivery due at once, whatever its state."""
    return await request.app.state.hub.deliveries.retry(caller.company_id, delivery_id)  # type: ignore[no-any-return]


@router.post(
    "/subscriptions/{subscription_id}/replay",
    status_code=202,
    response_model=models.ReplayView,
    summary="Send events of the past again",
    tags=["Replays"],
    responses=responses(404, 422) | {200: {"model": models.ReplayCount, "description": "A dry run"}},
)
async def start_replay(
    request: Request, subscription_id: str, body: models.ReplayRequest, caller: Administers
) -> Response:
    """Replay a range to one subscription of any channel, in a lane that never delays live deliveries."""
    hub = request.app.state.hub
    shown = await hub.replays.start(caller.company_id, subscription_id, body.request(), channel=None)
    return JSONResponse(shown, status_code=200 if body.dry_run else 202)


@router.get(
    "/replays/{replay_id}",
    response_model=models.ReplayView,
    summary="Show a replay's progress",
    tags=["Replays"],
    responses=responses(404),
)
async def show_replay(request: Request, replay_id: str, caller: Reads) -> dict[str, object]:
    """Show how far a replay is."""
    return await request.app.state.hub.replays.get(caller.company_id, replay_id)  # type: ignore[no-any-return]


@router.delete(
    "/replays/{replay_id}",
    status_code=204,
    summary="Cancel a replay",
    tags=["Replays"],
    responses=responses(404),
)
async def cancel_replay(request: Request, replay_id: str, caller: Reads) -> None:
    """Stop a replay; what it has already made due is still delivered."""
    await request.app.state.hub.replays.cancel(caller.company_id, replay_id)
