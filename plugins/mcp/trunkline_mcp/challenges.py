"""The challenge that a callback URL must answer before its first event, to prove that the subscriber controls the URL."""

import asyncio
import hmac
import secrets
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from trunkline import FieldError, Outcome, PluginContext, Push, Refused, Result, Target, post_by_http
from trunkline_mcp import signing
from trunkline_mcp.event_errors import EventErrors, invalid, reason_of

LIMIT_SECONDS = 10.0
NONCE_BYTES = 24
IN_FLIGHT_PER_HOST = 8
FAILED_PER_HOST = 10
"""Limit of failed challenges to one host in a minute, from all callers together."""
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Callback:
    """The target of a challenge, the caller for whom it is sent, and the secret that signs the challenge."""

    company_id: int
    holder: str
    url: str
    subscription_id: str
    secret: str = field(repr=False)


class Challenges:
    """Sends challenges. Each holder may have *per_minute* challenges in a minute, and each host ``FAILED_PER_HOST`` failed ones."""

    def __init__(self, context: PluginContext, errors: EventErrors, *, per_minute: int) -> None:
        self._context = context
        self._errors = errors
        self._per_minute = per_minute
        self._in_flight: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._minute = 0

    async def send(self, callback: Callback) -> None:
        """Send a challenge and check the answer. Raises MCPError."""
        holder = f"{callback.company_id}:{callback.holder}"
        try:
            await self._context.limits.count(holder, "mcp-challenge", per_minute=self._per_minute)
        except Refused as error:
            raise self._errors.exhausted("challenges", error) from None
        host = (urlsplit(callback.url).hostname or "").lower()
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
            await self._exchange(callback, host)
        finally:
            self._in_flight -= Counter([host])

    async def _exchange(self, callback: Callback, host: str) -> None:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                result = await self._post(callback, nonce)
        except TimeoutError:
            result = Result(Outcome.RETRY, error="timeout")
        if 200 <= (result.status_code or 0) <= 299 and _answers(result, nonce):
            return
        self._failed[host] += 1
        if result.error == "address_refused":
            raise invalid([FieldError("/delivery/url", "leads where this hub does not send")])
        raise self._errors.callback(reason_of(status=result.status_code, error=result.error))

    async def _post(self, callback: Callback, nonce: str) -> Result:
        body = orjson.dumps({"type": "verification", "challenge": nonce})
        timestamp = self._context.clock.now_ms() // 1000
        message_id = f"msg_verification_{secrets.token_hex(12)}"
        target = Target(callback.subscription_id, callback.company_id, callback.url)
        push = Push(message_id, "verification", message_id, 1, timestamp, body, target)
        headers = signing.headers(
            (callback.secret,),
            message_id=message_id,
            timestamp=timestamp,
            body=body,
            subscription_id=callback.subscription_id,
        )
        http = self._context.http_for(callback.company_id)
        return await post_by_http(push, http, url=callback.url, body=body, headers=headers)


def _answers(result: Result, nonce: str) -> bool:
    """Return True if the target answered the challenge; an echo of the request, which has ``type``, does not count."""
    try:
        answer = orjson.loads(result.response_body or "")
    except ValueError:
        return False
    found = answer.get("challenge") if isinstance(answer, dict) and "type" not in answer else None
    return isinstance(found, str) and hmac.compare_digest(found.encode("utf-8", "replace"), nonce.encode())
