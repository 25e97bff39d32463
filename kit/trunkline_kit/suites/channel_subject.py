"""The base of the channel suite: the author's facts, and the fixtures that start a hub with the channel."""

import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import msgspec
import pytest
import pytest_asyncio

from trunkline.contract.targets import SecretUrl, Url
from trunkline.schemas.catalog import Json
from trunkline.targets.signatures import SCHEMES
from trunkline_kit.checks import ATTRIBUTE, Kind, demand, not_applicable
from trunkline_kit.databases import Engine
from trunkline_kit.far_sides import FarSide, HttpFarSide
from trunkline_kit.hubs import MakeTestHub, TestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.receiver import Receiver
from trunkline_kit.sources import PluginSource
from trunkline_kit.suites.channel_trial import (
    COMPANY_ID,
    PATIENCE_SECONDS,
    SETTINGS,
    ChannelTrial,
    Subscribed,
)
from trunkline_kit.suites.suite import Suite


class _Page(msgspec.Struct):
    """A page of ``GET /api/v1/events``. The envelopes are kept as the bytes that were received."""

    events: list[msgspec.Raw]
    next_cursor: str


class ChannelSubject(Suite):
    """The channel under test, as its author describes it.

    *channel* is the channel's name. *rejects* and *gone* are the HTTP statuses that mean "never" and "target gone".
    *signs* is true if requests are signed by Standard Webhooks (None if the checks must find out from a request),
    *signs_by* lists the schemes that subscriptions may choose. *rewrites* is true if the body is not the event's
    envelope; *content_type* is the type of the body. *answers_each* is true if the target answers each event of a batch
    separately.

    *encrypts_by* are settings; each of them makes the plugin encrypt the data that it sends to the far side.
    *changing_headers* names, in lower case, the headers that differ on each attempt, in addition to the hub's.

    *own_addresses* are hosts and ports from the operator's settings that the plugin dials itself; a fixture may set
    them. *subscribe_path* is the plugin's route for subscribing, below ``/api/v1``; if it is None, the suite looks for
    a route whose body has ``target_url``. *patience_seconds* is the time limit of a check for an expected event.
    """

    channel: ClassVar[str] = ""
    rejects: ClassVar[Collection[int]] = ()
    gone: ClassVar[Collection[int]] = (410,)
    signs: ClassVar[bool | None] = None
    signs_by: ClassVar[Collection[str]] = SCHEMES
    rewrites: ClassVar[bool] = False
    answers_each: ClassVar[bool] = False
    content_type: ClassVar[str | None] = "application/json"
    own_addresses: Sequence[tuple[str, int]] = ()
    encrypts_by: ClassVar[Sequence[Mapping[str, str]]] = ()
    changing_headers: ClassVar[Collection[str]] = ()
    subscribe_path: ClassVar[str | None] = None
    patience_seconds: ClassVar[float] = PATIENCE_SECONDS

    @pytest.fixture(autouse=True)
    def _skip_before_the_far_side_starts(
        self, trunkline_plugin: InspectedPlugin, request: pytest.FixtureRequest
    ) -> None:
        """Skip a check if an earlier check found that checks of this kind do not apply to the channel."""
        if reason := trunkline_plugin.memo.get(f"only {_only(request)}"):
            not_applicable(reason)

    @pytest_asyncio.fixture
    async def far_side(self, trunkline_receiver: Receiver) -> AsyncIterator[FarSide]:
        """Provide the target of the channel's events: a path of a scripted HTTP receiver. Override it for another transport."""
        yield HttpFarSide(
            trunkline_receiver,
            rejects=tuple(self.rejects),
            gone=tuple(self.gone),
            patience_seconds=self.patience_seconds,
        )

    async def subscribe(
        self, hub: TestHub, far_side: FarSide, *, company_id: int = COMPANY_ID, **more: Json
    ) -> Subscribed:
        """Make a subscription to *far_side*. Override it if the channel needs more."""
        request = {**far_side.destination, "event_types": ["*"], **more}
        return await hub.hub.subscriptions.create(company_id, request, channel=self.channel)

    def read_body(self, body: bytes) -> str | None:  # noqa: ARG002 - what the suite of a channel that rewrites overrides
        """Return the readable text of *body*, in which checks look for the fields of events; None skips those checks.

        Override it for a channel that rewrites.
        """
        return None

    def subscribe_request(self, far_side: FarSide) -> Mapping[str, Json]:
        """Return the body of a customer's request to subscribe.

        It is for the channel's own route, or for the hub's route if targets are declared.
        """
        channel = {} if far_side.target is None else {"channel": self.channel}
        return {**channel, **far_side.destination, "event_types": ["*"]}

    async def pull(self, hub: TestHub) -> Sequence[bytes]:
        """Read all events of company 92 as a customer of a pulled channel. Override it if the channel's customers do not poll."""
        bodies: list[bytes] = []
        cursor = ""
        while True:
            answer = await hub.client.get("/api/v1/events", params={"cursor": cursor, "limit": 3})
            demand(
                answer.status_code == 200,
                f"the channel '{self.channel}' is pulled, but GET /api/v1/events answers {answer.status_code}; give the "
                "suite a 'pull' that reads its events",
            )
            page = msgspec.json.decode(answer.content, type=_Page)
            if not page.events:
                return bodies
            bodies += map(bytes, page.events)
            cursor = page.next_cursor
            demand(
                len(bodies) < 10_000,
                f"the channel '{self.channel}' never comes to the end of its events; next_cursor should go on",
            )

    @pytest_asyncio.fixture
    async def open_trial(
        self,
        trunkline_hub: MakeTestHub,
        far_side: FarSide,
        trunkline_plugin: InspectedPlugin,
        request: pytest.FixtureRequest,
    ) -> "AsyncIterator[OpenTrial]":
        """Start hubs in which the channel is tried."""
        yield OpenTrial(self, trunkline_hub, far_side, trunkline_plugin.memo, _only(request))

    @pytest.fixture
    def free_port(self) -> int:
        """Return an unused port of this machine."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class OpenTrial:
    """``trial = await open_trial()``: a hub with the channel, and a far side for its events."""

    subject: ChannelSubject
    make_hub: MakeTestHub
    far_side: FarSide
    memo: dict[str, Any]
    """Results that several checks of the suite use."""
    only: Kind
    """The kind of channels to which the check applies."""

    async def __call__(
        self,
        *,
        beside: Sequence[PluginSource] = (),
        settings: Mapping[str, str] | None = None,
        database: Engine = "sqlite",
        url: str | None = None,
        dispatch: bool = True,
        pulled: bool = False,
    ) -> ChannelTrial:
        """Start a hub with the plugin and the plugins in *beside*.

        With *url*, the hub uses the database of an earlier hub. With *pulled*, the check also applies to a pulled
        channel.
        """
        if self.only == "http" and not isinstance(self.far_side, HttpFarSide):
            self._skip(f"the channel '{self.subject.channel}' does not post to a URL")
        hub = await self.subject.start(
            self.make_hub,
            beside=beside,
            settings={**SETTINGS, **(settings or {})},
            database=database,
            url=url,
            dispatch=dispatch,
        )
        subject, channels = self.subject, hub.hub.channels()
        names = ", ".join(channels) or "none"
        demand(
            subject.channel in channels,
            f"the plugin '{subject.name}' registers no channel '{subject.channel}' (there is {names}); register_channels should give it",
        )
        channel = channels[subject.channel]
        if channel.deliver is None and not pulled:
            not_applicable(f"the channel '{channel.name}' is pulled, not pushed")
        if self.only == "batches" and (channel.deliver_batch is None or channel.batch.most == 1):
            self._skip(f"the channel '{channel.name}' takes one delivery at a time")
        if channel.target in {Url, SecretUrl} and isinstance(self.far_side, HttpFarSide):
            self.far_side.be_declared()
        return ChannelTrial(hub, channel, self.far_side, subject.subscribe, subject.patience_seconds)

    def _skip(self, reason: str) -> NoReturn:
        self.memo[f"only {self.only}"] = reason
        not_applicable(reason)


def _only(request: pytest.FixtureRequest) -> Kind:
    """Return the kind of channels to which the requesting check applies."""
    return getattr(request.function, ATTRIBUTE).only if hasattr(request.function, ATTRIBUTE) else ""
