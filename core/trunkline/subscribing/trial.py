"""One attempt with an example event, for whoever sets a subscription up: neither logged nor tried again."""

import asyncio
import secrets
import time
from typing import Any

from trunkline.contract import Deliver, HttpClient, Push
from trunkline.dispatch.results import checked
from trunkline.dispatch.routing import target_of
from trunkline.model.deliveries import Outcome, Result
from trunkline.model.subscriptions import Subscription
from trunkline.runtime.clock import now_ms


async def attempt(
    subscription: Subscription,
    *,
    event_type: str,
    body: bytes,
    deliver: Deliver,
    http: HttpClient,
    limit_seconds: float,
) -> dict[str, Any]:
    """Send *body* to *subscription*, whatever its status, and show what came of it (CONTRACT §6).

    A channel that raises, gives nonsense, or takes longer than *limit_seconds*, has failed.
    """
    now = now_ms()
    token = secrets.token_hex(8)
    push = Push(
        event_id=f"test_{token}",
        event_type=event_type,
        delivery_id=f"dlv_test_{token}",
        attempt=1,
        timestamp=now // 1000,
        body=body,
        target=target_of(subscription, now),
    )
    began = time.monotonic()
    limit = asyncio.timeout(limit_seconds)
    try:
        async with limit:
            result = checked(await deliver(push, http))
    except Exception as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is a failed attempt
        reason = "timeout" if limit.expired() else f"channel_error: {type(error).__name__}"
        result = Result(Outcome.RETRY, error=reason)
    return {
        "outcome": result.outcome,
        "status_code": result.status_code,
        "duration_ms": round((time.monotonic() - began) * 1000),
        "response_body": result.response_body,
        "error": result.error,
    }
