"""The HTTP push of webhook-like channels: sign, post, and read the answer.

This module uses the network only through the given client. ``deliveries.next_state`` derives the delivery's next state
from the result.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from trunkline import outbound
from trunkline.contract import HttpClient, Push
from trunkline.contract.targets import MASK, SecretUrl
from trunkline.errors import AddressRefused
from trunkline.model.deliveries import MAX_RETRY_AFTER_SECONDS, Outcome, Result
from trunkline.model.environments import TEST, is_test
from trunkline.model.trace_context import TRACEPARENT
from trunkline.targets import signatures

KEPT_BODY_BYTES = 1024
"""The number of bytes of an answer that the delivery log keeps."""

_SHORTEST_SECRET = 4
_SECONDS = re.compile(r"[0-9]+")


async def deliver(push: Push, http: HttpClient) -> Result:
    """Make one attempt: send the event in a signed ``POST``, and derive the result from the answer as ``post`` does."""
    target, config = push.target, push.target.config
    url = config.url.get_secret_value() if isinstance(config, SecretUrl) else target.url
    signed = signatures.headers(
        target.signature,
        secrets=target.secrets,
        event_id=push.event_id,
        timestamp=push.timestamp,
        body=push.body,
    )
    headers = {
        **target.headers,
        **signed,
        "content-type": "application/json",
        signatures.EVENT_TYPE_HEADER: push.event_type,
        signatures.DELIVERY_ID_HEADER: push.delivery_id,
        signatures.ATTEMPT_HEADER: str(push.attempt),
    }
    if is_test(target.company_id):
        headers[signatures.ENVIRONMENT_HEADER] = TEST
    if push.cursor is not None:
        headers[signatures.CURSOR_HEADER] = push.cursor
    if push.traceparent is not None:
        headers[TRACEPARENT] = push.traceparent
    return await post(push, http, url=url, body=push.body, headers=headers)


async def post(push: Push, http: HttpClient, *, url: str, body: bytes, headers: Mapping[str, str]) -> Result:
    """Make one attempt with the channel's own *body* and *headers*.

    2xx is delivered, 410 is gone; any other status is retried, after ``Retry-After`` at the earliest.
    Every answer, a refused address and a broken connection are results. Other errors are raised.
    """
    try:
        response = await http.post(url, body=body, headers=headers)
    except (AddressRefused, OSError) as error:  # TimeoutError is an OSError
        name, sent_twice = outbound.error_of(error), outbound.was_sent_twice(error)
        return Result(Outcome.RETRY, error=name, sent_twice=sent_twice)
    answer, secrets = response.body, [*push.target.secrets, *push.target.headers.values()]
    if isinstance(push.target.config, SecretUrl) and len(path := urlsplit(url).path) > 1:
        # An error page may repeat the path of the request.
        answer = answer.replace(path.encode(), f"/{MASK}".encode())
        secrets.append(path)
    result = result_of(response.status, headers=response.headers, body=answer, timestamp=push.timestamp)
    if result.outcome is not Outcome.DELIVERED:
        shown = dict(response.headers)
        long = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        for secret in sorted(long, key=len, reverse=True):  # a target may repeat secrets that it received
            shown = {name: value.replace(secret, MASK) for name, value in shown.items()}
        result = replace(result, response_headers=shown)
    return replace(result, sent_twice=True) if response.sent_twice else result


def result_of(status: int, *, headers: Mapping[str, str], body: bytes, timestamp: int) -> Result:
    """Convert an answer to a result. *headers* are in lower case; *timestamp* is the Unix second at which the attempt began."""
    outcome = Outcome.GONE if status == 410 else Outcome.RETRY
    if 200 <= status <= 299:
        outcome = Outcome.DELIVERED
    wait = _retry_after_seconds(headers, timestamp) if outcome is Outcome.RETRY else None
    text = body[:KEPT_BODY_BYTES].decode("utf-8", "replace").replace("\0", "")
    return Result(outcome, status_code=status, response_body=text, retry_after_seconds=wait)


def _retry_after_seconds(headers: Mapping[str, str], timestamp: int) -> float | None:
    """Read ``Retry-After`` (RFC 9110 §10.2.3): seconds, or a date relative to the target's ``Date`` header if there is one."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)  # a very long number is infinite
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("date", ""))
    return max(until - (timestamp if now is None else now), 0.0)


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
