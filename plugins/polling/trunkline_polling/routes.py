"""The routes below ``/api/v1/events`` that read."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator, Field

from trunkline import (
    BadQuery,
    Caller,
    Envelope,
    EventPage,
    EventReader,
    NotFound,
    PluginContext,
    QueryModel,
    Routes,
    StrictRoute,
    query_reader,
    requires,
    responses,
)

JSON = "application/json"
_MAY_READ = requires("events:read")
Reads = Annotated[Caller, Depends(_MAY_READ)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_VERSION = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def _check_time(text: str) -> str:
    if _TIME.fullmatch(text) is None:
        msg = "should be an ISO 8601 time with its offset, such as 2026-01-28T10:30:00Z"
        raise ValueError(msg)
    return text


def _check_seconds(text: str) -> str:
    if _SECONDS.fullmatch(text) is None:
        msg = "should be a number of seconds, written in digits"
        raise ValueError(msg)
    return text


class PollQuery(QueryModel):
    """Which events to read."""

    types: str | None = Field(
        default=None, description="comma-separated event types, in any case; all, if absent"
    )
    cursor: str | None = Field(default=None, description="`next_cursor` of an earlier answer")
    since: Annotated[AwareDatetime, BeforeValidator(_check_time)] | None = Field(
        default=None, description="ISO 8601 time of acceptance, inclusive; not together with `cursor`"
    )
    versions: str | None = Field(
        default=None,
        description="which version of an event type to give, such as `invoice.created:1`, comma-separated; "
        "those that were current when the key was made, if absent",
    )
    limit: int = Field(default=50, ge=1, le=200)
    wait: Annotated[float, BeforeValidator(_check_seconds)] = Field(
        default=0, ge=0, le=30, description="seconds to wait for the first event (long poll)"
    )


class SampleQuery(QueryModel):
    """Which samples to show."""

    type: str | None = Field(default=None, description="event type; all, if absent")
    versions: str | None = Field(default=None, description="as for `GET /api/v1/events`")
    limit: int = Field(default=3, ge=1, le=200)


class EventQuery(QueryModel):
    """In which version to show an event."""

    versions: str | None = Field(default=None, description="as for `GET /api/v1/events`")


_read_query = query_reader(PollQuery)


def make_routes(context: PluginContext) -> Routes:
    """Build the routes over the hub's stream."""
    router = APIRouter(route_class=StrictRoute, tags=["Events"])
    events = context.events

    @router.get("", response_model=EventPage, summary="Read events in order", responses=responses(400, 410))
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
            versions=_versions(events, caller, query.versions),
        )
        body = b'{"events":[%b],"next_cursor":"%b"}' % (b",".join(page.bodies), page.next_cursor.encode())
        headers = {"X-Paging-Cursor": page.next_cursor} if page.more else None
        return Response(body, media_type=JSON, headers=headers)

    @router.get(
        "/sample", response_model=list[Envelope], summary="Show sample events", responses=responses(400)
    )
    async def sample(caller: Reads, query: Annotated[SampleQuery, Query()]) -> Response:
        """Show the newest events, newest first; the schema's example where the company has none."""
        name = _known(events, "type", query.type) if query.type is not None else None
        versions = _versions(events, caller, query.versions)
        bodies = await events.newest(caller.company_id, type=name, limit=query.limit, versions=versions)
        return Response(b"[" + b",".join(bodies) + b"]", media_type=JSON)

    @router.get("/{event_id}", response_model=Envelope, summary="Read one event", responses=responses(404))
    async def show(event_id: str, caller: Reads, query: Annotated[EventQuery, Query()]) -> Response:
        """Read one event by its id."""
        digits = event_id.isascii() and event_id.isdigit() and len(event_id) <= 19
        number = int(event_id) if digits else 0
        versions = _versions(events, caller, query.versions)
        known = 0 < number < 2**63
        body = await events.get(caller.company_id, number, versions=versions) if known else None
        if body is None:
            raise _no_event(event_id)
        return Response(body, media_type=JSON)

    async def poll_directly(request: Request) -> Response | None:
        """``poll`` without the framework in between: clients call nothing as often."""
        query = _read_query(request.scope["query_string"])
        return None if query is None else await poll(await _MAY_READ(request), query)

    return Routes(router, prefix="/events", direct={("GET", ""): poll_directly})


def _types(events: EventReader, text: str | None) -> Sequence[str]:
    wanted = [name.strip() for name in (text or "").split(",") if name.strip()]
    return list(dict.fromkeys(_known(events, "types", name) for name in wanted))


def _versions(events: EventReader, caller: Caller, text: str | None) -> Mapping[str, int]:
    """Give the versions to read: those of the caller, and over them what the query names."""
    pins = caller.versions
    if not text:
        return pins
    chosen: dict[str, int] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, _, number = item.partition(":")
        kind = _known(events, "versions", name.strip())
        kept = events.versions(kind)
        version = int(number) if _VERSION.fullmatch(number.strip()) else 0
        if not 1 <= version <= kept[-1]:
            there = ", ".join(f"{kind}:{one}" for one in kept)
            raise BadQuery.parameter("versions", f"asks for '{item}'; there is {there}")
        chosen[kind] = version
    return {**pins, **chosen}


def _known(events: EventReader, parameter: str, wanted: str) -> str:
    names = {kind.name.lower(): kind.name for kind in events.types()}
    if wanted.lower() not in names:
        known = ", ".join(names.values())
        raise BadQuery.parameter(parameter, f"names the unknown event type '{wanted}'; known are {known}")
    return names[wanted.lower()]


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def _no_event(event_id: str) -> NotFound:
    kind = "event"
    return NotFound(kind, event_id)
