"""The rooms of a company: added, listed and removed below ``/api/v1/chat_room/rooms``.

The last part of an incoming webhook's URL is its secret. It is kept as the value of a header, which the hub encrypts and never
shows, and is put back for each attempt (``HIDDEN_HEADER``).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from trunkline import BodyInvalid, FieldError, PluginContext
from trunkline.routes import Caller, Strict, StrictRoute, requires, responses

CHANNEL = "chat_room"
HIDDEN_HEADER = "x-chat-room-secret"

Reads = Annotated[Caller, Depends(requires("webhooks:read"))]
Deletes = Annotated[Caller, Depends(requires("webhooks:write", bucket="write"))]
Administers = Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]


class NewRoom(Strict):
    """Where to write, and about what."""

    webhook_url: str = Field(
        description="the incoming webhook's URL", examples=["https://hooks.slack.com/services/T0/B0/secret"]
    )
    event_types: list[str] = Field(description='event types, or `["*"]` for all', examples=[["*"]])
    filter: dict[str, Any] | None = Field(default=None, description="conditions on the payload")


class Room(BaseModel):
    """A room that is written to; *target_url* is the webhook's without its secret."""

    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    status: str


class Rooms(BaseModel):
    """A company's rooms, oldest first."""

    rooms: list[Room]
    count: int


def make_router(context: PluginContext) -> APIRouter:
    """Build the router over the hub's subscriptions of this channel."""
    router = APIRouter(route_class=StrictRoute, tags=["Chat room"])
    subscriptions = context.subscriptions

    @router.post(
        "", status_code=201, response_model=Room, summary="Add a chat room", responses=responses(409, 422)
    )
    async def add(room: NewRoom, caller: Administers) -> dict[str, Any]:
        """Write into a room from now on."""
        return await subscriptions.create(caller.company_id, request_of(room), channel=CHANNEL)

    @router.get("", response_model=Rooms, summary="List the chat rooms")
    async def list_rooms(caller: Reads) -> Mapping[str, Any]:
        """List the company's rooms, oldest first."""
        found = await subscriptions.list(caller.company_id, channel=CHANNEL)
        return {"rooms": found, "count": len(found)}

    @router.delete("/{room_id}", status_code=204, summary="Remove a chat room", responses=responses(404))
    async def remove(room_id: str, caller: Deletes) -> None:
        """Write no more into a room."""
        await subscriptions.delete(caller.company_id, room_id, channel=CHANNEL)

    return router


def request_of(room: NewRoom) -> dict[str, Any]:
    """Make the request for a subscription, with the webhook's secret in a header. Raises BodyInvalid."""
    target_url, _, secret = room.webhook_url.rpartition("/")
    if not secret or "/" not in target_url.partition("://")[2]:
        message = "is not an incoming webhook's URL; copy it whole: https://hooks.slack.com/services/…"
        raise BodyInvalid([FieldError("/webhook_url", message)])
    wanted = {"target_url": target_url, "event_types": room.event_types, "headers": {HIDDEN_HEADER: secret}}
    return wanted | ({"filter": room.filter} if room.filter else {})
