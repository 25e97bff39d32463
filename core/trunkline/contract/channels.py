"""A channel, the values of one delivery attempt, and guarded connections, by HTTP or otherwise."""

import asyncio
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
"""The pydantic model of a channel's targets. It may be left out for a channel without a model."""


@dataclass(frozen=True, slots=True)
class Target(Generic[Config]):
    """The target of a subscription's events. *secrets* are the live signing secrets, newest first; a repr never shows them.

    If the channel declared a model as its ``target``, *config* is an instance of the model, secrets included, and *url*
    names the target in one line without secrets (for the model ``Url``, *url* is the URL). Otherwise *config* is None,
    and *url* is the target URL.
    """

    subscription_id: str
    company_id: int
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    signature: str = "standard"
    config: Config = field(default=cast("Config", None), repr=False)
    name: str | None = None
    """The name that the channel gave the subscription (``Terms.name``); None for a subscription without ``Terms``."""
    notes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The *notes* of the subscription's ``Terms``."""


@dataclass(frozen=True, slots=True)
class Push(Generic[Config]):
    """One delivery attempt: the event as bytes that are ready to send, and the target.

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
    """The cursor with which ``GET /api/v1/events`` continues exactly after this event."""
    traceparent: str | None = None
    """The W3C trace context of this attempt, sent as the header ``traceparent``; None if there is none."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A target's answer. *body* is cut at 64 KiB. Header names are lower case, and trailers are left out.

    *is_whole* is False if the body was cut, or the connection broke off within the body; *status* is valid even then.
    *sent_twice* is True if a kept-alive connection closed during the request, so that the request was sent again on a new
    connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    is_whole: bool = True
    sent_twice: bool = False


