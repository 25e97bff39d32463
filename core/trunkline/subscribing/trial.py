"""Tests of subscriptions: one attempt with an example event, without a log entry or retries."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from trunkline.contract import Channel, HttpClient, Push
from trunkline.dispatch.attempts.results import GRACE_SECONDS, checked, unusable
from trunkline.dispatch.routing.table import target_of
from trunkline.errors import BodyInvalid, Conflict
from trunkline.model.deliveries import Outcome, Result
from trunkline.model.event_groups import types_among
from trunkline.model.subscriptions import Subscription
from trunkline.model.treatments import timeout_of
from trunkline.outbound import ClientOf
from trunkline.runtime.clock import now_ms
from trunkline.runtime.turns import Turns
from trunkline.subscribing.checks import require_readable
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.requests import Checker

AT_ONCE = 8
"""The number of simultaneous tests of a company in one process. A test may take as long as an attempt."""
AT_ONCE_IN_ALL = 64
"""The number of simultaneous tests of all companies in one process."""
WAIT_SECONDS = 5.0


class Trials:
    """Sends example events to the targets of subscriptions."""

    def __init__(
        self,
        *,
        finder: SubscriptionFinder,
        checker: Checker,
        http_for: ClientOf,
        timeout_seconds: float,
        reference_of: Callable[[int], Awaitable[str | None]],
    ) -> None:
        self._finder = finder
        self._checker = checker
        self._http_for = http_for
        self._timeout_seconds = timeout_seconds
        self._reference_of = reference_of
        self._turns = Turns(share=AT_ONCE, total=AT_ONCE_IN_ALL)

    async def test(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        """Make one attempt with an example, after the channel's own test, if any. Raises NotFound, Conflict, TooMuchAtOnce."""
        things = "tests of subscriptions"
        async with self._turns.turn(company_id, wait_seconds=WAIT_SECONDS, things=things):
            return await self._test(company_id, subscription_id, channel=channel)

    async def _test(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        subscription = await self._finder.find(company_id, subscription_id, channel=channel)
        require_readable(subscription)
        registered = self._checker.channel(subscription.channel)
        if registered is None or registered.deliver is None:
            msg = f"The channel '{subscription.channel}' of this subscription does not run here, so that nothing can be sent."
            raise Conflict(msg)
        catalog = self._checker.catalog
        known = types_among(subscription.event_types, catalog.all_names()) or catalog.names()
        name = known[0]
        version = self._checker.shown_versions([name], subscription.pins).get(name)
        draft = catalog.example_draft(company_id, name, source="test", version=version)
        timeout = timeout_of(subscription)
        return await attempt(
            subscription,
            event_type=name,
            body=draft.envelope(catalog.all_names().index(name) + 1, await self._reference_of(company_id)),
            channel=registered,
            http=self._http_for(subscription.company_id, timeout),
            limit_seconds=(timeout or self._timeout_seconds) + GRACE_SECONDS,
        )


async def attempt(
    subscription: Subscription,
    *,
    event_type: str,
    body: bytes,
    channel: Channel,
    http: HttpClient,
    limit_seconds: float,
) -> dict[str, Any]:
    """Send *body* to *subscription*, and show the outcome: a failure if the channel raises, errs or exceeds *limit_seconds*."""
    now = now_ms()
    began = time.monotonic()
    limit = asyncio.timeout(limit_seconds)
    try:
        async with limit:
            target = target_of(subscription, now, channel=channel)
            test = channel.check_connection
            fault: object = None if test is None else await test(target)  # a plugin may return anything
            if fault is not None:
                result = checked(Result(Outcome.RETRY, error=str(fault)))
            else:
                assert channel.deliver is not None
                token = secrets.token_hex(8)
                push = Push(
                    event_id=f"test_{token}",
                    event_type=event_type,
                    delivery_id=f"dlv_test_{token}",
                    attempt=1,
                    timestamp=now // 1000,
                    body=body,
                    target=target,
                )
                result = checked(await channel.deliver(push, http))
    except BodyInvalid as error:
        result = unusable(error)
    except Exception as error:  # noqa: BLE001 - a channel is a plugin: any error is a failed attempt
        reason = "timeout" if limit.expired() else f"channel_error: {type(error).__name__}"
        result = Result(Outcome.RETRY, error=reason)
    return {
        "outcome": result.outcome,
        "status_code": result.status_code,
        "duration_ms": round((time.monotonic() - began) * 1000),
        "response_body": result.response_body,
        "error": result.error,
        **({"sent_twice": True} if result.sent_twice else {}),
    }
