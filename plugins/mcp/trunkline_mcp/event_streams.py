"""``events/stream``: one request whose answer sends the events of one type as soon as they are stored.

A stream keeps only a cursor.
"""

import contextlib
import time
from asyncio import sleep
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from mcp_types import INTERNAL_ERROR
from msgspec import Struct

from trunkline import EventType, Json, PluginContext, Refused
from trunkline.routes import Caller, TrunklineError
from trunkline_mcp import event_arguments, occurrences
from trunkline_mcp.event_errors import EventErrors, invalid
from trunkline_mcp.events import SCOPE, Events, Page, StreamParams, ms_of
from trunkline_mcp.raw_json import RawJson
from trunkline_mcp.settings import Settings

HEARTBEAT_SECONDS = 5.0
"""Interval of heartbeats and of checks of the caller's key or token; clients give up after a minute without a frame."""
CHECK_SECONDS = 1.0
"""Age limit of the last check when events are sent."""
RETRY_SECONDS = 1.0
PAGE = 50

Notify = Callable[[str, dict[str, Json]], Awaitable[None]]
"""Sends a notification (method, parameters) on the stream; waits if the client is slow."""


class Stream(Struct, frozen=True):
    """One stream: its caller, parameters, and the function that sends to the client."""

    caller: Caller
    params: StreamParams
    event_type: EventType
    oldest_ms: int
    raw: RawJson
    notify: Notify

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the arguments that choose the stream's events."""
        return self.params.arguments or {}

    def is_too_old(self, body: bytes) -> bool:
        """Return True if an event is older than the age limit in the client's parameters."""
        return bool(self.oldest_ms) and ms_of(occurrences.read(body).createdUtc) < self.oldest_ms


class EventStreams:
    """Serves streams, with limits for each caller, each company and the process."""

    def __init__(self, context: PluginContext, events: Events, errors: EventErrors) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._events = events
        self._errors = errors
        self._open: Counter[object] = Counter()

    async def serve(self, caller: Caller, params: StreamParams, raw: RawJson, notify: Notify) -> None:
        """Send events until the client disconnects, the caller loses the right to them, or the hub stops. Raises MCPError."""
        event_type = self._events.find(caller, params.name)
        if faults := event_arguments.find_faults(event_type, params.arguments or {}):
            raise invalid(faults)
        age_ms = params.max_age_ms
        oldest_ms = 0 if age_ms is None else self._context.clock.now_ms() - age_ms
        stream = Stream(caller, params, event_type, oldest_ms, raw, notify)
        with self._counted(caller):
            await self._follow(stream, await self._open_at(stream))

    @contextlib.contextmanager
    def _counted(self, caller: Caller) -> Generator[None]:
        """Count a stream while the block runs. Raises MCPError at a limit."""
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
        """Find the stream's first cursor, and send it once no check can refuse the stream any more. Raises MCPError."""
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
        """Send the events after *cursor*, and heartbeats between them."""
        heard = looked = time.monotonic()
        is_behind = True
        while True:
            began = time.monotonic()
            wait = max(min(heard, looked) + HEARTBEAT_SECONDS - began, 0.1)
            try:
                page = await self._read(stream, cursor, wait_seconds=wait)
                if time.monotonic() - looked >= (CHECK_SECONDS if page.bodies else HEARTBEAT_SECONDS):
                    looked = time.monotonic()
                    if (refusal := await _refusal_of(stream.caller)) is not None:
                        error = self._errors.forbidden(SCOPE).error
                        shown: Json = {"code": error.code, "message": refusal.detail, "data": error.data}
                        await stream.notify("terminated", {"error": shown})
                        return
                if await self._send(stream, page, skips_old=is_behind):
                    heard = time.monotonic()
                elif time.monotonic() < began + wait / 2 and not page.bodies:
                    return  # a shorter wait without events means that the hub stops
                cursor, is_behind = page.cursor, is_behind and page.has_more
            except TrunklineError as failure:
                await stream.notify("error", {"error": {"code": INTERNAL_ERROR, "message": str(failure)}})
                await sleep(RETRY_SECONDS)
            if time.monotonic() - heard >= HEARTBEAT_SECONDS - 0.2:
                await stream.notify("heartbeat", {"cursor": cursor})
                heard = time.monotonic()

    async def _read(self, stream: Stream, cursor: str, *, wait_seconds: float) -> Page:
        """Wait for events by a long poll; if the limit of long polls is reached, read once a second instead."""
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
        """Report a gap before *page*, if any, and send the page's matching events. Returns whether anything was sent.

        Without *skips_old* no event counts as too old, even if its sender set an old time.
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
        """Return the cursor before the first event of *page*."""
        if not page.bodies:
            return page.cursor
        return self._context.events.cursor_after(occurrences.read(page.bodies[0]).id - 1)


async def _refusal_of(caller: Caller) -> Refused | None:
    """Return the reason why the stream's key or token is no longer valid; None if it is, or cannot be checked now."""
    try:
        await caller.check_still_valid()
    except Refused as refusal:
        return None if refusal.status in {429, 503} else refusal
    return None
