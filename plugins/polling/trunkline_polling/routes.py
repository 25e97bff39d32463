"""The routes below ``/api/v1/events`` that read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, Field

from trunkline import (
    BadQuery,
    Caller,
    Envelope,
    EventPage,
    EventReader,
    NotFound,
    PluginContext,
    QueryModel,
    StrictRoute,
    requires,
    responses,
)

JSON = "application/json"
Reads = Annotated[Caller, Depends(requires("events:read"))]


class PollQuery(QueryModel):
    """Which events to read."""

    types: str | None = Field(default=None, description="comma-separated event types, in any case; all, if absent")
    cursor: str | None = Field(default=None, description="`next_cursor` of an earlier answer")
    since: AwareDatetime | None = Field(
        default=None, description="ISO 8601 time of acceptance, inclusive; not together with `cursor`"
    )
    limit: int = Field(default=50, ge=1, le=200)
    wait: float = Field(default=0, ge=0, le=30, description="seconds to wait for the first event (long poll)")


class SampleQuery(QueryModel):
    """Which samples to show."""

    type: str | None = Field(default=None, description="event type; all, if absent")
    limit: int = Field(default=3, ge=1, le=200)


def make_router(context: PluginContext) -> APIRouter:
    """Build the router over the hub's stream."""
    router = APIRouter(route_class=StrictRoute, tags=["Events"])
    events = context.events

    @router.get("", response_model=EventPage, summary="Read events in order", responses=responses(400))
    async def poll(caller: Reads, query: Annotated[PollQuery, Query()]) -> Response:
        """Read events oldest first. Keep `next_cursor` and send it back: each event comes exactly once, in order."""
        if query.cursor is not None and query.since is not None:
            raise BadQuery.parameter("since", "does not go together with 'cursor'; send one of them")
        page = await events.page(
            caller.company_id,
            types=_types(events, query.types),
            cursor=query.cursor,
            since_ms=_epoch_ms(query.since),
            limit=query.limit,
            wait_seconds=query.wait,
        )
        body = b'{"events":[%b],"next_cursor":"%b"}' % (b",".join(page.bodies), page.next_cursor.encode())
        headers = {"X-Paging-Cursor": page.next_cursor} if page.more else None
        return Response(body, media_type=JSON, headers=headers)

    @router.get("/sample", response_model=list[Envelope], summary="Show sample events", responses=responses(400))
    async def sample(caller: Reads, query: Annotated[SampleQuery, Query()]) -> Response:
        """Show the newest events, newest first; the schema's example where the company has none."""
        names = _types(events, query.type)
        if len(names) > 1:
            raise BadQuery.parameter("type", "takes one event type")
        bodies = await events.newest(caller.company_id, type=names[0] if names else None, limit=query.limit)
        return Response(b"[" + b",".join(bodies) + b"]", media_type=JSON)

    @router.get("/{event_id}", response_model=Envelope, summary="Read one event", responses=responses(404))
    async def show(event_id: str, caller: Reads) -> Response:
        """Read one event by its id."""
        digits = event_id.isascii() and event_id.isdigit() and len(event_id) <= 19
        number = int(event_id) if digits else 0
        body = await events.get(caller.company_id, number) if 0 < number < 2**63 else None
        if body is None:
            raise NotFound("event", event_id)
        return Response(body, media_type=JSON)

    return router


def _types(events: EventReader, text: str | None) -> Sequence[str]:
    if text is None:
        return ()
    known = {kind.name.lower(): kind.name for kind in events.types()}
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name.lower() not in known:
            raise BadQuery.parameter("types", f"names the unknown event type '{name}'; known are {', '.join(known.values())}")
    return list(dict.fromkeys(known[name.lower()] for name in wanted))


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
