"""``events/stream``: the events of one type as they come, over the answer to one request. It has no state beside its cursor."""

import contextlib
import time
from asyncio import sleep
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, RequestParams
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from trunkline import EventType, Json, PluginContext, Refused
from trunkline.routes import Caller, TrunklineError
from trunkline_mcp import event_arguments, occurrences
from trunkline_mcp.event_errors import EventErrors, invalid
from trunkline_mcp.events import MAX_AGE_MS, SCOPE, Events, Page, ms_of
from trunkline_mcp.raw_json import RawJson
from trunkline_mcp.settings import Settings

HEARTBEAT_SECONDS = 5.0
"""A client gives up after a minute without a frame; the caller's key or token is checked as often."""
RETRY_SECONDS = 1.0
PAGE = 50

Notify = Callable[[str, dict[str, Json]], Awaitable[None]]
"""Send a notification of a method, with parameters, on the stream. It waits for a client that is slow to read."""


class StreamParams(RequestParams):
    """Events of one type from a cursor on; without one from now on."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)
    name: str
    arguments: dict[str, Any] | None = None
    cursor: str | None = Field(default=None, max_length=200)
    max_age_ms: int | None = Field(default=None, ge=0, le=MAX_AGE_MS)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: who listens, to what, and how to reach them."""

    caller: Caller
    params: StreamParams
    event_type: EventType
    oldest_ms: int
    raw: RawJson
    notify: Notify

    @property
    def arguments(self) -> dict[str, Any]:
        """What its events are chosen by."""
        return self.params.arguments or {}

    def is_too_old(self, body: bytes) -> bool:
        """Tell whether an event came before what the client wants."""
        return bool(self.oldest_ms) and ms_of(occurrences.read(body).createdUtc) < self.oldest_ms


class EventStreams:
    """Serves streams, so many at once of one caller, of one company and in the process."""

    def __init__(self, context: PluginContext, events: Events, errors: EventErrors) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._events = events
        self._errors = errors
        self._open: Counter[object] = Counter()

    async def serve(self, caller: Caller, params: StreamParams, raw: RawJson, notify: Notify) -> None:
        """Send events until the client goes, its right to them ends, or the hub stops. Raises MCPError."""
        event_type = self._events.find(caller, params.name)
        if faults := event_arguments.find_faults(event_type, params.arguments or {}):
            raise invalid(faults)
        age_ms = params.max_age_ms
        oldest_ms = 0 if age_ms is None else self._context.clock.now_ms() - age_ms
        stream = Stream(caller, params, event_type, oldest_ms, raw, notify)
        with self._counted(caller):
            cursor = await self._open_at(stream)
            await self._follow(stream, cursor)

    @contextlib.contextmanager
    def _counted(self, caller: Caller) -> Generator[None]:
        """Count a stream as long as the block runs. Raises MCPError."""
        settings = self._settings
        limits = {
            ("caller", caller.principal.key_id, caller.company_id): settings.streams_per_caller,
            ("company", caller.company_id): settings.streams_per_company,
            "all": settings.streams_in_all,
        }
        for holder, most in limits.items():
            if self._open[holder] >= most:
                sentence = f"There are {most} streams open already, the most that may be; close one first."
                raise self._errors.too_many("streams", sentence, most=most)
        self._open.update(limits.keys())
        try:
            yield
        finally:
            self._open -= Counter(limits.keys())

    async def _open_at(self, stream: Stream) -> str:
        """Find where the stream begins, and say so, once nothing can be refused any more. Raises MCPError."""
        cursor, is_truncated = stream.params.cursor, False
        if cursor is None:
            cursor = await self._context.events.head()
        else:
            page = await self._events.read(stream.caller, stream.event_type.name, cursor=cursor, limit=1)
            if page.is_truncated:
                cursor = self._start_of(page)
            is_truncated = page.is_truncated or any(map(stream.is_too_old, page.bodies))
        await stream.notify("active", {"cursor": cursor, "truncated": is_truncated})
        return cursor

    async def _follow(self, stream: Stream, cursor: str) -> None:
        """Send what comes after *cursor*, and a heartbeat where nothing does."""
        heard = looked = time.monotonic()
        is_behind = True
        while True:
            began = time.monotonic()
            wait = max(min(heard, looked) + HEARTBEAT_SECONDS - began, 0.1)
            try:
                page = await self._read(stream, cursor, wait_seconds=wait)
                if await self._send(stream, page, skips_old=is_behind):
                    heard = time.monotonic()
                elif time.monotonic() < began + wait / 2 and not page.bodies:
                    return  # nobody waits in vain for less than that, unless the hub stops
                cursor, is_behind = page.cursor, is_behind and page.has_more
                if time.monotonic() - looked >= HEARTBEAT_SECONDS:
                    looked = time.monotonic()
                    if not await _may_listen(stream.caller):
                        await stream.notify("terminated", {"error": _shown(self._errors.forbidden(SCOPE))})
                        return
            except TrunklineError as error:
                await stream.notify("error", {"error": {"code": INTERNAL_ERROR, "message": str(error)}})
                await sleep(RETRY_SECONDS)
            if time.monotonic() - heard >= HEARTBEAT_SECONDS - 0.2:
                await stream.notify("heartbeat", {"cursor": cursor})
                heard = time.monotonic()

    async def _read(self, stream: Stream, cursor: str, *, wait_seconds: float) -> Page:
        """Wait for events; where as many wait already as may, look once a second."""
        name = stream.event_type.name
        try:
            return await self._events.read(
                stream.caller, name, cursor=cursor, limit=PAGE, wait_seconds=wait_seconds
            )
        except Refused:  # too many long polls at once
            ends = time.monotonic() + wait_seconds
            while True:
                page = await self._events.read(stream.caller, name, cursor=cursor, limit=PAGE)
                if page.bodies or time.monotonic() >= ends:
                    return page
                await sleep(RETRY_SECONDS)

    async def _send(self, stream: Stream, page: Page, *, skips_old: bool) -> bool:
        """Send what *page* has for the stream, and a gap before it; tells whether anything was sent.

        What is new is never too old, whatever time its sender gave it.
        """
        is_sent = page.is_truncated
        if page.is_truncated:
            await stream.notify("active", {"cursor": self._start_of(page), "truncated": True})
        for body in page.bodies:
            occurrence = self._events.occurrence(body, stream.event_type.name, stream.arguments, stream.raw)
            if occurrence is not None and not (skips_old and stream.is_too_old(body)):
                cursor = self._context.events.cursor_after(int(str(occurrence["eventId"])))
                await stream.notify("event", {**occurrence, "cursor": cursor})
                is_sent = True
        return is_sent

    def _start_of(self, page: Page) -> str:
        """Give the cursor before the first event of *page*."""
        if not page.bodies:
            return page.cursor
        return self._context.events.cursor_after(occurrences.read(page.bodies[0]).id - 1)


async def _may_listen(caller: Caller) -> bool:
    """Tell whether the key or the token that opened the stream still counts, or cannot be checked now."""
    try:
        await caller.check_still_valid()
    except Refused as refusal:
        return refusal.status in {429, 503}
    return True


def _shown(error: MCPError) -> Json:
    return {"code": error.error.code, "message": error.error.message, "data": error.error.data}
