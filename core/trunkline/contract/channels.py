"""What a channel is, and what one attempt is given."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, cast

from pydantic import BaseModel
from typing_extensions import TypeVar

from trunkline.contract.target_models import model_of
from trunkline.model.deliveries import BreakerPolicy, Result
from trunkline.schemas.catalog import Json
from trunkline.targets.urls import HTTP_SCHEMES

Config = TypeVar("Config", default=Any)
"""The model by which a channel declares its targets; a plugin that declares none need not name it."""


@dataclass(frozen=True, slots=True)
class Target(Generic[Config]):
    """Where a subscription's events go. *secrets* are live signing secrets, newest first, never shown in a repr.

    *config* is an instance of the model that the channel declared as its ``target``, with its secrets; None where it
    declared none. *url* then names it in one line, without its secrets; where the model is ``Url`` it is the URL.
    """

    subscription_id: str
    company_id: int
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    signature: str = "standard"
    config: Config = field(default=cast("Config", None), repr=False)
    name: str | None = None
    """The channel's own name for the subscription, where its holder renews it (``Terms``)."""
    notes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The notes of its terms."""


@dataclass(frozen=True, slots=True)
class Push(Generic[Config]):
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
    target: Target[Config]
    cursor: str | None = None
    """Resumes ``GET /api/v1/events`` exactly after this event."""
    traceparent: str | None = None
    """The trace context of this attempt, as W3C writes it; sent along as the header of that name. None if there is none."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What a target answered; *body* is cut at 64 KiB. Header names are lower case, and trailers are left out.

    *is_whole* is False if the body was cut or broke off: the status counts once the head is whole. *sent_twice* is True if
    a kept connection closed as the request was sent, so that it went out once more on a new one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    is_whole: bool = True
    sent_twice: bool = False


