"""``events/subscribe`` and ``events/unsubscribe``: subscriptions of the channel ``mcp``, which their clients renew.

Caller, URL, event type and arguments identify a subscription, so the same request again renews it.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import orjson
from mcp_types import RequestParams
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from trunkline import FieldError, Json, NotFound, PluginContext, Refused, Target
from trunkline.routes import Caller, Held, Terms
from trunkline_mcp import event_arguments
from trunkline_mcp.challenges import Challenges
from trunkline_mcp.channel import CHANNEL, SCOPES
from trunkline_mcp.delivery_status import status_of
from trunkline_mcp.event_errors import EventErrors, invalid
from trunkline_mcp.events import MAX_AGE_MS, Events
from trunkline_mcp.settings import Settings

VERIFIED_MS = 24 * 3600 * 1000
"""How long an answered challenge of a callback URL stays valid."""
SHORTEST_SECONDS, LONGEST_SECONDS = 300, 24 * 3600
"""Bounds of the granted lifetime."""
TIMEOUT_SECONDS = 10
_PLACES = {
    "/target_url": "/delivery/url",
    "/secret": "/delivery/secret",
    "/start": "/cursor",
    "/filter": "/arguments",
}
_MODE = "must be 'webhook' here; what events/stream and events/poll give needs no subscription"


class Delivery(BaseModel):
    """The target of events."""

    model_config = ConfigDict(strict=True)
    mode: str = "webhook"
    url: str = Field(max_length=2000)
    secret: str = Field(default="", max_length=200, repr=False)


class UnsubscribeParams(RequestParams):
    """The subscription to end."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)
    name: str
    arguments: dict[str, Any] | None = None
    delivery: Delivery


class SubscribeParams(UnsubscribeParams):
    """The event type, the target and the lifetime of a subscription."""

    cursor: str | None = Field(default=None, max_length=200)
    max_age_ms: int | None = Field(default=None, ge=0, le=MAX_AGE_MS)
    ttl_ms: int | float | None = None


