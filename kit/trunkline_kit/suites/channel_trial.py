"""A running hub with the channel and a target, and functions that wait for a delivery's results."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel, SecretStr

from trunkline.contract import AcceptedEvent, Channel, EmittedEvent, HttpClient, Push, Target, targets
from trunkline.contract.channels import one_alone
from trunkline.dispatch.attempts.results import checked
from trunkline.hub.hub import Hub
from trunkline.model.deliveries import FINAL, Outcome, Result
from trunkline.schemas.catalog import EventType, Json
from trunkline_kit.checks import demand, fail, not_applicable, not_judged
from trunkline_kit.far_sides import Arrival, FarSide, HttpFarSide
from trunkline_kit.hubs import TestHub
from trunkline_kit.receiver import Reply

COMPANY_ID = 92
NEIGHBOUR_ID = 93
PATIENCE_SECONDS = 20.0
"""Time limit of a check for an expected event, long because test machines are often busy."""
SETTINGS: Mapping[str, str] = {
    "delivery.timeout_seconds": "5",
    "delivery.retry_jitter": "0",
    "delivery.retry_schedule_seconds": ",".join(["0.2"] * 100),
    "delivery.breaker_failures": "1000",
}
"""Settings of a hub for a channel's checks: failures are retried at once, and often."""

_NARROW = {"format", "enum", "const", "pattern", "maxLength", "minLength", "anyOf", "oneOf", "allOf"}
"""Keywords of a schema that restrict a text, so that the field does not take any text."""

Subscribed = Mapping[str, Json]


LARGE_BYTES = 65_536
"""Minimum size of an event that makes the transport's overhead negligible."""