class HttpClient(Protocol):
    """The guarded way out: addresses are checked where they are dialled, no redirect is followed, size is bounded."""

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url*.

        Raises:
            AddressRefused: the outbound policy forbids where *url* leads.
            OSError, TimeoutError: there was no answer.
            Refused: the hub's machine has no file, memory or port left for the connection. A channel lets it pass: the delivery
                waits, and no attempt is counted.
        """
        ...

    async def get(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Read what is at *url*. Raises as ``post`` does."""
        ...

    async def put(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Put *body* at *url*. Raises as ``post`` does."""
        ...

    async def patch(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Change what is at *url* by *body*. Raises as ``post`` does."""
        ...

    async def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Delete what is at *url*. Raises as ``post`` does."""
        ...


HttpFor = Callable[[int], HttpClient]
"""Gives the guarded way out in the name of a company: its connections and lookups are apart from those of others."""


@dataclass(frozen=True, slots=True)
class Gap(Generic[Config]):
    """Events that a subscription will not get: everything up to *cursor* that it has not got yet.

    *gap_id* is the same on every attempt to tell of it; *timestamp* is the Unix second of this one.
    """

    gap_id: str
    cursor: str
    timestamp: int
    target: Target[Config]


Deliver = Callable[[Push[Any], HttpClient], Awaitable[Result]]
"""Make one attempt. It is cancelled at the time limit; whatever it raises counts as ``retry``."""


DeliverBatch = Callable[[Sequence[Push[Any]], HttpClient], Awaitable[Sequence[Result]]]
"""Make one attempt at each of several deliveries of one subscription, oldest first; give a result for each, in their order.

Each is settled by its own result: some may be delivered and others tried again. What is raised, or another number of results,
is a failed attempt at all of them. It is cancelled when the time of the last of them is over.
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """How many deliveries ``deliver_batch`` gets: up to *most*, for which the first waits up to *wait_seconds*.

    Their bodies have *most_bytes* together at most; an event that is larger goes alone. The wait is part of an attempt's time, and a
    ``rate`` counts deliveries where they begin to wait. A batch is never larger than the attempts that a subscription may have at once
    (``delivery.concurrency_per_subscription``, ``max_in_flight``).
    """

    most: int = 64
    wait_seconds: float = 0.1
    most_bytes: int = 1_048_576


TellGap = Callable[[Gap[Any], HttpClient], Awaitable[Result]]
"""Tell a target of a gap; ``retry`` has it told again later. It is cancelled at the time limit."""


CheckTarget = Callable[[str], str | None]
"""Say what is wrong with a target URL, in words that follow its name (``"names no mailbox"``), or None. No I/O.

The words must not repeat the URL: they are shown to the caller, and a URL may hold a secret.
"""


CheckConnection = Callable[[Target[Any]], Awaitable[str | None]]
"""Try whether a target can be reached and takes events, without sending one; say in one sentence what is wrong, or None.

It is asked before a test delivery, within the time of one attempt. The sentence is shown to whoever tests: no secret in it.
"""


ReadUrl = Callable[[str], Mapping[str, object]]
"""Give the members of the target that *url* named, before the channel declared its targets as a model."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out for events. A channel without *deliver* and *deliver_batch* is pulled, not pushed.

    With *deliver_batch* it takes several deliveries of one subscription at once, as many as *batch* says; then *deliver* need not
    be given, and is what a test delivery goes by.

    *target*, a pydantic model, declares what its targets are made of: text, numbers, yes or no, choices, and secrets
    (``SecretStr``). People then subscribe to it under ``/api/v1/subscriptions`` and in the portal, ``push.target.config`` is
    an instance of it, *check_connection* tries one, and *read_url* reads those that were made before it was declared.
    *target_schema* declares the same as a JSON Schema in place of a model, of which one is made.

    Without *target* its targets are URLs of *schemes*, in lower case. ``https`` and ``http`` are what the guarded client dials, judged by the
    deployment's policy. Any other scheme (``("mailto",)``) names a place within what the operator has named in the plugin's
    settings, and is never dialled itself; its form is checked here, the rest by *check_target*, which is asked for
    a target of any scheme once nothing else is wrong with it.

    *tell_gap* is asked where a subscription that its holder renews (``Terms``) has missed events for good: it was paused for longer
    than events are kept, or went on without what it had missed. *breaker* says when a subscription that only fails is
    disabled, where that is not as the deployment says.
    """

    name: str
    title: str
    description: str
    deliver: Deliver | None = None
    schemes: tuple[str, ...] = HTTP_SCHEMES
    check_target: CheckTarget | None = None
    target: type[BaseModel] | None = None
    check_connection: CheckConnection | None = None
    read_url: ReadUrl | None = None
    tell_gap: TellGap | None = None
    breaker: BreakerPolicy | None = None
    deliver_batch: DeliverBatch | None = None
    batch: Batch = field(default_factory=Batch)
    target_schema: Mapping[str, Json] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if self.target_schema is not None and self.target is None:
            object.__setattr__(self, "target", model_of(self.target_schema, name=self.name))
        if self.deliver_batch is not None and self.deliver is None:
            object.__setattr__(self, "deliver", one_alone(self.deliver_batch))


def one_alone(deliver_batch: DeliverBatch) -> Deliver:
    """Make what delivers one by itself, as a test does, of what delivers several."""

    async def deliver(push: Push[Any], http: HttpClient) -> Result:
        results = await deliver_batch([push], http)
        if len(results) != 1:
            msg = f"deliver_batch gave {len(results)} results for 1 delivery"
            raise ValueError(msg)
        return results[0]

    return deliver


class OpenOrigin(Protocol):
    """Gives a way out to one origin that the operator has named in a plugin's settings. Ask for it at start.

    Only for what such an origin names itself, as an issuer does its endpoints, it may be asked for later.
    """

    def __call__(self, url: str, *, timeout_seconds: float) -> HttpClient:
        """Give a client for the origin of *url*, in a private network too; it refuses every other origin.

        Raises:
            ValueError: *url* is not one that can be dialled, or leads to a cloud's metadata service.
        """
        ...
