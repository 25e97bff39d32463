"""Targets that a channel is tested with: they record arrivals, and accept, refuse or hang as a check requires.

A suite's fixture ``far_side`` provides the target. The default is ``HttpFarSide``; for another transport, write a
subclass::

    class Mailbox(FarSide):
        url = "mailto:someone@example.com"

        async def arrivals(self, count): ...
        async def accept(self): ...
        async def refuse_for_now(self): ...

Each method sets the target's behaviour *from now on*. If a class does not override a method, its transport lacks that behaviour,
and the checks that need the behaviour do not apply.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from trunkline.schemas.catalog import Json
from trunkline_kit.receiver import Answer, Connection, ReceivedRequest, Receiver, Reply, Reset

LONGEST_WAIT_SECONDS = 20.0
"""Time limit for an awaited arrival; after this time the arrival counts as missing."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event that arrived at a target. *headers* is None if the transport has none; *at* is a monotonic time in seconds.

    *event_id* is the event's id outside of the body, such as in a header; None if only the body has the id. *key* is
    the id by which the transport drops duplicates, such as a Message-ID: it is the same on each attempt, and differs
    between subscriptions.
    """

    event_id: str | None
    body: bytes = field(repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    at: float = 0.0
    key: str | None = None

    def is_of(self, event_id: str) -> bool:
        """Return whether the arrival is the event *event_id*. If the transport has no id, search the body for *event_id*."""
        if self.event_id is not None:
            return self.event_id == event_id
        return re.search(rb"(?<![0-9])%s(?![0-9])" % re.escape(event_id.encode()), self.body) is not None


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic from a channel to a far side so far: the number of *connections*, and the number of *bytes* in all."""

    connections: int
    bytes: int


