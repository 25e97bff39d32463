"""Tests of subscriptions: one attempt with an example event, without a log entry or retries."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct, field

from trunkline.contract import Push
from trunkline.dispatch.attempts.results import GRACE_SECONDS, checked, unusable
from trunkline.dispatch.routing.table import target_of
from trunkline.errors import BodyInvalid, Conflict
from trunkline.model.deliveries import Outcome, Result
from trunkline.model.event_groups import types_among
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


class Trials(Struct, eq=False):
    """Sends example events to the targets of subscriptions."""

    finder: SubscriptionFinder
    checker: Checker
    http_for: ClientOf
    timeout_seconds: float
    reference_of: Callable[[int], Awaitable[str | None]]
    turns: Turns = field(default_factory=lambda: Turns(share=AT_ONCE, total=AT_ONCE_IN_ALL))

    async def test(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        """Make one attempt with an example, after the channel's own test, if any, and show the outcome.

        The attempt fails if the channel raises, errs or exceeds the time limit. Raises NotFound, Conflict, TooMuchAtOnce.
        """
        things = "tests of subscriptions"
        async with self.turns.turn(company_id, wait_seconds=WAIT_SECONDS, things=things):
            return await self._test(company_id, subscription_id, channel=channel)

    async def _test(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        subscription = await self.finder.find(company_id, subscription_id, channel=channel)
        require_readable(subscription)
        registered = self.checker.channel(subscription.channel)
        if registered is None or registered.deliver is None:
            msg = f"The channel '{subscription.channel}' of this subscription does not run here, so that nothing can be sent."
            raise Conflict(msg)
        catalog = self.checker.catalog
        known = types_among(subscription.event_types, catalog.all_names()) or catalog.names()
        name = known[0]
        version = self.checker.shown_versions([name], subscription.pins).get(name)
        draft = catalog.example_draft(company_id, name, source="test", version=version)
        timeout = timeout_of(subscription)
        body = draft.envelope(catalog.all_names().index(name) + 1, await self.reference_of(company_id))
        now = now_ms()
        began = time.monotonic()
        limit = asyncio.timeout((timeout or self.timeout_seconds) + GRACE_SECONDS)
        try:
            async with limit:
                target = target_of(subscription, now, channel=registered)
                test = registered.check_connection
                fault: object = None if test is None else await test(target)  # a plugin may return anything
                if fault is not None:
                    result = checked(Result(Outcome.RETRY, error=str(fault)))
                else:
                    token = secrets.token_hex(8)
                    push = Push(
                        event_id=f"test_{token}",
                        event_type=name,
                        delivery_id=f"dlv_test_{token}",
                        attempt=1,
                        timestamp=now // 1000,
                        body=body,
                        target=target,
                    )
                    result = checked(await registered.deliver(push, self.http_for(company_id, timeout)))
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