class HttpClient(Protocol):
    """The guarded HTTP client: it checks each address when it connects, follows no redirect, and limits the size of answers."""

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send *body* to *url*.

        Raises:
            AddressRefused: the outbound policy forbids the address of *url*.
            OSError, TimeoutError: there was no answer.
            Refused: the hub's machine has no file descriptor, memory or port left for the connection. A channel must
                not catch this error; the delivery then waits and no attempt is counted.
        """
        ...

    async def get(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Read the resource at *url*. Raises as ``post`` does."""
        ...

    async def put(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Replace the resource at *url* with *body*. Raises as ``post`` does."""
        ...

    async def patch(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Apply the changes in *body* to the resource at *url*. Raises as ``post`` does."""
        ...

    async def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse:
        """Delete the resource at *url*. Raises as ``post`` does."""
        ...


HttpFor = Callable[[int], HttpClient]
"""Return the guarded HTTP client of a company. Its connections and name lookups are not shared with other companies."""


@dataclass(frozen=True, slots=True)
class Gap(Generic[Config]):
    """Events that a subscription will never get: all events up to *cursor* that it has not received.

    *gap_id* is the same on every attempt to report the gap; *timestamp* is the Unix second of this attempt.
    """

    gap_id: str
    cursor: str
    timestamp: int
    target: Target[Config]


Deliver = Callable[[Push[Any], HttpClient], Awaitable[Result]]
"""Make one attempt. The call is cancelled at the time limit; any exception counts as ``retry``."""


DeliverBatch = Callable[[Sequence[Push[Any]], HttpClient], Awaitable[Sequence[Result]]]
"""Make one attempt at each of several deliveries of one subscription, oldest first; return one result per delivery, in order.

Each result settles its own delivery, so some may be delivered and others retried. An exception, or a wrong number of
results, is a failed attempt at every delivery. The call is cancelled when the time limit of the last delivery has passed.
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """The limits of a batch: it has up to *most* deliveries; the first waits up to *wait_seconds* for the others.

    The bodies have at most *most_bytes* together; a larger event is sent alone. The wait counts as part of an attempt's time, and
    ``rate`` counts a delivery when its wait begins. A batch is never larger than the number of attempts that a subscription may
    have at once (``delivery.concurrency_per_subscription``, ``max_in_flight``).
    """

    most: int = 64
    wait_seconds: float = 0.1
    most_bytes: int = 1_048_576


TellGap = Callable[[Gap[Any], HttpClient], Awaitable[Result]]
"""Report a gap to its target. After the result ``retry`` the gap is reported again later.

The call is cancelled at the time limit.
"""


CheckTarget = Callable[[str], str | None]
"""Return the fault of a target URL as words that complete a sentence about it (``"names no mailbox"``); None if it has none.

The function must do no I/O. The words must not repeat the URL: callers of the API see them, and a URL may hold a secret.
"""


CheckConnection = Callable[[Target[Any]], Awaitable[str | None]]
"""Test whether a target can be reached and accepts events, without sending one; return the fault as one sentence, or None.

The function runs before a test delivery, within the time of one attempt. The person who tests sees the sentence, so the
sentence must hold no secret.
"""


ReadUrl = Callable[[str], Mapping[str, object]]
"""Convert the URL of a subscription that is older than the channel's model of targets to the members of that model."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to deliver events. Events of a channel without *deliver* and *deliver_batch* are pulled, not pushed.

    *deliver_batch* takes several deliveries of one subscription at once, limited by *batch*. *deliver* is then optional, and is
    used for test deliveries.

    *target*, a pydantic model, declares the members of a target: text, numbers, booleans, choices, and secrets (``SecretStr``).
    People then subscribe under ``/api/v1/subscriptions`` and in the portal. ``push.target.config`` is an instance of the model,
    *check_connection* tests a target, and *read_url* reads targets of subscriptions that are older than the model.
    *target_schema* declares the members as a JSON Schema instead; the model is made from the schema.

    Without *target*, each target is a URL with one of *schemes* (in lower case). The guarded client dials ``https`` and
    ``http``, as the deployment's policy allows. A URL with any other scheme (``("mailto",)``) names a destination that
    the operator has configured in the plugin's settings. The hub never connects to such a URL; it checks only the form
    of the URL. *check_target* is called for a target of any scheme, after all other checks have passed.

    *tell_gap* is called if a subscription with ``Terms`` will never get the events that it missed: it was paused for
    longer than events are kept, or was resumed without the missed events. *breaker* replaces the deployment's setting
    that determines when a subscription is disabled because all its attempts fail.

    *instructions* (Markdown without HTML) tell people where to find the values that the form of a target asks for; the portal
    shows the instructions next to the form. *icon* is an SVG element that the portal shows with the instructions.
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
    instructions: str | None = None
    icon: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.target_schema is not None and self.target is None:
            object.__setattr__(self, "target", model_of(self.target_schema, name=self.name))
        if self.deliver_batch is not None and self.deliver is None:
            object.__setattr__(self, "deliver", one_alone(self.deliver_batch))


def one_alone(deliver_batch: DeliverBatch) -> Deliver:
    """Make a ``deliver`` function from *deliver_batch*. It delivers a single event, as a test delivery needs."""

    async def deliver(push: Push[Any], http: HttpClient) -> Result:
        results = await deliver_batch([push], http)
        if len(results) != 1:
            msg = f"deliver_batch gave {len(results)} results for 1 delivery"
            raise ValueError(msg)
        return results[0]

    return deliver


class OpenOrigin(Protocol):
    """Makes an HTTP client for one origin that the operator has named in a plugin's settings.

    Call it when the hub starts. Later calls are allowed only for addresses that such an origin itself has named, such
    as an issuer's endpoints.
    """

    def __call__(self, url: str, *, timeout_seconds: float) -> HttpClient:
        """Return a client for the origin of *url*, which may be in a private network.

        The client refuses all other origins.

        Raises ValueError: *url* cannot be dialled, or leads to a cloud's metadata service.
        """
        ...


class Network(Protocol):
    """Connects to hosts that a customer names: the deployment's policy checks every address, as for HTTP.

    Do not use it for a server that the operator names in the plugin's settings.
    """

    async def connect(
        self, host: str, port: int, *, company_id: int, tls: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection for a company; with *tls*, the certificate must be for *host*. The caller closes the connection.

        Raises:
            AddressRefused: the policy forbids the address of *host*.
            OSError, TimeoutError: there is no connection; the error's text may be shown in the delivery log.
        """
        ...

    async def addresses(self, host: str, port: int, *, company_id: int) -> Sequence[str]:
        """Find the addresses that may be dialled for *host*, for a client library that takes an address in addition to the name.

        Dial only one of them: another lookup may answer with an address that was not checked.

        Raises:
            AddressRefused: the policy forbids the address of *host*.
            OSError: the name of *host* does not resolve.
        """
        ...
