"""Subscriptions and deliveries of every channel, as the core serves them. A channel's own routes come
from its plugin.
"""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from trunkline.api import models
from trunkline.api.models import EventId, NextAttemptBy, SentTwice, Strict, Utc
from trunkline.api.paging import ListQuery
from trunkline.api.problems import responses
from trunkline.api.requests import IfMatch, QueryModel
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.contract import DeliveryLog, Replays, Subscriptions
from trunkline.model.etags import etag_of
from trunkline.schemas.catalog import Json
from trunkline.subscribing.checks import MAX_EVENT_TYPES, MAX_VERSIONS

Reads = Annotated[Caller, Depends(requires("webhooks:read"))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class ReplayRequest(Strict):
    """The events to send again."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    from_utc: AwareDatetime | None = Field(
        default=None,
        strict=False,  # JSON has no times: they come as text
        alias="from",
        description="time of acceptance, inclusive; from the oldest event, if absent",
    )
    to_utc: AwareDatetime | None = Field(
        default=None, strict=False, alias="to", description="exclusive; up to now, if absent"
    )
    event_types: list[str] | None = Field(
        default=None,
        max_length=MAX_EVENT_TYPES,
        description="only these; all types of the subscription, if absent",
    )
    versions: dict[str, int] | None = Field(
        default=None,
        max_length=MAX_VERSIONS,
        description="version to send of each event type; that of the subscription, if absent",
        examples=[{"invoice.created": 1}],
    )
    only_failed: bool = Field(default=False, description="only deliveries that have failed for good")
    dry_run: bool = Field(default=False, description="only count")

    def request(self) -> dict[str, Any]:
        """The members under their public names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class ReplayView(BaseModel):
    """A replay and its progress."""

    id: str
    matched: int = Field(description="deliveries made due so far")
    delivered: int
    status: Literal["running", "completed", "cancelled", "failed"]
    created_utc: Utc
    updated_utc: Utc


class ReplayCount(BaseModel):
    """The number of deliveries that a replay would send."""

    matched: int
    complete: bool | None = Field(
        default=None, description="false if counting stopped early: `matched` is then a lower bound"
    )


DeliveryStatus = Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]


class DeliverySummary(BaseModel):
    """A delivery: one event for one subscription."""

    id: str
    event_id: EventId
    event_type: str
    status: DeliveryStatus
    attempts: int
    last_status_code: int | None
    next_attempt_utc: Utc | None
    next_attempt_by: NextAttemptBy = None
    updated_utc: Utc
    held_by: str | None = Field(
        default=None,
        description="for a held delivery: the earlier delivery of the same order that it waits for",
    )


class DeliveryList(BaseModel):
    """A page of the delivery log, newest event first."""

    deliveries: list[DeliverySummary]
    next_cursor: str | None


class AttemptView(BaseModel):
    """One attempt at a delivery."""

    number: int
    started_utc: Utc
    duration_ms: int
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    response_body: str | None
    error: str | None
    sent_twice: SentTwice = None


class DeliveryDetail(DeliverySummary):
    """A delivery with its attempts."""

    subscription_id: str
    attempts: list[AttemptView]  # type: ignore[assignment]  # a number in lists, the attempts here


class SubscriptionQuery(ListQuery):
    """The subscriptions to list."""

    channel: str | None = Field(default=None, description="only subscriptions of this channel")
    target_url: str | None = Field(default=None, description="only those with exactly this target URL")


