"""The routes below ``/api/v1/events`` that read."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MethodType
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator, Field

from trunkline import BodyInvalid, NotFound, PluginContext
from trunkline.routes import (
    BadQuery,
    Caller,
    Envelope,
    EventIdInPath,
    EventPage,
    EventReader,
    QueryModel,
    Routes,
    StrictRoute,
    is_group,
    query_reader,
    read_json,
    requires,
    responses,
    type_groups,
)

JSON = "application/json"
_MAY_READ = requires("events:read")
Reads = Annotated[Caller, Depends(_MAY_READ)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_VERSION = re.compile(r"[1-9]\d{0,8}", re.ASCII)


def _check_time(text: str) -> str:
    if _TIME.fullmatch(text) is None:
        msg = "should be an ISO 8601 time with its offset, such as 2026-01-28T10:30:00Z"
        raise ValueError(msg)
    return text


def _read_filter(text: str) -> Any:
    try:
        return read_json(text.encode())[1]
    except BodyInvalid as error:
        raise ValueError(error.errors[0].message) from None


FilterText = Annotated[Any, BeforeValidator(_read_filter)]


class PollQuery(QueryModel):
    """The events to read."""

    types: str | None = Field(
        default=None,
        description="comma-separated event types, in any case, or groups of them such as `invoice.*`; all, if absent",
    )
    cursor: str | None = Field(default=None, description="`next_cursor` of an earlier answer")
    since: Annotated[AwareDatetime, BeforeValidator(_check_time)] | None = Field(
        default=None, description="ISO 8601 time of acceptance, inclusive; not together with `cursor`"
    )
    versions: str | None = Field(
        default=None,
        description="version to return of each event type, such as `invoice.created:1`, comma-separated; "
        "those that were current when the key was made, if absent",
    )
    filter: FilterText = Field(
        default=None,
        description="JSON of the same form as a subscription's `filter`: only events that meet it. A page may be short, or empty, "
        "although `X-Paging-Cursor` says that more is waiting: read on from `next_cursor`",
        examples=['{"payload.amount": {"gte": 100}}'],
        json_schema_extra={"type": "string"},
    )
    limit: int = Field(default=50, ge=1, le=200)
    wait: int = Field(
        default=0, ge=0, le=30, description="whole seconds to wait for the first event (long poll)"
    )


class SampleQuery(QueryModel):
    """The samples to show."""

    type: str | None = Field(default=None, description="event type; all, if absent")
    versions: str | None = Field(default=None, description="as for `GET /api/v1/events`")
    filter: FilterText = Field(
        default=None,
        description="as for `GET /api/v1/events`: only those of the newest 200 events that meet it; examples, if none does",
        json_schema_extra={"type": "string"},
    )
    limit: int = Field(default=3, ge=1, le=200)


class EventQuery(QueryModel):
    """The version in which to show an event."""

    versions: str | None = Field(default=None, description="as for `GET /api/v1/events`")


_read_query = query_reader(PollQuery)


class EventHandlers:
    """Answers the calls that read the stream of *events*."""

    def __init__(self, events: EventReader) -> None:
        self._events = events

    async def poll(self, caller: Reads, query: Annotated[PollQuery, Query()]) -> Response:
        """Read events oldest first. Keep `next_cursor` and send it back: each event comes exactly once, in order."""
        if query.cursor is not None and query.since is not None:
            raise BadQuery.parameter("since", "does not go together with 'cursor'; send one of them")
        page = await self._events.page(
            caller.company_id,
            types=self._types(query.types),
            cursor=query.cursor,
            since_ms=None if query.since is None else (query.since - _EPOCH) // timedelta(milliseconds=1),
            limit=query.limit,
            wait_seconds=query.wait,
            versions=self._versions(caller, query.versions),
            filter=query.filter,
            check_caller=caller.check_still_valid,
        )
        body = b'{"events":[%b],"next_cursor":"%b"}' % (b",".join(page.bodies), page.next_cursor.encode())
        headers = {"X-Paging-Cursor": page.next_cursor} if page.more else None
        return Response(body, media_type=JSON, headers=headers)

    async def poll_directly(self, request: Request) -> Response | None:
        """Answer ``poll`` without FastAPI, for speed: clients make this call most often."""
        query = _read_query(request.scope["query_string"])
        return None if query is None else await self.poll(await _MAY_READ(request), query)

    async def sample(self, caller: Reads, query: Annotated[SampleQuery, Query()]) -> Response:
        """Show the newest events, newest first, or the schema's example if there are none."""
        name = _Types(self._events).type("type", query.type) if query.type is not None else None
        versions = self._versions(caller, query.versions)
        bodies = await self._events.newest(
            caller.company_id, type=name, limit=query.limit, versions=versions, filter=query.filter
        )
        return Response(b"[" + b",".join(bodies) + b"]", media_type=JSON)

    async def show(
        self, event_id: EventIdInPath, caller: Reads, query: Annotated[EventQuery, Query()]
    ) -> Response:
        """Read one event by its id."""
        digits = event_id.isascii() and event_id.isdigit() and len(event_id) <= 19
        number = int(event_id) if digits else 0
        versions = self._versions(caller, query.versions)
        known = 0 < number < 2**63
        body = await self._events.get(caller.company_id, number, versions=versions) if known else None
        if body is None:
            raise NotFound("event", event_id)
        return Response(body, media_type=JSON)

    def _types(self, text: str | None) -> Sequence[str]:
        names = [name.strip() for name in (text or "").split(",") if name.strip()]
        if names in ([], ["*"]):
            return []
        known = _Types(self._events)
        return list(dict.fromkeys(known.type_or_group("types", name) for name in names))

    def _versions(self, caller: Caller, text: str | None) -> Mapping[str, int]:
        """Return the versions to read by event type: the caller's versions, overridden by those in the query."""
        pins = caller.versions
        if not text:
            return pins
        chosen: dict[str, int] = {}
        types = _Types(self._events)
        for item in filter(None, (item.strip() for item in text.split(","))):
            name, _, number = item.partition(":")
            kind = types.type("versions", name.strip())
            versions = self._events.versions(kind)
            version = int(number) if _VERSION.fullmatch(number.strip()) else 0
            if not 1 <= version <= versions[-1]:
                known = ", ".join(f"{kind}:{version}" for version in versions)
                raise BadQuery.parameter("versions", f"asks for '{item}'; there is {known}")
            chosen[kind] = version
        return {**pins, **chosen}


