"""The routes below ``/api/v1/webhooks/subscriptions``."""

from collections.abc import Callable, Sequence
from types import MethodType
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from trunkline import PluginContext
from trunkline.routes import (
    LOCATION,
    Caller,
    CreatedSubscription,
    CreateWebhookSubscription,
    DeliveryList,
    DeliveryQuery,
    IfMatch,
    ListQuery,
    ReplayCount,
    ReplayRequest,
    ReplayView,
    RotatedSecret,
    RotateSecret,
    StrictRoute,
    SubscriptionList,
    SubscriptionView,
    TestAttempt,
    UpdatedSubscription,
    UpdateSubscription,
    etag_of,
    requires,
    responses,
)

Reads = Annotated[Caller, Depends(requires("webhooks:read"))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write", bucket="write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class SubscriptionQuery(ListQuery):
    """The subscriptions to list."""

    target_url: str | None = Field(default=None, description="only those with exactly this target URL")


class SubscriptionHandlers:
    """Answers the calls on the subscriptions of *channel*."""

    def __init__(self, context: PluginContext, *, channel: str) -> None:
        self._subscriptions = context.subscriptions
        self._deliveries = context.deliveries
        self._replays = context.replays
        self._channel = channel

    async def create(self, body: CreateWebhookSubscription, caller: Administers) -> dict[str, Any]:
        """Start pushing events to a URL. The secret is shown here and never again."""
        request = body.model_dump(exclude_unset=True)
        return await self._subscriptions.create(caller.company_id, request, channel=self._channel)

    async def list_all(self, caller: Reads, query: Annotated[SubscriptionQuery, Query()]) -> dict[str, Any]:
        """List the company's webhook subscriptions, oldest first. A page of long entries may be shorter."""
        return await self._subscriptions.page(
            caller.company_id,
            channel=self._channel,
            target_url=query.target_url,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def show(self, subscription_id: str, caller: Reads, response: Response) -> dict[str, Any]:
        """Show one subscription, without its secret."""
        view = await self._subscriptions.get(caller.company_id, subscription_id, channel=self._channel)
        response.headers["ETag"] = etag_of(view)
        return view

    async def update(
        self,
        subscription_id: str,
        body: UpdateSubscription,
        caller: Administers,
        response: Response,
        if_match: IfMatch = None,
    ) -> dict[str, Any]:
        """Change the members in the body; pause with `"status": "paused"`, resume with `"status": "active"`.

        If the subscription has headers, a `target_url` with another scheme, host or port must come with `headers`.
        """
        changes = body.model_dump(exclude_unset=True)
        view = await self._subscriptions.update(
            caller.company_id, subscription_id, changes, channel=self._channel, if_match=if_match
        )
        response.headers["ETag"] = etag_of(view)
        return view

    async def delete(self, subscription_id: str, caller: Deletes, if_match: IfMatch = None) -> None:
        """Stop pushing for good; its open deliveries end as `gone`."""
        await self._subscriptions.delete(
            caller.company_id, subscription_id, channel=self._channel, if_match=if_match
        )

    async def rotate(
        self, subscription_id: str, caller: Administers, body: RotateSecret | None = None
    ) -> dict[str, Any]:
        """Make a new secret; the old one signs beside it during the overlap. At most five sign at once."""
        rotation = body or RotateSecret()
        return await self._subscriptions.rotate_secret(
            caller.company_id,
            subscription_id,
            channel=self._channel,
            overlap_seconds=rotation.overlap_seconds,
            secret=rotation.secret,
        )

    async def test(self, subscription_id: str, caller: Administers) -> dict[str, Any]:
        """Make one attempt with an example event now and show how the target answered."""
        return await self._subscriptions.test(caller.company_id, subscription_id, channel=self._channel)

    async def list_deliveries(
        self, subscription_id: str, caller: Reads, query: Annotated[DeliveryQuery, Query()]
    ) -> dict[str, Any]:
        """List deliveries, newest event first."""
        return await self._deliveries.of_subscription(
            caller.company_id,
            subscription_id,
            channel=self._channel,
            status=query.status,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def replay(self, subscription_id: str, body: ReplayRequest, caller: Administers) -> Response:
        """Replay a range in a lane that never delays live deliveries; with `dry_run` only count."""
        view = await self._replays.start(
            caller.company_id, subscription_id, body.request(), channel=self._channel
        )
        return JSONResponse(view, status_code=200 if body.dry_run else 202)


_ROUTES: Sequence[tuple[str, str, Callable[..., Any], dict[str, Any]]] = (
    (
        "POST",
        "",
        SubscriptionHandlers.create,
        {
            "operation_id": "createWebhookSubscription",
            "openapi_extra": {LOCATION: "/api/v1/webhooks/subscriptions/{id}"},
            "status_code": 201,
            "response_model": CreatedSubscription,
            "summary": "Create a webhook subscription",
            "responses": responses(409, 422),
        },
    ),
    (
        "GET",
        "",
        SubscriptionHandlers.list_all,
        {
            "operation_id": "listWebhookSubscriptions",
            "response_model": SubscriptionList,
            "summary": "List webhook subscriptions",
        },
    ),
    (
        "GET",
        "/{subscription_id}",
        SubscriptionHandlers.show,
        {
            "operation_id": "getWebhookSubscription",
            "response_model": SubscriptionView,
            "summary": "Show a webhook subscription",
            "responses": responses(404),
        },
    ),
    (
        "PATCH",
        "/{subscription_id}",
        SubscriptionHandlers.update,
        {
            "operation_id": "updateWebhookSubscription",
            "response_model": UpdatedSubscription,
            "summary": "Change a webhook subscription",
            "responses": responses(404, 422),
        },
    ),
    (
        "DELETE",
        "/{subscription_id}",
        SubscriptionHandlers.delete,
        {
            "operation_id": "deleteWebhookSubscription",
            "status_code": 204,
            "summary": "Delete a webhook subscription",
            "responses": responses(404),
        },
    ),
    (
        "POST",
        "/{subscription_id}/rotate-secret",
        SubscriptionHandlers.rotate,
        {
            "operation_id": "rotateWebhookSubscriptionSecret",
            "response_model": RotatedSecret,
            "summary": "Give a subscription a new secret",
            "responses": responses(404, 409, 422),
        },
    ),
    (
        "POST",
        "/{subscription_id}/test",
        SubscriptionHandlers.test,
        {
            "operation_id": "testWebhookSubscription",
            "response_model": TestAttempt,
            "summary": "Send a test delivery",
            "responses": responses(404),
        },
    ),
    (
        "GET",
        "/{subscription_id}/deliveries",
        SubscriptionHandlers.list_deliveries,
        {
            "operation_id": "listWebhookDeliveries",
            "response_model": DeliveryList,
            "summary": "The delivery log of a webhook subscription",
            "responses": responses(404),
        },
    ),
    (
        "POST",
        "/{subscription_id}/replay",
        SubscriptionHandlers.replay,
        {
            "operation_id": "startWebhookReplay",
            "status_code": 202,
            "response_model": ReplayView,
            "summary": "Send events of the past again",
            "responses": responses(404, 422, 429) | {200: {"model": ReplayCount, "description": "A dry run"}},
        },
    ),
)
"""Method, path below the prefix, handler, and keyword arguments for FastAPI's ``add_api_route``."""


def make_router(context: PluginContext, *, channel: str) -> APIRouter:
    """Build the router over the hub's subscriptions of *channel*."""
    handlers = SubscriptionHandlers(context, channel=channel)
    router = APIRouter(route_class=StrictRoute, tags=["Webhooks"])
    for method, path, handler, options in _ROUTES:
        answer = MethodType(handler, handlers)
        router.add_api_route(path, answer, methods=[method], response_model_exclude_unset=True, **options)
    return router