class EventSubscriptions:
    """Makes, renews and ends the subscriptions of callers."""

    def __init__(self, context: PluginContext, events: Events, errors: EventErrors) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._events = events
        self._errors = errors
        self._challenges = Challenges(context, errors, per_minute=context.settings.challenges_per_minute)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def subscribe(self, caller: Caller, params: SubscribeParams) -> dict[str, Json]:
        """Make or renew a subscription. A new callback must answer a challenge first, without a lock held. Raises MCPError."""
        await self._admit(caller, "admin")
        request = self._read(caller, params)
        try:
            return await self._subscribe(caller, params, request)
        except Refused as error:
            if error.status in {409, 429}:
                limit = "subscriptions" if error.status == 409 else "calls"
                raise self._errors.exhausted(limit, error) from None
            faults = [FieldError(_place_of(fault.path), fault.message) for fault in error.errors]
            raise invalid(faults or [FieldError("/delivery", error.detail)]) from None

    async def unsubscribe(self, caller: Caller, params: UnsubscribeParams) -> dict[str, Json]:
        """End a subscription. Raises MCPError."""
        await self._admit(caller, "write")
        name = _id_of(caller, params)
        known = await self._held(caller, params.delivery.url)
        found = next((held for held in known if held.name == name and not held.has_lapsed), None)
        if found is None:
            if self._settings.unknown_subscription == "refuse":
                raise self._errors.unknown_subscription()
            return {}
        with suppress(NotFound):  # ended meanwhile
            await self._context.subscriptions.delete(
                caller.company_id, found.subscription_id, channel=CHANNEL
            )
        return {}

    async def _admit(self, caller: Caller, bucket: str) -> None:
        """Check the caller's scopes, and count the call against the limits of HTTP calls. Raises MCPError."""
        for scope in SCOPES:
            if not caller.principal.has(scope):
                raise self._errors.forbidden(scope)
        if not caller.principal.is_operator:
            try:
                await self._context.limits.count(caller.principal.key_id, bucket)
            except Refused as error:
                raise self._errors.exhausted("calls", error) from None

    def _read(self, caller: Caller, params: SubscribeParams) -> dict[str, Json]:
        """Check the parameters against the event type, and return the subscription to request. Raises MCPError."""
        event_type = self._events.find(caller, params.name)
        arguments = params.arguments or {}
        if params.delivery.mode != "webhook":
            raise self._errors.unsupported("deliveryMode", params.delivery.mode, f"'delivery.mode' {_MODE}.")
        if not params.delivery.secret:
            raise invalid([FieldError("/delivery/secret", "is required")])
        if "#" in params.delivery.url:
            raise invalid([FieldError("/delivery/url", "must not contain a fragment ('#')")])
        if faults := event_arguments.find_faults(event_type, arguments):
            raise invalid(faults)
        return {
            "target_url": params.delivery.url,
            "event_types": [event_type.name],
            "secret": params.delivery.secret,
            "filter": event_arguments.filter_of(arguments),
            "versions": {event_type.name: caller.versions.get(event_type.name, 1)},
            "start": params.cursor,
            "retry": {"schedule_seconds": list(self._settings.retry_schedule_seconds)},
            "timeout_seconds": TIMEOUT_SECONDS,
        }

    async def _subscribe(
        self, caller: Caller, params: SubscribeParams, request: dict[str, Json]
    ) -> dict[str, Json]:
        """Make or renew the subscription, holding the company's lock except while a callback is challenged."""
        company_id, holder, settings = caller.company_id, caller.principal.key_id, self._settings
        name, url, now_ms = _id_of(caller, params), params.delivery.url, self._context.clock.now_ms()
        async with self._turn(company_id):
            verified_ms = _verified_ms(await self._held(caller, url), holder, name, now_ms)
            terms = Terms(
                name,
                holder,
                lasts_seconds=_lasts(params, settings.subscription_seconds),
                notes={"key_id": holder, "verified_ms": verified_ms or now_ms},
                overlap_seconds=settings.secret_overlap_seconds,
                oldest_ms=None if params.max_age_ms is None else now_ms - params.max_age_ms,
                most_of_holder=settings.subscriptions_per_caller,
            )
            if verified_ms is None:
                await self._context.subscriptions.check(company_id, request, channel=CHANNEL, terms=terms)
        if verified_ms is None:
            target = Target(name, company_id, url, (params.delivery.secret,))
            await self._challenges.send(target, holder=holder)
        async with self._turn(company_id):
            renewed = await self._context.subscriptions.renew(
                company_id, request, channel=CHANNEL, terms=terms
            )
            cursor = None
            with suppress(
                NotFound
            ):  # it may have ended meanwhile; the client then resumes at the requested start
                cursor = await self._context.deliveries.watermark(company_id, str(renewed.view["id"]))
            answer: dict[str, Json] = {
                "id": name,
                "refreshBefore": renewed.view["expires_utc"],
                "cursor": cursor or params.cursor,
                "truncated": renewed.is_truncated,
            }
            if not renewed.is_new:
                answer["deliveryStatus"] = await status_of(
                    self._context, company_id, renewed.view, failed_since_ms=renewed.failed_since_ms
                )
            return answer

    def _turn(self, company_id: int) -> asyncio.Lock:
        """Return the lock for running a company's calls one at a time, because a call takes ten times as long as a poll."""
        return self._turns.setdefault(company_id, asyncio.Lock())

    async def _held(self, caller: Caller, url: str) -> Sequence[Held]:
        return await self._context.subscriptions.held(caller.company_id, channel=CHANNEL, target_url=url)


def _verified_ms(known: Sequence[Held], holder: str, name: str, now_ms: int) -> int | None:
    """Return the time of the last challenge that the URL answered for *holder*, if it is still valid.

    A challenge is valid for as long as its subscription is kept, and for a day for other subscriptions of the holder.
    """
    times = [0]
    for held in known:
        verified_ms = held.notes.get("verified_ms")
        if held.holder == holder and isinstance(verified_ms, int):
            if held.name == name and not held.has_lapsed:
                return verified_ms
            times.append(verified_ms)
    return max(times) if max(times) > now_ms - VERIFIED_MS else None


def _lasts(params: SubscribeParams, default_seconds: int) -> float | None:
    """Return the requested lifetime in seconds, within the bounds, or the default; None, if null was requested: no limit."""
    if "ttl_ms" not in params.model_fields_set:
        return default_seconds
    if params.ttl_ms is None:
        return None
    return min(max(params.ttl_ms / 1000, SHORTEST_SECONDS), LONGEST_SECONDS)


def _id_of(caller: Caller, params: UnsubscribeParams) -> str:
    url, arguments = params.delivery.url, params.arguments or {}
    key = [caller.company_id, caller.principal.key_id, url, params.name, arguments]
    return "sub_" + hashlib.sha256(orjson.dumps(key, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _place_of(path: str) -> str:
    for own, theirs in _PLACES.items():
        if path == own or path.startswith(f"{own}/"):
            return theirs
    return path
