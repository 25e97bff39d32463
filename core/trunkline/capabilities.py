"""The values that a plugin hands over or receives, and the protocols it may call.

Everything is frozen: a plugin gives values when the hub starts and gets values when something happens. It never holds
the database, the app or another plugin.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from trunkline.definitions import Definition, Kind
from trunkline.deliveries import Result
from trunkline.principals import Principal
from trunkline.products import Brand, Product
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


PORTAL_BASE = "/portal"
BASES = ("/api/v1", "/schemas", "/docs", PORTAL_BASE)
"""Where a plugin may have routes."""


DirectHandler = Callable[[Request], Awaitable[Response | None]]
"""Answer a call without the framework in between, or leave it to the router by None: whatever is not plain.

It must check the key itself (``requires``), and answer just as the route does.
"""


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes of a plugin, mounted under *base* (one of ``BASES``) + *prefix*.

    *direct* is for the few that are called a thousand times a second: method and path below the prefix, with the handler
    that saves the framework's share, half a millisecond.
    """

    router: APIRouter
    prefix: str = ""
    base: str = "/api/v1"
    direct: Mapping[tuple[str, str], DirectHandler] = field(
        default_factory=dict[tuple[str, str], DirectHandler]
    )


Generate = Callable[[Product], Mapping[str, bytes]]
"""Make files, by their paths below the export's folder (``/`` between names), from a product alone: the same every time."""


@dataclass(frozen=True, slots=True)
class Connector:
    """What a platform needs to offer a product, made from its catalogue (``trunkline export NAME DIR``).

    *steps* say, each in a sentence, what to do with the files until the platform offers the product. *channel* is the one
    that the platform subscribes to by itself.
    """

    name: str
    title: str
    description: str
    generate: Generate
    steps: Sequence[str] = ()
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Migrations:
    """A plugin's own migration history: *location* is a folder of alembic revisions (``package:folder``)."""

    location: str


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event that a plugin wants accepted: it is validated like any other.

    *payload_json* is for a *payload* that was read from JSON (``read_json``): it is stored in its place, so that every
    digit stays as it was written.
    """

    company_id: int
    type: str
    payload: Mapping[str, Json]
    metadata: Mapping[str, Json] | None = None
    payload_json: bytes = field(default=b"", repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action, a search or a lookup, allowed and validated.

    *input* holds the body or the query, and the parameters of the path; empty strings have been left out.
    *connection* is there for what is carried out in the hub's database: inside the transaction that also stores the
    answer's events and the idempotency key (an action), or for reading (a search or a lookup). Never commit it.
    """

    definition: Definition
    company_id: int
    key_id: str
    input: Mapping[str, Json] = field(repr=False)
    idempotency_key: str | None = None
    """Names this call to whoever carries it out elsewhere: the caller's own, or one made for this call."""
    deadline_seconds: float = 10.0
    connection: AsyncConnection | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to. *output* is validated; *events* are stored with it, or neither is.

    *is_new* is False where a create found what an earlier one had made: that is answered with 200.
    """

    output: Mapping[str, Json] = field(repr=False)
    events: Sequence[EmittedEvent] = ()
    is_new: bool = True


Run = Callable[[Call], Awaitable[Answer]]
"""Carry out a call.

Raises:
    NotFound: there is no such record in the company.
    BodyInvalid: the input is of the right form, but cannot be.
    ProviderFailed: it could not be carried out, through no fault of the caller.
