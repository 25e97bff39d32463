"""The channel ``mcp``: posts events to a callback URL as MCP Events defines, while the subscriber may read them."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import replace

import orjson

from trunkline import (
    Channel,
    HttpClient,
    NotFound,
    Outcome,
    PluginContext,
    Push,
    Result,
    Target,
)
from trunkline.routes import BreakerPolicy, Gap
from trunkline_mcp import occurrences, signing
from trunkline_mcp.event_codes import NUMBERS
from trunkline_mcp.settings import Settings

CHANNEL = "mcp"
MAX_BODY_BYTES = 262_144
SCOPES = ("events:read", "webhooks:write")
"""Scopes that a subscriber needs, both when subscribing and when an event is sent."""
NEVER = frozenset({410, 413})
"""Statuses with which a receiver rejects one event permanently; the subscription is not affected."""
TOO_LARGE = "payload_too_large"
REVOKED = "access_revoked"
_ENDED = Result(Outcome.RETRY, error="subscription_ended")
"""The result of a delivery whose subscription has ended, and of a report of a gap to a deleted subscription.

It is a retry, because a receiver with a cursor would skip events that are given up. The delivery ends with the subscription, or
is tried again if the subscription is being renewed.
"""


class Pusher:
    """Makes the channel's attempts."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings

    async def deliver(self, push: Push, http: HttpClient) -> Result:
        """Make one attempt. If the holder of the subscription has lost the right to events, end the subscription."""
        target = push.target
        if target.notes and not await asyncio.create_task(self._is_allowed(target)):
            await self._terminate(push, http)
            return Result(Outcome.GONE, error=REVOKED)
        body = await self._body(push)
        if body is None:
            return _ENDED
        if len(body) > MAX_BODY_BYTES:
            return Result(Outcome.REJECTED, error=TOO_LARGE)
        message_id = push.event_id if self._settings.webhook_id == "event" else push.delivery_id
        result = await signing.post(push, http, body=body, message_id=message_id)
        return replace(result, outcome=Outcome.REJECTED) if result.status_code in NEVER else result

    async def tell_gap(self, gap: Gap, http: HttpClient) -> Result:
        """Report to the receiver that events were left out, with a cursor before the first open delivery."""
        target, cursor = gap.target, None
        with suppress(NotFound):
            cursor = await self._context.deliveries.watermark(target.company_id, target.subscription_id)
        if cursor is None:
            return _ENDED
        body = orjson.dumps({"type": "gap", "cursor": cursor})
        message_id = f"msg_{gap.gap_id}"
        push = Push(message_id, "gap", message_id, 1, gap.timestamp, body, target)
        return await signing.post(push, http, body=body, message_id=message_id)

    async def _body(self, push: Push) -> bytes | None:
        """Write the event with its cursor; without a cursor if the subscription is deleted. None if the subscription ended."""
        target = push.target
        event_id = int(push.event_id) if push.event_id.isdecimal() else None
        try:
            cursor = await self._context.deliveries.watermark(
                target.company_id, target.subscription_id, event_id=event_id
            )
            if cursor is None:
                return None
        except NotFound:
            cursor = None
        envelope = occurrences.read(push.body)
        return occurrences.write(envelope, event_id=push.event_id, name=push.event_type, cursor=cursor)

    async def _is_allowed(self, target: Target) -> bool:
        """Check the holder's rights again. Call this in a separate task, so that its database reads count for one company."""
        key_id = str(target.notes.get("key_id", ""))
        principal = await self._context.keys.principal(key_id, company_id=target.company_id)
        if principal is None or (not principal.is_operator and principal.company_id != target.company_id):
            return False
        return all(principal.has(scope) for scope in SCOPES)

    async def _terminate(self, push: Push, http: HttpClient) -> None:
        """Report to the receiver once that the subscription has ended; the receiver's answer is ignored."""
        code = NUMBERS[self._settings.error_numbers]["Forbidden"]
        error = {"code": code, "message": "The access of whoever subscribed has ended.", "data": {}}
        body = orjson.dumps({"type": "terminated", "error": error})
        await signing.post(push, http, body=body, message_id=f"msg_terminated_{secrets.token_hex(12)}")


def make_channel(context: PluginContext) -> Channel:
    """Make the channel."""
    settings = context.settings
    assert isinstance(settings, Settings)
    pusher = Pusher(context)
    return Channel(
        CHANNEL,
        title="MCP Events",
        description="Posts each event to the callback URL with which an agent subscribed, signed with its secret.",
        deliver=pusher.deliver,
        tell_gap=pusher.tell_gap,
        breaker=BreakerPolicy(settings.suspend_after_failures, settings.suspend_after_seconds),
    )
