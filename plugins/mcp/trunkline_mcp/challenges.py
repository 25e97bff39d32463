"""The challenge that a callback URL must answer before its first event, to prove that the subscriber controls the URL."""

import asyncio
import hmac
import secrets
from collections import Counter
from urllib.parse import urlsplit

import orjson

from trunkline import FieldError, Outcome, PluginContext, Push, Refused, Result, Target
from trunkline_mcp import signing
from trunkline_mcp.event_errors import EventErrors, invalid, reason_of

LIMIT_SECONDS = 10.0
NONCE_BYTES = 24
IN_FLIGHT_PER_HOST = 8
FAILED_PER_HOST = 10
"""Limit of failed challenges to one host in a minute, from all callers together."""
_MINUTE_MS = 60_000


class Challenges:
    """Sends challenges. Each holder may have *per_minute* challenges in a minute, and each host ``FAILED_PER_HOST`` failed ones."""

    def __init__(self, context: PluginContext, errors: EventErrors, *, per_minute: int) -> None:
        self._context = context
        self._errors = errors
        self._per_minute = per_minute
        self._in_flight: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._minute = 0

    async def send(self, target: Target, *, holder: str) -> None:
        """Send a challenge to *target* on behalf of *holder*, and check the answer. Raises MCPError."""
        sender = f"{target.company_id}:{holder}"
        try:
            await self._context.limits.count(sender, "mcp-challenge", per_minute=self._per_minute)
        except Refused as error:
            raise self._errors.exhausted("challenges", error) from None
        host = (urlsplit(target.url).hostname or "").lower()
        now_ms = self._context.clock.now_ms()
        if now_ms // _MINUTE_MS != self._minute:
            self._minute = now_ms // _MINUTE_MS
            self._failed.clear()
        if self._failed[host] >= FAILED_PER_HOST:
            sentence = "Too many challenges to the host of this callback URL have failed; try again later."
            wait = _MINUTE_MS - now_ms % _MINUTE_MS
            raise self._errors.too_many("challenges", sentence, most=FAILED_PER_HOST, retry_after_ms=wait)
        if self._in_flight[host] >= IN_FLIGHT_PER_HOST:
            sentence = "Too many challenges to the host of this callback URL are under way; try again soon."
            raise self._errors.too_many("challenges", sentence, most=IN_FLIGHT_PER_HOST, retry_after_ms=1000)
        self._in_flight[host] += 1
        try:
            await self._exchange(target, host)
        finally:
            self._in_flight -= Counter([host])

    async def _exchange(self, target: Target, host: str) -> None:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                result = await self._post(target, nonce)
        except TimeoutError:
            result = Result(Outcome.RETRY, error="timeout")
        if 200 <= (result.status_code or 0) <= 299 and _answers(result, nonce):
            return
        self._failed[host] += 1
        if result.error == "address_refused":
            raise invalid([FieldError("/delivery/url", "leads where this hub does not send")])
        raise self._errors.callback(reason_of(status=result.status_code, error=result.error))

    async def _post(self, target: Target, nonce: str) -> Result:
        body = orjson.dumps({"type": "verification", "challenge": nonce})
        timestamp = self._context.clock.now_ms() // 1000
        message_id = f"msg_verification_{secrets.token_hex(12)}"
        push = Push(message_id, "verification", message_id, 1, timestamp, body, target)
        http = self._context.http_for(target.company_id)
        return await signing.post(push, http, body=body, message_id=message_id)


def _answers(result: Result, nonce: str) -> bool:
    """Return True if the target answered the challenge; an echo of the request, which has ``type``, does not count."""
    try:
        answer = orjson.loads(result.response_body or "")
    except ValueError:
        return False
    found = answer.get("challenge") if isinstance(answer, dict) and "type" not in answer else None
    return isinstance(found, str) and hmac.compare_digest(found.encode("utf-8", "replace"), nonce.encode())
