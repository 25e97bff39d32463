"""The inbox of events whose payload breaks its type's schema: looked at, corrected, released into the log, or deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.errors import FieldError


@dataclass(frozen=True, slots=True)
class QuarantinedEvent:
    """An event that waits. *payload* and *metadata* are JSON as it came in; *metadata* is empty where there is none.

    *version* is the one of its type that its sender named, None for the current one. *created_utc* is the ``createdUtc`` that it will have.
    *errors* are what the schema of today finds wrong: none where it can be released as it is.
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
    """Events that wait, newest first; *next_cursor* goes on after them, None where there are no more."""

    events: Sequence[QuarantinedEvent]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ReleasedEvent:
    """A released event: its place in the log and its envelope; *repeated* where it had been released before."""

    position: int
    body: bytes = field(repr=False)
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ReleasedEvents:
    """How many events were released together, and how many still break their schema.

    *next_cursor* goes on where a call ended that had looked at as many as one call looks at; None where all were looked at.
    """

    released: int
    invalid: int
    next_cursor: str | None


class Quarantine(Protocol):
    """The inbox of a company, or of all for a company of None. An event that is not there was released or deleted."""

    async def list(
        self, company_id: int | None, *, type: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> QuarantinePage:
        """List up to *limit* events that wait, newest first; of one *type*, or of any. Raises BadCursor."""
        ...

    async def get(self, id: str, *, company_id: int | None) -> QuarantinedEvent:
        """Show one that waits. Raises NotFound."""
        ...

    async def replace(self, id: str, payload: bytes, *, company_id: int | None) -> QuarantinedEvent:
        """Put *payload* (compact JSON) in the place of its own, valid or not, and judge it.

        Raises:
            NotFound: there is none, or it waits no more.
            BodyTooLarge: the event would be larger than an event may be.
        """
        ...

    async def release(
        self, id: str, *, company_id: int | None, payload: bytes | None = None
    ) -> ReleasedEvent:
        """Put it into the log, once and never twice; with *payload* (compact JSON) in the place of its own, if given.

        Raises:
            EventRejected: it still breaks its schema; it stays as it was.
            NotFound: there is none.
            Conflict: it was released before, and with another payload than this, for all that can be told.
            BodyTooLarge: the event would be larger than an event may be.
        """
        ...

    async def release_all(
        self, company_id: int | None, *, type: str, cursor: str | None = None
    ) -> ReleasedEvents:
        """Release every event of *type* that its schema finds valid by now, oldest first. Raises BadCursor."""
        ...

    async def delete(self, id: str, *, company_id: int | None) -> None:
        """Remove one that waits for good. Raises NotFound."""
        ...
