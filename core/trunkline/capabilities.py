"""The values that a plugin hands over or receives, and the protocols it may call.

Everything is frozen: a plugin gives values when the hub starts and gets values when something happens. It never holds
the database, the app or another plugin.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import APIRouter
from pydantic import BaseModel

from trunkline.deliveries import Result
from trunkline.schemas import EventType, Json


@dataclass(frozen=True, slots=True)
class Target:
    """Where a subscription's events go. *secrets* are live signing secrets, newest first, never shown in a repr."""

    subscription_id: str
    company_id: int
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    signature: str = "standard"


@dataclass(frozen=True, slots=True)
class Push:
    """One attempt to be made: the event's finished bytes and where they go.

    *event_id* and *delivery_id* are the same on every attempt; *attempt* counts from 1. *timestamp* is the Unix second
    of this attempt.
    """

    event_id: str
    event_type: str
    delivery_id: str
    attempt: int
    timestamp: int
    body: bytes = field(repr=False)
    target: Target
    cursor: str | None = None
    """Resumes ``GET /api/v1/events`` exactly after this event."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What a target answered; *body* is cut at 64 KiB. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class HttpClient(Protocol):
    """The guarded way out: addresses are checked where they are dialled, no redirect is followed, size is bounded."""

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url*.

        Raises:
            AddressRefused: the outbound policy forbids where *url* leads.
            OSError, TimeoutError: there was no answer.
        """
        ...


Deliver = Callable[[Push, HttpClient], Awaitable[Result]]
"""Make one attempt. It is cancelled at the time limit; whatever it raises counts as ``retry``."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out for events. A channel without *deliver* is pulled, not pushed."""

    name: str
    title: str
    description: str
    deliver: Deliver | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes of a plugin, mounted under ``/api/v1`` + *prefix*."""

    router: APIRouter
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Migrations:
    """A plugin's own migration history: *location* is a folder of alembic revisions (``package:folder``)."""

    location: str


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event that a plugin wants accepted: it is validated like any other."""

    company_id: int
    type: str
    payload: Mapping[str, Json]
    metadata: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class AcceptedEvent:
    """An event that was stored. *body* is the envelope as it is sent."""

    position: int
    company_id: int
    type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FinishedAttempt:
    """An attempt that has ended, as the delivery log shows it."""

    delivery_id: str
    event_id: int
    event_type: str
    subscription_id: str
    company_id: int
    channel: str
    number: int
    duration_ms: int
    result: Result


@dataclass(frozen=True, slots=True)
class ChangedSubscription:
    """A subscription that was made, changed, disabled or deleted; *status* is ``deleted`` for the last."""

    subscription_id: str
    company_id: int
    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class EventPage:
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
    ) -> EventPage:
        """Read up to *limit* events oldest first, waiting up to *wait_seconds* for the first.

        Without *cursor* and *since_ms* (Unix ms of acceptance, inclusive) it starts at the oldest retained event.
        No *types* means every type.

        Raises:
            BadCursor: *cursor* is not one that this service gave out.
        """
        ...

    async def get(self, company_id: int, event_id: int) -> bytes | None:
        """Read one envelope; None where the company has no such event."""
        ...

    async def newest(self, company_id: int, *, type: str | None, limit: int) -> Sequence[bytes]:
        """Read the newest envelopes, newest first; the schema's examples, as envelopes, where there are none."""
        ...

    def types(self) -> Sequence[EventType]:
        """List every registered event type, in the order of their names."""
        ...


class Emit(Protocol):
    """Put an event on the stream: it is validated, stored and delivered like one that came by HTTP."""

    async def __call__(self, event: EmittedEvent, *, idempotency_key: str | None = None) -> AcceptedEvent:
        """Return once the event is durable.

        Raises:
            EventRejected: the payload breaks its schema.
        """
        ...


class Subscriptions(Protocol):
    """The subscriptions of the plugin's own channels; the views are JSON as CONTRACT §6 shows it."""

    async def create(self, company_id: int, request: Mapping[str, Json], *, channel: str) -> dict[str, Json]:
        """Make one and return it with its secret, which is never shown again."""
        ...

    async def list(
        self, company_id: int, *, channel: str | None, target_url: str | None = None
    ) -> list[dict[str, Json]]:
        """List those of *channel* (every channel's for None), oldest first, without secrets."""
        ...

    async def get(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Json]:
        """Show one, without its secret. Raises NotFound."""
        ...

    async def update(
        self, company_id: int, subscription_id: str, changes: Mapping[str, Json], *, channel: str | None
    ) -> dict[str, Json]:
        """Change what *changes* names. Raises NotFound, BodyInvalid, TargetRefused."""
        ...

    async def delete(self, company_id: int, subscription_id: str, *, channel: str | None) -> None:
        """Delete one; its pending deliveries end as ``gone``. Raises NotFound."""
        ...

    async def rotate_secret(
        self, company_id: int, subscription_id: str, *, channel: str, overlap_seconds: int
    ) -> dict[str, Json]:
        """Give it a new secret; the old one signs beside it for *overlap_seconds*. Raises NotFound."""
        ...

    async def test(self, company_id: int, subscription_id: str, *, channel: str) -> dict[str, Json]:
        """Make one unlogged attempt with an example event, whatever the status. Raises NotFound."""
        ...


class Deliveries(Protocol):
    """The delivery log of one company; the views are JSON as CONTRACT §6 shows it."""

    async def of_subscription(
        self,
        company_id: int,
        subscription_id: str,
        *,
        channel: str | None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Json]:
        """Show a subscription's deliveries, newest event first. Raises NotFound, BadCursor."""
        ...


class Replays(Protocol):
    """Replays of one company's subscriptions; the views are JSON as CONTRACT §6 shows it."""

    async def start(
        self, company_id: int, subscription_id: str, request: Mapping[str, Json], *, channel: str | None
    ) -> dict[str, Json]:
        """Start a replay and show it; with ``dry_run`` only count. Raises NotFound, BodyInvalid."""
        ...


class Clock(Protocol):
    """Where a plugin takes the time from."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin may touch. *settings* is an instance of the model that it registered, or None."""

    name: str
    settings: BaseModel | None
    http: HttpClient
    events: EventReader
    subscriptions: Subscriptions
    deliveries: Deliveries
    replays: Replays
    emit: Emit
    clock: Clock
    log: logging.Logger
