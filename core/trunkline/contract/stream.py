"""The stream: reading events, and putting one on it."""

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
    """Events in stream order, as the bytes that every channel sends, and the cursor that goes on after them."""

    bodies: Sequence[bytes]
    next_cursor: str
    more: bool


class EventReader(Protocol):
    """The reading half of the stream, one company at a time."""

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
        """Read up to *limit* events oldest first, waiting up to *wait_seconds* for the first; *types* may have groups in it.

        Without *cursor* and *since_ms* (Unix ms of acceptance, inclusive) it starts at the oldest retained event.
        No *types* means every type but the operational ones. Each event is given in the version of its type that *versions* names, in version 1 where
        it names none, and as it was stored without *versions*; so it is below. With *filter*, as a subscription has it, only
        events that meet it; a page may then be short or empty although ``more`` wait, as one call looks at so many only.

        *check_caller* is awaited every 4 s while the call waits; an error that it raises ends the wait (``Caller.check_still_valid``).

        Raises:
            BadQuery: *filter* is not valid for *types*.
            BadCursor: *cursor* is not one that this service gave out.
        """
        ...

    async def get(
        self, company_id: int, event_id: int, *, versions: Mapping[str, int] | None = None
    ) -> bytes | None:
        """Read one envelope; None where the company has no such event."""
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
        """Read the newest envelopes, newest first; the schema's examples, as envelopes, if there are none.

        With *filter*, those of the newest 200 that meet it; the examples if none does.

        Raises:
            BadQuery: *filter* is none of the types' schemas.
            TooMuchAtOnce: other searches of the company by a filter take their time.
        """
        ...

    async def head(self) -> str:
        """Give the cursor that goes on after everything that is in the log now. Raises StoreUnavailable."""
        ...

    def cursor_after(self, event_id: int) -> str:
        """Give the cursor that goes on after an event."""
        ...

    def types(self, *, versions: Mapping[str, int] | None = None) -> Sequence[EventType]:
        """List every registered event type, in the order of their names.

        Each is in the version that *versions* names, in version 1 where it names none, and current without *versions*.
        """
        ...

    def operational_types(self) -> Sequence[EventType]:
        """List the event types by which the hub tells of itself: only a reader that names them gets such events."""
        ...

    def versions(self, type: str) -> Sequence[int]:
        """List the versions of an event type that can be read, oldest first; none where there is no such type."""
        ...


class Emit(Protocol):
    """Put an event on the stream: it is validated, stored and delivered like one that came by HTTP."""

    async def __call__(self, event: EmittedEvent, *, idempotency_key: str | None = None) -> AcceptedEvent:
        """Return once the event is durable.

        Raises:
            EventRejected: the payload breaks its schema.
        """
        ...