class _Types:
    """The event types and groups that one request may name. They are computed once, because a request may name thousands."""

    def __init__(self, events: EventReader) -> None:
        types = (*events.types(), *events.operational_types())
        self._names = {kind.name.lower(): kind.name for kind in types}
        self._groups = type_groups(self._names.values())

    def type(self, parameter: str, name: str) -> str:
        """Return the event type *name* in its defined spelling. Raises BadQuery."""
        if name.lower() not in self._names:
            known = ", ".join(self._names.values())
            raise BadQuery.parameter(parameter, f"names the unknown event type '{name}'; known are {known}")
        return self._names[name.lower()]

    def type_or_group(self, parameter: str, name: str) -> str:
        """Return the event type or the group *name* in its defined spelling. Raises BadQuery."""
        if not is_group(name):
            return self.type(parameter, name)
        if name.lower() not in self._groups:
            known = ", ".join(self._groups)
            raise BadQuery.parameter(
                parameter, f"names the unknown group of event types '{name}'; known are {known}"
            )
        return name.lower()


_ROUTES: Sequence[tuple[str, Callable[..., Any], dict[str, Any]]] = (
    (
        "",
        EventHandlers.poll,
        {
            "operation_id": "listEvents",
            "response_model": EventPage,
            "summary": "Read events in order",
            "responses": responses(400, 410)
            | {200: {"headers": {"X-Paging-Cursor": {"$ref": "#/components/headers/X-Paging-Cursor"}}}},
        },
    ),
    (
        "/sample",
        EventHandlers.sample,
        {
            "operation_id": "sampleEvents",
            "response_model": list[Envelope],
            "summary": "Show sample events",
            "responses": responses(400),
        },
    ),
    (
        "/{event_id}",
        EventHandlers.show,
        {
            "operation_id": "getEvent",
            "response_model": Envelope,
            "summary": "Read one event",
            "responses": responses(404),
        },
    ),
)
"""Path below the prefix, handler, and keyword arguments for FastAPI's ``add_api_route``; each route is a GET."""


def make_routes(context: PluginContext) -> Routes:
    """Build the routes over the hub's stream."""
    handlers = EventHandlers(context.events)
    router = APIRouter(route_class=StrictRoute, tags=["Events"])
    for path, handler, options in _ROUTES:
        router.add_api_route(path, MethodType(handler, handlers), methods=["GET"], **options)
    return Routes(router, prefix="/events", direct={("GET", ""): handlers.poll_directly})
