"""A channel that writes one line about each event into a chat room, by the room's incoming webhook."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends

import trunkline
from trunkline import Outcome, Push, Result
from trunkline.routes import Caller, Routes, Strict, StrictRoute, requires


class Room(Strict):
    """Where to write, and about what."""

    target_url: str
    event_types: list[str]


async def deliver(push: Push, http: trunkline.HttpClient) -> Result:
    """Make one attempt. Whatever is raised here counts as a failed one, and is tried again."""
    event = json.loads(push.body)
    line = json.dumps({"text": f"{push.event_type} for client {event['payload'].get('client_id')}"})
    answer = await http.post(
        push.target.url, body=line.encode(), headers={"Content-Type": "application/json"}
    )
    if answer.status == 404:  # the room is gone
        return Result(Outcome.GONE, answer.status)
    return Result(Outcome.DELIVERED if answer.status < 300 else Outcome.RETRY, answer.status)


@trunkline.hookimpl
def register_channels() -> list[trunkline.Channel]:
    """Give the channel."""
    return [trunkline.Channel("chat", title="Chat", description="Writes into a chat room.", deliver=deliver)]


@trunkline.hookimpl
def register_routes(context: trunkline.PluginContext) -> list[Routes]:
    """Give the call by which a company adds a room: POST /api/v1/chat/rooms."""
    router = APIRouter(route_class=StrictRoute, tags=["Chat"])

    @router.post("/rooms", status_code=201)
    async def add_room(
        room: Room, caller: Annotated[Caller, Depends(requires("webhooks:write", bucket="admin"))]
    ) -> dict[str, Any]:
        return await context.subscriptions.create(caller.company_id, room.model_dump(), channel="chat")

    return [Routes(router, prefix="/chat")]
