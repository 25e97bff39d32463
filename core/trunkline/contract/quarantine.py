"""The quarantine of events whose payload breaks its type's schema, where people correct, release or delete them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.errors import FieldError


@dataclass(frozen=True, slots=True)
class QuarantinedEvent:
    """An event in quarantine. *payload* and *metadata* are JSON as received; *metadata* is empty if there was none.

    *version* is the version of the event's type that the sender named; None means the current version. *created_utc* is
    the ``createdUtc`` that the released event will have. *errors* are the faults according to the current schema; if
    there are none, the event can be released as it is.
    """

    id: str
    company_id: int
    type: str
    version: int | None
    created_utc: str
    received_ms: int
    updated_ms: int
    payload: bytes = field(repr=False)
    metadata: bytes = field(repr=False)
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Events in quarantine, newest first; *next_cursor* is the cursor of the next page, None on the last page."""

    events: Sequence[QuarantinedEvent]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ReleasedEvent:
    """A released event: its position in the log and its envelope; *repeated* is True if it had been released before."""

    position: int
    body: bytes = field(repr=False)
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ReleasedEvents:
    """The number of events that one call released, and the number of events that still break their schema.

    If the call stopped at the limit of events that one call may read, *next_cursor* is the cursor for the next call; else None.
    """

    released: int
    invalid: int
    next_cursor: str | None


class Quarantine(Protocol):
    """The quarantine of a company, or of all companies if *company_id* is None.

    NotFound means that the event was released or deleted.
    """

    async def list(
        self, company_id: int | None, *, type: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> QuarantinePage:
        """List up to *limit* events in quarantine, newest first, of *type* or of any type. Raises BadCursor."""
        ...

    async def get(self, id: str, *, company_id: int | None) -> QuarantinedEvent:
        """Show an event in quarantine. Raises NotFound."""
        ...

    async def replace(self, id: str, payload: bytes, *, company_id: int | None) -> QuarantinedEvent:
        """Replace the payload of an event with *payload* (compact JSON), and validate it.

        An invalid payload is stored too.

        Raises:
            NotFound: there is no such event, or it was released or deleted.
            BodyTooLarge: the event would exceed the size limit of events.
        """
        ...

    async def release(
        self, id: str, *, company_id: int | None, payload: bytes | None = None
    ) -> ReleasedEvent:
        """Put an event into the log, at most once; *payload* (compact JSON), if given, replaces the event's payload.

        Raises:
            EventRejected: the event still breaks its schema, and stays unchanged.
            NotFound: there is no such event.
            Conflict: the event was released before, apparently with another payload.
            BodyTooLarge: the event would exceed the size limit of events.
        """
        ...

    async def release_all(
        self, company_id: int | None, *, type: str, cursor: str | None = None
    ) -> ReleasedEvents:
        """Release every event of *type* that is valid by now, oldest first. Raises BadCursor."""
        ...

    async def delete(self, id: str, *, company_id: int | None) -> None:
        """Delete an event in quarantine permanently. Raises NotFound."""
        ...