@dataclass(frozen=True, slots=True)
class ChannelTrial:
    """One hub in which *channel* runs, with *far_side* for its events."""

    running: TestHub
    channel: Channel
    far_side: FarSide
    subscribe_to: Callable[..., Awaitable[Subscribed]]
    """The suite's ``subscribe``."""
    patience_seconds: float = PATIENCE_SECONDS
    raised: list[Exception] = field(default_factory=list[Exception])
    """The exceptions that attempts raised."""

    @property
    def hub(self) -> Hub:
        """The hub's services."""
        return self.running.hub

    @property
    def name(self) -> str:
        """The channel's name, for messages of failed checks."""
        return f"the channel '{self.channel.name}'"

    @property
    def http_side(self) -> HttpFarSide:
        """Return the far side if it is an HTTP target; otherwise the check does not apply."""
        if not isinstance(self.far_side, HttpFarSide):
            not_applicable(f"{self.name} does not post to a URL")
        return self.far_side

    def dialled_member(self, part: int) -> str | None:
        """Return the name of the target's member with the far side's host (*part* 0) or port (1).

        None if a target has no such member.
        """
        config, dials = self.push().target.config, self.far_side.dials
        if not isinstance(config, BaseModel) or dials is None:
            return None
        return next(
            (name for name in type(config).model_fields if getattr(config, name) == dials[part]), None
        )

    async def another_side(self) -> FarSide:
        """Return a second far side; if the suite's far side has none, the check is not judged."""
        side = await self.far_side.another()
        if side is None:
            not_judged(f"the far side of {self.name} gives no second target; override FarSide.another")
        return side

    async def can(self, behaviour: Awaitable[bool], what: str) -> None:
        """Set a behaviour of the far side; if the far side lacks the behaviour, the check does not apply."""
        if not await behaviour:
            not_applicable(f"the transport of {self.name} has no way to {what}")

    async def until(
        self, condition: Callable[[], Any], *, otherwise: str, seconds: float | None = None
    ) -> Any:
        """Wait until *condition*, which may be async, is true, and return its value.

        Fail with *otherwise* after *seconds* (by default ``patience_seconds``).
        """
        deadline = time.monotonic() + (seconds or self.patience_seconds)
        while True:
            value = condition()
            if isinstance(value, Awaitable):
                value = await value
            if value:
                return value
            demand(time.monotonic() < deadline, otherwise)
            await asyncio.sleep(0.02)

    # ---- one attempt, without the hub's dispatcher -------------------------------------------------------------------

    def push(self, *, side: FarSide | None = None, **changes: Any) -> Push[Any]:
        """Make the push for an attempt at *side* (None means the first far side), with *changes*.

        *changes* may name fields of the push's target too (``url``, ``config``, ``secrets``, ``headers``,
        ``signature``, ``company_id``, ``subscription_id``).
        """
        aimed_at = side or self.far_side
        kind = self.hub.catalog.types()[0]
        number = secrets.randbelow(10**9) + 10**9
        body = b'{"id":%d,"type":"%b","createdUtc":"2026-01-28T10:30:00Z","companyId":92,"payload":%b}' % (
            number, kind.name.encode(), orjson.dumps(kind.example),
        )  # fmt: skip
        target: dict[str, Any] = {
            "company_id": COMPANY_ID,
            "url": aimed_at.url,
            "subscription_id": "sub_conformance",
        }
        if self.channel.target is not None and self.channel.target is not targets.SecretUrl:
            target["config"] = targets.created(self.channel.target, aimed_at.target or {})
        for name in ("url", "config", "secrets", "headers", "signature", "company_id", "subscription_id"):
            if name in changes:
                target[name] = changes.pop(name)
        if self.channel.target is targets.Url:
            target["config"] = targets.Url(url=target["url"])
        elif self.channel.target is targets.SecretUrl:
            target["config"] = target.get("config") or targets.SecretUrl(url=SecretStr(target["url"]))
            target["url"] = targets.masked_url(target["url"])
        whole: dict[str, Any] = {
            "event_id": str(number),
            "event_type": kind.name,
            "delivery_id": f"dlv_{number}_1",
            "attempt": 1,
            "timestamp": int(time.time()),
            "body": body,
            "target": Target(**target),
        }
        return Push(**whole | changes)

    async def attempt(
        self, push: Push[Any] | None = None, *, http: HttpClient | None = None, seconds: float | None = None
    ) -> Result:
        """Make one attempt as the hub does: if the channel raises, the result is a retry.

        The check fails if the attempt takes longer than *seconds*.
        """
        deliver, longest = self.deliver, seconds or self.patience_seconds
        limit = asyncio.timeout(longest)
        try:
            async with limit:
                return checked(await deliver(push or self.push(), http or self.hub.http))
        except Exception as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is one failed attempt
            if limit.expired():
                fail(f"{self.name} did not end an attempt within {longest:g} s; it should give up in time")
            self.raised.append(error)
            return Result(Outcome.RETRY, error=f"channel_error: {type(error).__name__}")

    async def demand_retries(self, replies: Sequence[Reply], *, what: str) -> None:
        """Assert that an attempt answered by one of *replies* fails and is retried. The failure's message calls it *what*."""
        for reply in replies:
            self.http_side.play(reply)
            result = await self.attempt()
            demand(
                result.outcome is Outcome.RETRY,
                f"{self.name} took {what} for '{result.outcome}'; it should be 'retry'",
            )

    @property
    def deliver(self) -> Callable[[Push[Any], HttpClient], Awaitable[Result]]:
        """Return the function that delivers one event: the channel's ``deliver``, or a batch of one.

        If the channel is pulled, the check does not apply.
        """
        if self.channel.deliver_batch is not None:
            return one_alone(self.channel.deliver_batch)
        if self.channel.deliver is None:
            not_applicable(f"{self.name} is pulled, not pushed")
        return self.channel.deliver

    # ---- events in delivery -----------------------------------------------------------------------------------------

    async def subscribe(
        self, far_side: FarSide | None = None, *, company_id: int = COMPANY_ID, **more: Json
    ) -> Subscribed:
        """Subscribe *far_side* (None means the first far side)."""
        return await self.subscribe_to(self.running, far_side or self.far_side, company_id=company_id, **more)

    async def emit(
        self,
        type: str | None = None,
        *,
        fields: Mapping[str, Json] | None = None,
        payload_json: bytes = b"",
        company_id: int = COMPANY_ID,
    ) -> AcceptedEvent:
        """Put an event on the stream: the example of *type* (None means the first type), changed by *fields*."""
        kind = self.hub.catalog.get(type) if type else self.hub.catalog.types()[0]
        assert kind is not None
        payload = {**kind.example, **(fields or {})}
        event = EmittedEvent(
            company_id, kind.name, payload, payload_json=payload_json, metadata={"source": "conformance"}
        )
        return await self.hub.ingest.emit(event)

    async def emit_text(self, text: str) -> AcceptedEvent:
        """Put an event on the stream with *text* in a free text field."""
        place = self.find_field(_takes_any_text)
        if place is None:
            not_applicable("no event type of this hub has a field for any text")
        kind, name = place
        return await self.emit(kind.name, fields={name: text})

    async def emit_exact_number(self) -> AcceptedEvent:
        """Put an event on the stream with a number whose digits a plain encoder would change."""
        place = self.find_field(lambda schema: schema.get("type") == "number")
        if place is None:
            return await self.emit()
        kind, name = place
        marked = orjson.dumps({**kind.example, name: "@exact@"})
        return await self.emit(kind.name, payload_json=marked.replace(b'"@exact@"', b"99.00"))

    def text_field(self, event_type: str) -> str | None:
        """Return the name of a free text field of *event_type*; None if there is none."""
        kind = self.hub.catalog.get(event_type)
        properties: Mapping[str, Mapping[str, Json]] = kind.schema.get("properties", {}) if kind else {}
        return next((name for name, schema in properties.items() if _takes_any_text(schema)), None)

    def find_field(self, fits: Callable[[Mapping[str, Json]], bool]) -> tuple[EventType, str] | None:
        """Find an event type with a field whose schema *fits*."""
        for kind in self.hub.catalog.types():
            for name, schema in kind.schema.get("properties", {}).items():
                if fits(schema):
                    return kind, name
        return None

    async def detail(self, event: AcceptedEvent, subscription: Subscribed) -> dict[str, Json] | None:
        """Return the delivery log's entry for *event* and *subscription*; None if there is none."""
        for row in await self.hub.deliveries.of_event(event.company_id, event.event_id):
            if row["subscription_id"] == subscription["id"]:
                return await self.hub.deliveries.get(event.company_id, row["id"])
        return None

    async def is_delivered(self, event: AcceptedEvent, subscription: Subscribed) -> bool:
        """Return whether *event* has been delivered to *subscription*."""
        delivery = await self.detail(event, subscription)
        return delivery is not None and delivery["status"] == "delivered"

    async def set_status(self, subscription: Subscribed, status: str) -> None:
        """Pause or resume *subscription*."""
        await self.hub.subscriptions.update(COMPANY_ID, subscription["id"], {"status": status}, channel=None)

    async def until_ended(
        self, event: AcceptedEvent, subscription: Subscribed, status: str = "delivered"
    ) -> dict[str, Json]:
        """Wait until the delivery has ended with *status*; return its detail."""

        async def ended() -> dict[str, Json] | None:
            delivery = await self.detail(event, subscription)
            return delivery if delivery and delivery["status"] in FINAL else None

        late = f"{self.name} left an event undelivered for {self.patience_seconds:g} s; it should end it as {status}"
        delivery: dict[str, Json] = await self.until(ended, otherwise=late)
        last = delivery["attempts"][-1] if delivery["attempts"] else {}
        reason = last.get("error") or last.get("status_code") or "without a reason"
        demand(
            delivery["status"] == status,
            f"{self.name} ended a delivery as {delivery['status']} ({reason}); it should be {status}",
        )
        return delivery

    async def until_tried(self, event: AcceptedEvent, subscription: Subscribed) -> dict[str, Json]:
        """Wait until an attempt has ended; return the delivery's detail."""

        async def tried() -> dict[str, Json] | None:
            delivery = await self.detail(event, subscription)
            return delivery if delivery and delivery["attempts"] else None

        late = (
            f"{self.name} did not end 1 attempts within {self.patience_seconds:g} s; each should end in time"
        )
        delivery: dict[str, Json] = await self.until(tried, otherwise=late)
        return delivery

    async def arrivals(self, count: int, far_side: FarSide | None = None) -> Sequence[Arrival]:
        """Wait for *count* arrivals; the check fails without them."""
        side = far_side or self.far_side
        try:
            return await side.arrivals(count)
        except TimeoutError:
            count_so_far = len(await side.arrivals(0))
            fail(f"{self.name} brought {count_so_far} of {count} events to the target; each should arrive")

    async def delivered(
        self, emitting: Callable[[], Awaitable[AcceptedEvent]] | None = None
    ) -> tuple[AcceptedEvent, Subscribed, Arrival]:
        """Subscribe, emit one event (by *emitting*, if given), and wait for its delivery."""
        subscription = await self.subscribe()
        event = await (emitting or self.emit)()
        await self.until_ended(event, subscription)
        arrived = await self.arrivals(1)
        return event, subscription, arrived[0]


def _takes_any_text(schema: Mapping[str, Json]) -> bool:
    return schema.get("type") == "string" and not _NARROW & set(schema)