class FarSide:
    """A target whose behaviour a check sets. *url* is a subscription's ``target_url``.

    For a channel that declares its targets, *target* has the members of a target instead. *dials* is then the host and
    port in the target, if a customer can choose them; the deployment's network policy must apply to the channel's
    connection to that address. *impossible* lists targets that the channel must refuse, in the form of ``target_url``
    or of *target*. *before_tls* has two values: the bytes by which a client requests TLS on an open connection, and the
    bytes by which the server agrees. It is None if TLS begins at once.
    """

    url: str = ""
    target: Mapping[str, Json] | None = None
    dials: tuple[str, int] | None = None
    impossible: Sequence[str | Mapping[str, Json]] = ()
    before_tls: tuple[bytes, bytes] | None = None

    @property
    def destination(self) -> dict[str, Json]:
        """Return the members that describe the target in a request for a subscription."""
        return {"target_url": self.url} if self.target is None else {"target": dict(self.target)}

    async def arrivals(self, count: int) -> Sequence[Arrival]:
        """Wait for *count* arrivals; return all arrivals so far.

        Raises:
            TimeoutError: fewer arrived within ``LONGEST_WAIT_SECONDS``, or within the far side's own limit.
        """
        raise NotImplementedError

    def is_own(self, detail: str) -> bool:  # noqa: ARG002 - what a far side that dials overrides
        """Return whether the side effect *detail* comes from the far side, not from the channel."""
        return False

    async def reached(self) -> None:
        """Wait until anything has reached the target, even an incomplete arrival. Raises TimeoutError."""
        await self.arrivals(1)

    async def accept(self) -> bool:
        """Accept everything from now on, as at the start."""
        return False

    async def refuse_for_now(self) -> bool:
        """Refuse everything from now on with a temporary error."""
        return False

    def refusals(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """Return other causes of a temporary refusal by name, such as a missing queue or missing rights.

        Each name has a function that makes the target refuse for this cause until ``accept`` is called.
        """
        return {}

    async def refuse_for_good(self) -> bool:
        """Refuse everything from now on with a permanent error."""
        return False

    async def break_once_taken(self) -> bool:
        """Accept everything from now on, and break each connection after the event was accepted."""
        return False

    async def be_gone(self) -> bool:
        """Answer from now on that the target is gone permanently."""
        return False

    async def hang(self) -> bool:
        """Receive from now on, and never answer."""
        return False

    async def reset(self) -> bool:
        """Break the connection from now on whenever something arrives."""
        return False

    async def fall_silent(self, after_bytes: int) -> bool:  # noqa: ARG002 - what a far side behind a relay overrides
        """Answer until *after_bytes* more bytes have come, then only receive: the answer to an event is lost."""
        return False

    async def refuse_event(self, event_id: str) -> bool:  # noqa: ARG002 - what a far side that can overrides
        """Refuse one event from now on, temporarily or permanently, and accept all others."""
        return False

    def traffic(self) -> Traffic | None:
        """Return the traffic from the channel so far, refused or not; None if traffic cannot be observed."""
        return None

    async def of_company(self, company_id: int) -> "FarSide | None":  # noqa: ARG002 - what a far side of a broker overrides
        """Return a view of this target with only the events of *company_id*; None if the transport has no such view.

        The view is for an operator's broker, where the company is part of a subject, a queue's name or a key.
        """
        return None

    async def later(self) -> "FarSide | None":
        """Return a listener that joins the target now; None if the target keeps its events for later listeners."""
        return None

    async def another(self) -> "FarSide | None":
        """Return a second target of the same kind, with another URL and separate arrivals; None if there is none."""
        return None


class HttpFarSide(FarSide):
    """A separate path at a ``Receiver``.

    *accepting* is the answer that accepts an event; *rejects* and *gone* are the statuses for "never" and "target gone".
    *patience_seconds* is the time limit for an arrival. If the channel declares URLs as targets (``Url``, ``SecretUrl``), the
    suite calls ``be_declared``.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        accepting: Reply | None = None,
        rejects: Sequence[int] = (),
        gone: Sequence[int] = (410,),
        patience_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self.receiver = receiver
        self.path = f"/in/{secrets.token_hex(6)}"
        self.url = f"{receiver.url}{self.path}"
        self._accepting = accepting or Answer()
        self._rejects = tuple(rejects)
        self._gone = tuple(gone)
        self._patience_seconds = patience_seconds
        self._let_go = asyncio.Event()
        self.play(self._accepting)

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)

    def be_declared(self) -> None:
        """From now on, give the URL in *target*, for a channel whose targets are ``Url`` or ``SecretUrl``."""
        self.target = {"url": self.url}

    def play(self, reply: Reply) -> None:
        """Answer every request from now on with *reply*, and reset the connections of hanging requests."""
        self._let_go.set()
        self.receiver.always(reply, path=self.path)

    def requests(self) -> list[ReceivedRequest]:
        """Return the requests so far."""
        return [request for request in self.receiver.requests if request.path.partition("?")[0] == self.path]

    async def arrivals(self, count: int) -> Sequence[Arrival]:
        """Wait for *count* requests, answered or not; return all arrivals so far."""
        async with asyncio.timeout(self._patience_seconds):
            while len(requests := self.requests()) < count:
                await self.receiver.wait_for(self.receiver.count + 1, timeout_seconds=LONGEST_WAIT_SECONDS)
        return [_arrival_of(request) for request in requests]

    async def accept(self) -> bool:
        """Answer with *accepting*."""
        self.play(self._accepting)
        return True

    async def refuse_for_now(self) -> bool:
        """Answer with 503."""
        self.play(Answer(503))
        return True

    async def refuse_for_good(self) -> bool:
        """Answer with the first of *rejects*."""
        if not self._rejects:
            return False
        self.play(Answer(self._rejects[0]))
        return True

    async def refuse_event(self, event_id: str) -> bool:
        """Answer every request that has this event with the first of *rejects*, or with 503 if *rejects* is empty."""
        refusal = Answer(self._rejects[0] if self._rejects else 503)

        async def answer(connection: Connection) -> None:
            came = (one for one in reversed(self.receiver.requests) if one.connection == connection.number)
            is_refused = _arrival_of(next(came)).is_of(event_id)
            await (refusal if is_refused else self._accepting)(connection)

        self.play(answer)
        return True

    async def be_gone(self) -> bool:
        """Answer with the first of *gone*."""
        if not self._gone:
            return False
        self.play(Answer(self._gone[0]))
        return True

    async def hang(self) -> bool:
        """Read the request and send no answer."""
        self._let_go.set()
        let_go = self._let_go = asyncio.Event()

        async def hang(connection: Connection) -> None:
            await let_go.wait()
            connection.reset()

        self.receiver.always(hang, path=self.path)
        return True

    async def reset(self) -> bool:
        """Reset the connection after the request."""
        self.play(Reset())
        return True

    async def another(self) -> "HttpFarSide":
        """Return another path at the same receiver."""
        other = HttpFarSide(
            self.receiver,
            accepting=self._accepting,
            rejects=self._rejects,
            gone=self._gone,
            patience_seconds=self._patience_seconds,
        )
        if self.target is not None:
            other.be_declared()
        return other


def _arrival_of(request: ReceivedRequest) -> Arrival:
    event_id = None
    with contextlib.suppress(orjson.JSONDecodeError):
        content = orjson.loads(request.body)
        if isinstance(content, dict) and isinstance(content.get("id"), int | str):
            event_id = str(content["id"])
    return Arrival(
        event_id=request.headers.get("webhook-id") or event_id,
        body=request.body,
        headers=request.headers,
        at=request.received_at / 1e9,
    )