"""


@dataclass(frozen=True, slots=True)
class Action:
    """Who carries out the action *name*: a write into the system of record.

    *definition* is for a plugin that brings its own; otherwise the schemas define it. With *uses_database* the call has a
    connection and all of it is one transaction; without, nothing is locked while *run* waits for somebody else.
    """

    name: str
    run: Run
    definition: Definition | None = None
    uses_database: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """Who carries out the search *name*: a read by key, for find-or-create. As for ``Action``."""

    name: str
    run: Run
    definition: Definition | None = None
    uses_database: bool = True


@dataclass(frozen=True, slots=True)
class Lookup:
    """Who carries out the lookup *name*: a list for a dropdown. As for ``Action``."""

    name: str
    run: Run
    definition: Definition | None = None
    uses_database: bool = True


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

    async def subscribe(
        self, company_id: int, request: Mapping[str, Json], *, channel: str
    ) -> tuple[dict[str, Json], bool]:
        """Make one, or find the one that has the same target, event types and filter; tell whether it is new.

        Either way it is shown with its secret. One that was disabled because it kept failing goes on with what it missed;
        one whose target said 410 has ended, and a new one is made.

        Raises:
            BodyInvalid, TargetRefused: the request is not valid.
            TooManySubscriptions: the company has all it may have.
        """
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

    async def of_event(self, company_id: int, event_id: int) -> list[dict[str, Json]]:
        """Show an event's deliveries with their ``subscription_id``, those of deleted subscriptions too. Raises NotFound."""
        ...

    async def get(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """Show one delivery with its attempts. Raises NotFound."""
        ...

    async def count_open(self, company_id: int, subscription_id: str) -> int:
        """Count what is pending or held among a subscription's newest 10,000 deliveries. Raises NotFound."""
        ...

    async def retry(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """Make a delivery due now, whatever its state, and show it. Raises NotFound."""
        ...

    async def explain(self, company_id: int, event_id: int) -> dict[str, Json]:
        """Tell for each subscription of the company whether it matched the event, and what became of it. Raises NotFound."""
        ...


class Replays(Protocol):
    """Replays of one company's subscriptions; the views are JSON as CONTRACT §6 shows it."""

    async def start(
        self, company_id: int, subscription_id: str, request: Mapping[str, Json], *, channel: str | None
    ) -> dict[str, Json]:
        """Start a replay and show it; with ``dry_run`` only count. Raises NotFound, BodyInvalid."""
        ...

    async def of_subscription(
        self, company_id: int, subscription_id: str, *, channel: str | None, limit: int = 20
    ) -> list[dict[str, Json]]:
        """Show a subscription's newest replays, newest first, with what each sends again.

        Beside what ``get`` shows: *kind* (``missed``, ``all`` or ``failed``), *event_types* (empty for all), and *remaining*,
        the positions of the log that are still to be looked at. Raises NotFound.
        """
        ...

    async def get(self, company_id: int, replay_id: str) -> dict[str, Json]:
        """Show a replay's progress. Raises NotFound."""
        ...

    async def cancel(self, company_id: int, replay_id: str) -> None:
        """Stop a replay; what it has already made due is still delivered. Raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it is sent: *body* is JSON. *repeated* where an earlier request with the same key had got it."""

    status: int
    body: bytes = field(repr=False)
    repeated: bool = False


class Operations(Protocol):
    """Actions, searches and lookups: what is defined, and what somebody carries out."""

    def defined(self, kind: Kind) -> Sequence[Definition]:
        """List what the schemas define, whoever carries it out, in the order of their names."""
        ...

    def provided(self, kind: Kind) -> Sequence[Definition]:
        """List what a plugin that runs carries out, in the order of their names. Complete once the routes are asked for."""
        ...

    async def call(
        self,
        definition: Definition,
        *,
        company_id: int,
        key_id: str,
        parameters: Mapping[str, Json],
        input: Mapping[str, Json],
        idempotency_key: str | None = None,
    ) -> Answered:
        """Validate, carry out, validate again, and store what is to be stored together.

        Raises:
            BodyInvalid, BadQuery: the input breaks its schema (a body's, a query's).
            NotFound: there is no such record.
            IdempotencyConflict: *idempotency_key* was used for another request.
            ProviderFailed: whoever carries it out failed, or gave an answer that breaks its schema.
        """
        ...


class PluginDatabase(Protocol):
    """The hub's database, for a plugin's own tables; their names begin with the plugin's."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for reading. Raises StoreUnavailable."""
        ...

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection in a transaction that commits at the end. Raises StoreUnavailable."""
        ...


class OpenOrigin(Protocol):
    """Gives a way out to one origin that whoever runs the hub has named in a plugin's settings. Ask for it at start."""

    def __call__(self, url: str, *, timeout_seconds: float) -> HttpClient:
        """Give a client for the origin of *url*, in a private network too; it refuses every other origin.

        Raises:
            ValueError: *url* is not one that can be dialled, or leads to a cloud's metadata service.
        """
        ...


class ApiKeys(Protocol):
    """API keys; the views are JSON as ``GET /api/v1/keys`` shows it, without any secret."""

    async def authenticate(self, api_key: str) -> Principal:
        """Tell whose key *api_key* is.

        Raises:
            Unauthenticated: it is missing or malformed, or the key is unknown or was revoked.
        """
        ...

    async def principal(self, key_id: str) -> Principal | None:
        """Tell who the key *key_id* stands for now; None where there is none or it was revoked. That counts as using it."""
        ...

    async def create(
        self, company_id: int | None, *, name: str, scopes: Sequence[str]
    ) -> tuple[dict[str, Json], str]:
        """Make a company's key (an operator's for None) and show it; beside it the key itself, for the only time.

        Raises:
            BodyInvalid: a scope is unknown, or none is given (``COMPANY_SCOPES``).
        """
        ...

    async def list(self, company_id: int | None) -> list[dict[str, Json]]:
        """List a company's keys, operators' for 0, everybody's for None; oldest first, revoked ones included."""
        ...

    async def revoke(self, key_id: str, *, company_id: int | None) -> None:
        """Revoke a key of a company, or of anyone for None, at once and for good. Raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a company's events of one span of time came to; the span ends where the next one starts.

    Events count where they were accepted, and so do their deliveries and attempts, whenever those were made: the figures of
    a bucket are those of the same events. *matched* are deliveries in whatever state, *delivered* those that have been
    delivered; *failed_attempts* are attempts that brought anything else. *p50_ms* and *p95_ms* are of the attempts
    that delivered, by nearest rank; None where there were none.
    """

    start_ms: int
    events: int = 0
    matched: int = 0
    delivered: int = 0
    failed_attempts: int = 0
    p50_ms: int | None = None
    p95_ms: int | None = None


AttentionKind = Literal[
    "disabled", "failing", "exhausted", "rejected", "held", "paused", "replay", "unused_key"
]


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person should look at. *sentence* says what is the matter and what to do.

    *count* is of failures in a row, deliveries, or positions that a replay has still to look at; 1 otherwise.
    """

    kind: AttentionKind
    sentence: str
    count: int = 1
    subscription_id: str | None = None
    event_id: int | None = None
    replay_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """How one company does: *total* (as one bucket, from *since_ms*) and the same in *buckets*, oldest first.

    *success_rate* is delivered / ended, where ended are the deliveries that will not be tried again; None where none has
    ended. *subscriptions* are counted by status. *attention* has the most urgent first.
    Where the span has more than 10,000 deliveries, what is said of deliveries and attempts is estimated from those of one
    event in *sampled_one_in* (but the total's *matched*); with 1 it is exact. Numbers of events are always exact.
    """

    since_ms: int
    until_ms: int
    total: Bucket
    buckets: Sequence[Bucket]
    success_rate: float | None
    subscriptions: Mapping[str, int]
    attention: Sequence[Attention]
    sampled_one_in: int = 1


@dataclass(frozen=True, slots=True)
class SubscriptionActivity:
    """How a subscription does: attempts that failed in a row, and the delivery of the newest event that it got."""

    subscription_id: str
    failures: int
    failing_since_ms: int | None
    last_status: str | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """One event of a list; *body* is its envelope as it is sent, *deliveries* are counted by status."""

    id: int
    type: str
    accepted_ms: int
    body: bytes = field(repr=False)
    deliveries: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class EventList:
    """Events, newest first. *before* goes on where this list ends; None where there is nothing older.

    A search in the text looks at a bounded number of events a call: it may end with fewer than were asked for, or none,
    and still have a *before*. *looked_to_ms* is when the oldest event that it looked at was accepted; None if there was none.
    """

    events: Sequence[ListedEvent]
    before: str | None
    looked_to_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event, and the company's events next to it: the ids of the one *older* and the one *newer*, None at an end."""

    event: ListedEvent
    older: int | None
    newer: int | None


class Activity(Protocol):
    """What a company's people look at: figures and lists, each call bounded in cost."""

    async def overview(self, company_id: int, *, since_ms: int, until_ms: int, buckets: int = 48) -> Overview:
        """Show how the events accepted from *since_ms* to before *until_ms* (Unix ms) did, in up to 200 *buckets*.

        Raises:
            ValueError: *until_ms* is not after *since_ms*, or there are too few or too many buckets.
        """
        ...

    async def events(
        self,
        company_id: int,
        *,
        types: Sequence[str] = (),
        since_ms: int | None = None,
        until_ms: int | None = None,
        text: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> EventList:
        """List up to *limit* events newest first: accepted from *since_ms* to before *until_ms*, with *text* in them.

        No *types* means every type. *text* is looked for in the envelope as JSON, whatever the case of its letters.

        Raises:
            BadCursor: *before* is not one that this service gave out.
        """
        ...

    async def event(self, company_id: int, event_id: int) -> ShownEvent:
        """Show one event. Raises NotFound."""
        ...

    async def subscriptions(self, company_id: int) -> Sequence[SubscriptionActivity]:
        """Tell how each of a company's subscriptions does, oldest first."""
        ...

    async def companies(self, query: str | None = None, *, limit: int = 20) -> Sequence[int]:
        """List the companies that have keys or events and whose number begins with the digits *query*, lowest first."""
        ...


class Deployment(Protocol):
    """The hub that the plugin runs in, for whoever runs it and for pages about it."""

    @property
    def public_url(self) -> str | None:
        """Where the hub is reached from outside (``server.public_url``), without a slash at its end."""
        ...

    @property
    def brand(self) -> Brand:
        """The product's name, color and logo."""
        ...

    def plugins(self) -> list[dict[str, Json]]:
        """List every plugin that was found, as ``GET /api/v1/plugins`` shows it."""
        ...

    async def readiness(self) -> dict[str, str]:
        """Tell what works: ``ok``, ``off``, or what is the matter (``GET /readyz``)."""
        ...

    async def status(self) -> dict[str, Json]:
        """Show the whole deployment as ``trunkline status --json`` does. Raises StoreUnavailable."""
        ...

    def product(self) -> Product:
        """Give what connectors are made from: brand, address and catalogue."""
        ...

    def connectors(self) -> Sequence[Connector]:
        """List the connectors that plugins give, in the order of their names."""
        ...

    def connector_files(self, name: str) -> Mapping[str, bytes]:
        """Make a connector's files, by their paths.

        Raises:
            NotFound: there is no such connector.
            PluginFailed: its generator failed.
        """
        ...


class Sealer(Protocol):
    """Makes text that only this hub can read and nobody can alter: for cookies and links. Each plugin's is its own."""

    def seal(self, data: bytes, *, purpose: str) -> str:
        """Encrypt *data*, as text that may stand in a URL; it opens only for the same *purpose*."""
        ...

    def unseal(self, sealed: str, *, purpose: str) -> bytes:
        """Decrypt what ``seal`` made.

        Raises:
            ValueError: it was made for another purpose or by another hub or plugin, or was altered.
        """
        ...


@dataclass(frozen=True, slots=True)
class PortalRequest:
    """Who looks at a plugin's page of the portal, and at which company; *query* are the URL's parameters."""

    company_id: int
    principal: Principal
    query: Mapping[str, str] = field(default_factory=dict[str, str])


Render = Callable[[PortalRequest], str | Awaitable[str]]
"""Write the page's content: a fragment of HTML, put into the portal's frame as it is, so escape what is not yours."""


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page that a plugin adds to the portal; *name* is its part of the URL, *title* stands in the navigation.

    Only keys with *scope* see it, everybody for None. *icon* is an SVG element to stand before the title, or None.
    A *render* that fails, or takes longer than 5 seconds, shows an error in its place.
    """

    name: str
    title: str
    render: Render
    scope: str | None = None
    icon: str | None = field(default=None, repr=False)


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
    operations: Operations
    database: PluginDatabase
    open_origin: OpenOrigin
    keys: ApiKeys
    activity: Activity
    deployment: Deployment
    sealer: Sealer
    pages: Callable[[], Sequence[tuple[str, PortalPage]]]
    """The pages of the portal that the plugins that run give, each with its plugin's name."""
    emit: Emit
    clock: Clock
    log: logging.Logger
