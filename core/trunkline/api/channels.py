"""The list of channels, and subscriptions to channels that declare targets or post to a URL.

All these channels share one set of calls, so their plugins need no routes for subscriptions.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic.alias_generators import to_pascal

from trunkline.api import models
from trunkline.api.paging import ListQuery, page_of
from trunkline.api.requests import LOCATION, IfMatch
from trunkline.api.routing import Route, bind, route, routes_of
from trunkline.api.security import Caller, requires
from trunkline.contract import Channel, Subscriptions
from trunkline.contract.targets import shown_channel
from trunkline.schemas.catalog import Json
from trunkline.subscribing.named import channel_named

Reads = Annotated[Caller, Depends(requires(None))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write", bucket="write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class ChannelHandlers:
    """Answers the calls on channels, and the calls on subscriptions that depend on a channel's declaration."""

    def __init__(self, channels: Callable[[], Mapping[str, Channel]], subscriptions: Subscriptions) -> None:
        self._channels = channels
        self._subscriptions = subscriptions

    @route("GET", "/channels", response_model=models.ChannelList, summary="List channels")
    async def list_channels(self, _: Reads, query: Annotated[ListQuery, Query()]) -> dict[str, Json]:
        """List the channels that run, each with the JSON Schema of its targets if the channel declares one."""
        channels = self._channels()
        names, cursor = page_of(sorted(channels), query, name=str)
        shown = [shown_channel(channels[name]) for name in names]
        return {"channels": shown, "count": len(shown), "next_cursor": cursor}

    async def create_subscription(
        self, body: models.CreateSubscription, caller: Administers
    ) -> dict[str, Json]:
        """Subscribe on a channel that declares its targets or posts to a URL. The signing secret is shown here and never again."""
        request = body.model_dump(exclude_unset=True)
        channel = channel_named(request.pop("channel"), self._channels())
        return await self._subscriptions.create(caller.company_id, request, channel=channel.name)

    @route("DELETE", "/subscriptions/{subscription_id}", status_code=204, summary="Delete a subscription")
    async def delete_subscription(
        self, subscription_id: str, caller: Deletes, if_match: IfMatch = None
    ) -> None:
        """Delete a subscription of any channel. Its open deliveries end as `gone`."""
        await self._subscriptions.delete(caller.company_id, subscription_id, channel=None, if_match=if_match)

    @route(
        "POST",
        "/subscriptions/{subscription_id}/rotate-secret",
        response_model=models.RotatedSecret,
        summary="Give a subscription a new signing secret",
    )
    async def rotate_subscription_secret(
        self, subscription_id: str, caller: Administers, body: models.RotateSecret | None = None
    ) -> dict[str, Any]:
        """Make a new signing secret. The old secret also signs during the overlap. At most five secrets sign at once."""
        rotation = body or models.RotateSecret()
        return await self._subscriptions.rotate_secret(
            caller.company_id,
            subscription_id,
            channel=None,
            overlap_seconds=rotation.overlap_seconds,
            secret=rotation.secret,
        )

    @route(
        "POST",
        "/subscriptions/{subscription_id}/test",
        response_model=models.TestAttempt,
        summary="Try a subscription",
    )
    async def test_subscription(self, subscription_id: str, caller: Administers) -> dict[str, Any]:
        """Check the connection, if the channel can do that, then send an example event, and show the result."""
        return await self._subscriptions.test(caller.company_id, subscription_id, channel=None)


def make_router(channels: Callable[[], Mapping[str, Channel]], subscriptions: Subscriptions) -> APIRouter:
    """Build the router over the hub's *channels*; the API documents have an example of each target that the channels declare."""
    shown = [
        shown_channel(channel) for _, channel in sorted(channels().items()) if channel.target is not None
    ]
    examples = {
        entry["name"]: {
            "summary": entry["title"],
            "value": {"channel": entry["name"], "target": entry["target_example"], "event_types": ["*"]},
        }
        for entry in shown
    }
    body = {"requestBody": {"content": {"application/json": {"examples": examples}}}} if examples else {}
    subscribe = Route(
        "POST",
        "/subscriptions",
        ChannelHandlers.create_subscription,
        status_code=201,
        response_model=models.CreatedSubscription,
        summary="Subscribe on a channel",
        openapi_extra={LOCATION: "/api/v1/subscriptions/{id}", **body},
    )
    handlers = ChannelHandlers(channels, subscriptions)
    return bind(handlers, (subscribe, *routes_of(ChannelHandlers)), prefix="/api/v1", tags=["Subscriptions"])


def add_targets(schemas: dict[str, Any], channels: Mapping[str, Channel]) -> None:
    """Add the declared targets of *channels* to a document's *schemas*, and refer to them in the schema of a new subscription."""
    choices = []
    for name, channel in sorted(channels.items()):
        if channel.target is not None:
            component = f"{to_pascal(name.replace('-', '_'))}Target"
            schemas[component] = shown_channel(channel)["target_schema"]
            choices.append({"$ref": f"#/components/schemas/{component}"})
    if choices:
        schemas["CreateSubscription"]["properties"]["target"]["anyOf"] = choices
