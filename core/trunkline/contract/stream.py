"""The stream: reading events, emitting one, named consumers, and digests that prove that a reader has every event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.contract.providers import EmittedEvent
from trunkline.schemas.catalog import EventType, Json


@dataclass(frozen=True, slots=True)
class AcceptedEvent:
    """An event that was stored. *body* is the envelope as it is sent."""

    event_id: int
    company_id: int
    type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Events in stream order, as the bytes that every channel sends, and the cursor of the next page."""

    bodies: Sequence[bytes]
    next_cursor: str
    more: bool


class EventReader(Protocol):
    """Reads the stream of one company at a time."""

    async def page(
        self,
        company_id: int,
        *,
        types: Sequence[str] = (),
        cursor: str | None = None,
        since_ms: int | None = None,
        limit: int = 50,
        wait_seconds: float = 0,
        versions: Mapping[str, int] | None = None,
        filter: Json | None = None,
        check_caller: Callable[[], Awaitable[None]] | None = None,
    ) -> StreamPage:
        """Read up to *limit* events, oldest first; wait up to *wait_seconds* for the first one.

        *types* may name groups of types; if it is empty, every type except the operational ones is read. Without *cursor* and
        *since_ms* (Unix ms of acceptance, inclusive) the page starts at the oldest retained event. Each event is given in the
        version that *versions* names for its type, or else in version 1; without *versions* it is given as stored. The
        same holds in the methods below. *filter*, of the same form as a subscription's, limits the page to events that
        match. One call reads a limited number of events, so such a page may be short or empty although ``more`` is true.
        *check_caller* is awaited every 4 s during the wait; an exception ends the wait (``Caller.check_still_valid``).

        Raises:
            BadQuery: *filter* is not valid for *types*.
            BadCursor: this service did not issue *cursor*.
        """
        ...

    async def get(
        self, company_id: int, event_id: int, *, versions: Mapping[str, int] | None = None
    ) -> bytes | None:
        """Read an event's envelope; None if the company has no such event."""
        ...

    async def newest(
        self,
        company_id: int,
        *,
        type: str | None,
        limit: int,
        versions: Mapping[str, int] | None = None,
        filter: Json | None = None,
    ) -> Sequence[bytes]:
        """Read the newest envelopes, newest first; if there are none, the schema's examples as envelopes.

        *filter* selects from the newest 200 events; if none matches, the examples are given.

        Raises:
            BadQuery: *filter* does not fit the schemas of the types.
            TooMuchAtOnce: other filtered searches of the company are still running.
        """
        ...

    async def head(self) -> str:
        """Return the cursor of the current end of the log. Raises StoreUnavailable."""
        ...

    def cursor_after(self, event_id: int) -> str:
        """Return the cursor directly after an event."""
        ...

    def types(self, *, versions: Mapping[str, int] | None = None) -> Sequence[EventType]:
        """List every registered event type, by name.

        Each type is given in the version that *versions* names, or else in version 1; without *versions* in the current version.
        """
        ...

    def operational_types(self) -> Sequence[EventType]:
        """List the hub's operational event types; a reader gets such events only if it names their types."""
        ...

    def versions(self, type: str) -> Sequence[int]:
        """List the readable versions of an event type, oldest first; empty if there is no such type."""
        ...


class Emit(Protocol):
    """Emit an event: it is validated, stored and delivered like an event received over HTTP."""

    async def __call__(self, event: EmittedEvent, *, idempotency_key: str | None = None) -> AcceptedEvent:
        """Emit *event*; return once the event is durable.

        Raises EventRejected: the payload breaks its schema.
        """
        ...


class Consumers(Protocol):
    """The named consumers of companies; views are JSON as in ``/api/v1/consumers``."""

    async def page_of(
        self, company_id: int, *, cursor: str | None = None, limit: int = 50
    ) -> dict[str, Json]:
        """List a company's consumers, oldest first: ``consumers`` and ``next_cursor``. Raises BadCursor."""
        ...

    async def get(self, company_id: int, name: str) -> dict[str, Json]:
        """Show a consumer. Raises NotFound."""
        ...

    async def seek(
        self, company_id: int, name: str, *, cursor: str | None = None, since_ms: int | None = None
    ) -> dict[str, Json]:
        """Move a consumer to *cursor*, or to the acceptance time *since_ms* (Unix ms), and show it. All its leases end.

        Raises NotFound, BadCursor, CursorExpired, CursorUnknown.
        """
        ...


class Digests(Protocol):
    """Counts and digests of ranges of the log, as in ``GET /api/v1/events/digest``."""

    async def of(
        self,
        company_id: int,
        *,
        begin: str | None = None,
        end: str | None = None,
        types: Sequence[str] = (),
        filter: Json | None = None,
        subscription_id: str | None = None,
        ranges: int | None = None,
        versions: Mapping[str, int] | None = None,
        limit: int = 1_000_000,
    ) -> dict[str, Json]:
        """Digest a company's events after *begin* and up to *end*.

        Each is a cursor, an ISO 8601 time, or the id of an event. At most *limit* events are digested; ``more`` is true
        if ``last_id`` is before *end*.

        Raises BadQuery, NotFound, CursorExpired, CursorUnknown, TooMuchAtOnce.
        """
        ...
