"""MCP Events, implemented on the hub's log: lists event types, and answers polls.

The hub stores no state of polls; a client's cursor is a cursor of the log.

The shapes are those of the extension *io.modelcontextprotocol/events* (SEP-3415).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from mcp_types import RequestParams
from msgspec import Struct
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from trunkline import EventType, Json, PluginContext
from trunkline.routes import BadCursor, Caller, CursorExpired, CursorUnknown
from trunkline_mcp import event_arguments, occurrences, schemas
from trunkline_mcp.event_errors import EventErrors, invalid, refuse_cursor
from trunkline_mcp.raw_json import RawJson

EXTENSION = "io.modelcontextprotocol/events"
MAX_EVENTS = 200
DEFAULT_EVENTS = 50
NEXT_POLL_MS, NEXT_PAGE_MS = 5_000, 1_000
"""The wait before the next poll if there are no more events, and if there are more; clients wait at least a second."""
MAX_AGE_MS = 10 * 365 * 24 * 3600 * 1000
SCOPE = "events:read"


class ListParams(RequestParams):
    """A page of the list; there is only one page."""

    cursor: str | None = None


class StreamParams(RequestParams):
    """The parameters of a stream: events of one type after a cursor, or from now on without a cursor."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)
    name: str
    arguments: dict[str, Any] | None = None
    cursor: str | None = Field(default=None, max_length=200)
    max_age_ms: int | None = Field(default=None, ge=0, le=MAX_AGE_MS)


class PollParams(StreamParams):
    """The parameters of a poll."""

    max_events: int | None = Field(default=None, ge=1)


class Page(Struct, frozen=True):
    """A page of the log, and whether requested events before it are gone."""

    bodies: Sequence[bytes]
    cursor: str
    has_more: bool
    is_truncated: bool


class Events:
    """Answers ``events/list`` and ``events/poll``."""

    def __init__(self, context: PluginContext, errors: EventErrors) -> None:
        self._context = context
        self._errors = errors

    def list(self, caller: Caller, params: ListParams, *, streams: bool) -> dict[str, Json]:
        """List the caller's event types in its versions; *streams* tells whether streams are offered. Raises MCPError."""
        refuse_cursor(params.cursor)
        types = self._types(caller).values() if caller.principal.has(SCOPE) else ()
        modes: list[Json] = ["poll", "push"] if streams else ["poll"]
        if caller.principal.has("webhooks:write"):
            modes.append("webhook")
        described: list[Json] = [
            {
                "name": event_type.name,
                "title": event_type.title,
                "description": event_type.description,
                "delivery": modes,
                "inputSchema": event_arguments.arguments_schema(event_type),
                "payloadSchema": schemas.flat(event_type.schema),
            }
            for event_type in types
        ]
        return {"events": described}

    async def poll(self, caller: Caller, params: PollParams, raw: RawJson) -> dict[str, Json]:
        """Read a page of events. Raises MCPError, StoreUnavailable."""
        event_type = self.find(caller, params.name)
        arguments = params.arguments or {}
        if arguments and (faults := event_arguments.find_faults(event_type, arguments)):
            raise invalid(faults)
        if params.cursor is None:
            return _answer([], await self._context.events.head(), has_more=False, is_truncated=False)
        limit = min(params.max_events or DEFAULT_EVENTS, MAX_EVENTS)
        found = await self.read(caller, event_type.name, cursor=params.cursor, limit=limit)
        chosen, is_skipped = self._occurrences(found.bodies, params, raw)
        is_truncated = found.is_truncated or is_skipped
        return _answer(chosen, found.cursor, has_more=found.has_more, is_truncated=is_truncated)

    def _types(self, caller: Caller) -> Mapping[str, EventType]:
        types = self._context.events.types(versions=caller.versions)
        return {event_type.name: event_type for event_type in types}

    def find(self, caller: Caller, name: str) -> EventType:
        """Find an event type, in the version that the caller reads. Raises MCPError."""
        if not caller.principal.has(SCOPE):
            raise self._errors.forbidden(SCOPE)
        event_type = self._types(caller).get(name)
        if event_type is None:
            raise self._errors.unknown_event(name)
        return event_type

    async def read(
        self, caller: Caller, name: str, *, cursor: str, limit: int, wait_seconds: float = 0
    ) -> Page:
        """Read events after *cursor*, or from the oldest stored event if some of them are gone.

        Raises MCPError, StoreUnavailable.
        """

        async def read(after: str | None, *, is_truncated: bool) -> Page:
            page = await self._context.events.page(
                caller.company_id,
                types=(name,),
                cursor=after,
                limit=limit,
                wait_seconds=wait_seconds,
                versions=caller.versions,
            )
            return Page(page.bodies, page.next_cursor, page.more, is_truncated)

        try:
            return await read(cursor, is_truncated=False)
        except (CursorExpired, CursorUnknown):
            return await read(None, is_truncated=True)
        except BadCursor as error:
            raise invalid(list(error.errors)) from None

    def occurrence(
        self, body: bytes, name: str, arguments: Mapping[str, Json], raw: RawJson
    ) -> dict[str, Json] | None:
        """Write an event as an occurrence; None if *arguments* do not select the event."""
        envelope = occurrences.read(body)
        payload = bytes(envelope.payload)
        if arguments and not event_arguments.matches(orjson.loads(payload), arguments):
            return None
        return {
            "eventId": str(envelope.id),
            "name": name,
            "timestamp": envelope.createdUtc,
            "data": raw.hold(payload),
        }

    def _occurrences(
        self, bodies: Sequence[bytes], params: PollParams, raw: RawJson
    ) -> tuple[Sequence[Json], bool]:
        """Return the matching events, and whether any were left out because of their age."""
        oldest_ms = None if params.max_age_ms is None else self._context.clock.now_ms() - params.max_age_ms
        shown: list[Json] = []
        is_skipped = False
        for body in bodies:
            occurrence = self.occurrence(body, params.name, params.arguments or {}, raw)
            if occurrence is None:
                continue
            if oldest_ms is not None and ms_of(str(occurrence["timestamp"])) < oldest_ms:
                is_skipped = True
                continue
            shown.append(occurrence)
        return shown, is_skipped


def advertise(result: dict[str, Any]) -> dict[str, Any]:
    """Announce events in the answer to a client's first message, in the two places where clients look."""
    capabilities = result["capabilities"]
    extensions = {**capabilities.get("extensions", {}), EXTENSION: {"listChanged": False}}
    return {**result, "capabilities": {**capabilities, "events": {}, "extensions": extensions}}


def _answer(chosen: Sequence[Json], cursor: str, *, has_more: bool, is_truncated: bool) -> dict[str, Json]:
    return {
        "events": list(chosen),
        "cursor": cursor,
        "hasMore": has_more,
        "truncated": is_truncated,
        "nextPollMs": NEXT_PAGE_MS if has_more else NEXT_POLL_MS,
    }


def ms_of(utc: str) -> int:
    """Read the time of an event as Unix milliseconds."""
    return int(datetime.fromisoformat(utc).astimezone(UTC).timestamp() * 1000)