class DeliveryQuery(QueryModel):
    """Which deliveries to list."""

    status: DeliveryStatus | None = None
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class SubscriptionHandlers:
    """Answers the calls on subscriptions, their deliveries and their replays."""

    def __init__(self, subscriptions: Subscriptions, deliveries: DeliveryLog, replays: Replays) -> None:
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._replays = replays

    @route(
        "GET",
        "/subscriptions",
        response_model=models.SubscriptionList,
        summary="List subscriptions",
        tags=["Subscriptions"],
    )
    async def list_subscriptions(
        self, caller: Reads, query: Annotated[SubscriptionQuery, Query()]
    ) -> dict[str, Json]:
        """List the company's subscriptions on every channel, oldest first. A page of long entries may be shorter."""
        return await self._subscriptions.page(caller.company_id, **query.model_dump())

    @route(
        "GET",
        "/subscriptions/{subscription_id}",
        response_model=models.SubscriptionView,
        summary="Show a subscription",
        tags=["Subscriptions"],
    )
    async def get_subscription(
        self, subscription_id: str, caller: Reads, response: Response
    ) -> dict[str, Json]:
        """Show one subscription of any channel, without its secret."""
        view = await self._subscriptions.get(caller.company_id, subscription_id, channel=None)
        response.headers["ETag"] = etag_of(view)
        return view

    @route(
        "PATCH",
        "/subscriptions/{subscription_id}",
        response_model=models.UpdatedSubscription,
        summary="Change a subscription",
        tags=["Subscriptions"],
        responses=responses(409),
    )
    async def update_subscription(
        self,
        subscription_id: str,
        body: models.ChangeSubscription,
        caller: Administers,
        response: Response,
        if_match: IfMatch = None,
    ) -> dict[str, Json]:
        """Change a subscription of any channel: pause or resume it, and set its order and pace.

        If its channel declares targets, or posts to URLs as the hub does, everything else may be changed too. If other
        members of the target are changed, the request must contain the target's secrets again.
        """
        changes = body.model_dump(exclude_unset=True)
        view = await self._subscriptions.update(
            caller.company_id, subscription_id, changes, channel=None, if_match=if_match
        )
        response.headers["ETag"] = etag_of(view)
        return view

    @route(
        "GET",
        "/subscriptions/{subscription_id}/deliveries",
        response_model=DeliveryList,
        summary="The delivery log of a subscription",
        tags=["Deliveries"],
    )
    async def list_deliveries(
        self, subscription_id: str, caller: Reads, query: Annotated[DeliveryQuery, Query()]
    ) -> dict[str, Json]:
        """List deliveries, newest event first."""
        return await self._deliveries.of_subscription(
            caller.company_id, subscription_id, channel=None, **query.model_dump()
        )

    @route(
        "GET",
        "/deliveries/{delivery_id}",
        response_model=DeliveryDetail,
        summary="Show a delivery with its attempts",
        tags=["Deliveries"],
    )
    async def get_delivery(self, delivery_id: str, caller: Reads) -> dict[str, Json]:
        """Show one delivery and its newest attempts, at most 100."""
        return await self._deliveries.get(caller.company_id, delivery_id)

    @route(
        "POST",
        "/deliveries/{delivery_id}/retry",
        status_code=202,
        response_model=DeliverySummary,
        summary="Try a delivery again now",
        tags=["Deliveries"],
    )
    async def retry_delivery(self, delivery_id: str, caller: Administers) -> dict[str, Json]:
        """Make a delivery due at once, whatever its state is. In an ordered subscription it keeps its position."""
        return await self._deliveries.retry(caller.company_id, delivery_id)

    @route(
        "POST",
        "/deliveries/{delivery_id}/skip",
        status_code=202,
        response_model=DeliverySummary,
        summary="Skip a delivery",
        tags=["Deliveries"],
    )
    async def skip_delivery(self, delivery_id: str, caller: Administers) -> dict[str, Json]:
        """End a pending or held delivery as `skipped`; the deliveries behind it continue. An ended delivery stays as it is."""
        return await self._deliveries.skip(caller.company_id, delivery_id)

    @route(
        "POST",
        "/subscriptions/{subscription_id}/replay",
        status_code=202,
        response_model=ReplayView,
        summary="Send events of the past again",
        tags=["Replays"],
        responses={200: {"model": ReplayCount, "description": "A dry run"}},
    )
    async def start_replay(self, subscription_id: str, body: ReplayRequest, caller: Administers) -> Response:
        """Send a range of past events to one subscription of any channel again. A replay never delays live deliveries."""
        view = await self._replays.start(caller.company_id, subscription_id, body.request(), channel=None)
        return JSONResponse(view, status_code=200 if body.dry_run else 202)

    @route(
        "GET",
        "/replays/{replay_id}",
        response_model=ReplayView,
        summary="Show a replay's progress",
        tags=["Replays"],
    )
    async def get_replay(self, replay_id: str, caller: Reads) -> dict[str, Json]:
        """Show the progress of a replay."""
        return await self._replays.get(caller.company_id, replay_id)

    @route("DELETE", "/replays/{replay_id}", status_code=204, summary="Cancel a replay", tags=["Replays"])
    async def cancel_replay(self, replay_id: str, caller: Deletes) -> None:
        """Stop a replay, and withdraw its deliveries that have not started.

        After one second, nothing more of the replay is sent.
        """
        await self._replays.cancel(caller.company_id, replay_id)
