"""A channel's targets under test: they record what arrives, and accept, refuse or hang as a check asks.

A suite's fixture ``far_side`` gives one. The default is ``HttpFarSide``; a channel with another transport brings its own::

    class Mailbox(FarSide):
        url = "mailto:someone@example.com"

        async def arrivals(self, count): ...
        async def accept(self): ...
        async def refuse_for_now(self): ...

A far side says how it takes everything *from now on*; a method that it does not override says that its transport has no
word for that, and the checks that need it do not apply.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from trunkline.schemas.catalog import Json
from trunkline_kit.receiver import Answer, Connection, ReceivedRequest, Receiver, Reply, Reset

LONGEST_WAIT_SECONDS = 20.0
"""How long an arrival is waited for before it is said to be missing."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event that arrived at a target. *headers* is None where the transport has none; *at* is a monotonic time in seconds.

    *event_id* is what the receiving end recognises a repeated event by, None where it has to look into the body. *key* is what
    a transport itself drops a repetition by, such as a Message-ID: the same on each attempt, another for each subscription.
    """

    event_id: str | None
    body: bytes = field(repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    at: float = 0.0
    key: str | None = None

    def is_of(self, event_id: str) -> bool:
        """Tell whether it is the event *event_id*, by its own word or, where it has none, by its body."""
        if self.event_id is not None:
            return self.event_id == event_id
        return re.search(rb"(?<![0-9])%s(?![0-9])" % re.escape(event_id.encode()), self.body) is not None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a channel has said to a far side so far: over how many *connections*, and how many *bytes* in all."""

    connections: int
    bytes: int


class FarSide:
    """A target whose behaviour a check sets. *url* is a subscription's ``target_url``.

    *target* is there instead where the channel declares its targets: the members of one. *dials* is then the host and port
    that it names, where a customer may name one: what the channel dials for it must be judged by the deployment's policy.
    *impossible* are targets, as ``target_url`` or its members are given, that the channel must refuse.
    """

    url: str = ""
    target: Mapping[str, Json] | None = None
    dials: tuple[str, int] | None = None
    impossible: Sequence[str | Mapping[str, Json]] = ()

    @property
    def destination(self) -> dict[str, Json]:
        """What a request for a subscription says of it."""
        return {"target_url": self.url} if self.target is None else {"target": dict(self.target)}

    async def arrivals(self, count: int) -> Sequence[Arrival]:
        """Give everything that has arrived, as soon as that is *count* or more.

        Raises:
            TimeoutError: it was not, within ``LONGEST_WAIT_SECONDS`` or what the far side finds long.
        """
        raise NotImplementedError

    def is_own(self, detail: str) -> bool:  # noqa: ARG002 - what a far side that dials overrides
        """Tell whether a side effect, by its *detail*, is the far side's own and not the channel's."""
        return False

    async def reached(self) -> None:
        """Return as soon as something has reached it, which may be less than an arrival. Raises TimeoutError."""
        await self.arrivals(1)

    async def accept(self) -> bool:
        """Take what comes from now on. This is how it starts."""
        return False

    async def refuse_for_now(self) -> bool:
        """Refuse what comes from now on, in such a way that it should be tried again."""
        return False

    async def refuse_for_good(self) -> bool:
        """Refuse what comes from now on, in such a way that trying again is of no use."""
        return False

    async def be_gone(self) -> bool:
        """Answer from now on that the target is gone for good."""
        return False

    async def hang(self) -> bool:
        """Take what comes from now on without ever answering."""
        return False

    async def reset(self) -> bool:
        """Break the connection on what comes from now on."""
        return False

    async def fall_silent(self, after_bytes: int) -> bool:  # noqa: ARG002 - what a far side behind a relay overrides
        """Answer until *after_bytes* more have come, and take the rest without answering: an event whose answer is lost."""
        return False

    async def refuse_event(self, event_id: str) -> bool:  # noqa: ARG002 - what a far side that can overrides
        """Refuse one event from now on, for now or for good, and take all others."""
        return False

    def traffic(self) -> Traffic | None:
        """Tell what the channel has said to it so far, refused or not; None where that cannot be seen."""
        return None

    async def of_company(self, company_id: int) -> "FarSide | None":  # noqa: ARG002 - what a far side of a broker overrides
        """Give the same target as it is seen for the events of *company_id* alone; None where the transport tells none apart.

        It is for brokers that the operator names, where the company is part of a subject, a queue's name or a key.
        """
        return None

    async def another(self) -> "FarSide | None":
        """Give a second target of the same kind at another URL, which has its own arrivals; None where there is none."""
        return None


class HttpFarSide(FarSide):
    """A path of its own at a ``Receiver``.

    *accepting* is how an event is taken; *rejects* and *gone* are the statuses that mean "never" and "nobody here".
    An arrival is waited for *patience_seconds*. Where the channel declares that its targets are URLs (``target=Url``) the suite
    lets it be named so.
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
        """Host and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)

    def be_declared(self) -> None:
        """Be named by the members of a ``Url`` from now on."""
        self.target = {"url": self.url}

    def play(self, reply: Reply) -> None:
        """Answer every request from now on with *reply*, and break off those that hang."""
        self._let_go.set()
        self.receiver.always(reply, path=self.path)

    def requests(self) -> list[ReceivedRequest]:
        """Give the requests so far."""
        return [request for request in self.receiver.requests if request.path.partition("?")[0] == self.path]

    async def arrivals(self, count: int) -> Sequence[Arrival]:
        """Give the requests so far, answered or not, as soon as they are *count*."""
        async with asyncio.timeout(self._patience_seconds):
            while len(requests := self.requests()) < count:
                await self.receiver.wait_for(self.receiver.count + 1, timeout_seconds=LONGEST_WAIT_SECONDS)
        return [_arrival_of(request) for request in requests]

    async def accept(self) -> bool:
        """Answer as *accepting* says."""
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
        """Answer a request that brings the event with the first of *rejects*, or with 503."""
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
        """Read the request and say nothing."""
        self._let_go.set()
        let_go = self._let_go = asyncio.Event()

        async def hang(connection: Connection) -> None:
            await let_go.wait()
            connection.reset()

        self.receiver.always(hang, path=self.path)
        return True

    async def reset(self) -> bool:
        """Reset the connection when the request has come."""
        self.play(Reset())
        return True

    async def another(self) -> "HttpFarSide":
        """Give another path at the same receiver."""
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
    return Arrival(
        event_id=request.headers.get("webhook-id") or _id_in(request.body),
        body=request.body,
        headers=request.headers,
        at=request.received_at / 1e9,
    )


def _id_in(body: bytes) -> str | None:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    event_id = content.get("id") if isinstance(content, dict) else None
    return str(event_id) if isinstance(event_id, int | str) else None
