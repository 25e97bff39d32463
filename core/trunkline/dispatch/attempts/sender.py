"""Makes an attempt: hands a delivery to its channel."""

from collections.abc import Awaitable, Callable, Mapping

from trunkline.contract import Channel, Gap, Push, Target
from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.results import checked, unusable
from trunkline.dispatch.routing.table import Route
from trunkline.errors import BodyInvalid
from trunkline.model import cursors
from trunkline.model.deliveries import Outcome, Result
from trunkline.model.environments import company_number
from trunkline.model.subscriptions import LAPSED
from trunkline.outbound import ClientOf
from trunkline.runtime import faults
from trunkline.runtime.tracing import Attributes, SpanKind, Tracer
from trunkline.schemas.versions import SchemaVersions

_LAPSED = Result(Outcome.RETRY, error=LAPSED)
"""The result if a subscription has lapsed by this process's clock, but is not disabled yet.

The delivery ends once the database has disabled the subscription. If the subscription was renewed at the last moment, a retry
delivers.
"""


class Sender:
    """Hands deliveries to their channels, in the versions of the event types that each subscription reads.

    *aged_ms* maps the current time to the time with which expiry times are compared (``ClockGuard.aged_ms``).
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        http_for: ClientOf,
        *,
        schema_versions: SchemaVersions,
        now_ms: Callable[[], int],
        aged_ms: Callable[[int], int],
        tracer: Tracer | None = None,
    ) -> None:
        self.schema_versions = schema_versions
        self.now_ms = now_ms
        self._aged_ms = aged_ms
        self.tracer = tracer
        self.channels = channels
        self._http_for = http_for

    def lapsing_ms(self) -> int:
        """Return the time (Unix ms) for expiry checks: a subscription that expires by then has lapsed."""
        return self._aged_ms(self.now_ms())

    def pushing_channels(self) -> list[str]:
        """List the channels that push."""
        return [channel.name for channel in self.channels.values() if channel.deliver]

    def _target(self, route: Route, now_ms: int) -> Target | Result:
        """Return the target of *route*, or the result of the attempt if there is none to call."""
        subscription = route.subscription
        if subscription.expires_ms is not None and subscription.lapses_by(self._aged_ms(now_ms)):
            return _LAPSED
        try:
            return route.target(now_ms)
        except BodyInvalid as error:
            return unusable(error)

    def attempt(self, job: Job, now_ms: int) -> Awaitable[Result]:
        """Make one attempt at *job*. Returns a result that fits the ledger, and raises any exception of the channel."""
        traceparent = job.event.traceparent
        if self.tracer is None or traceparent is None:
            return self._attempt(job, now_ms, traceparent)
        return self._attempt_traced(job, now_ms, self.tracer, traceparent)

    async def _attempt_traced(self, job: Job, now_ms: int, tracer: Tracer, traceparent: str) -> Result:
        subscription = job.route.subscription
        attributes: Attributes = {
            "trunkline.event_id": job.event.position,
            "trunkline.event_type": job.event.type,
            "trunkline.company_id": company_number(job.event.company_id),
            "trunkline.subscription_id": subscription.id,
            "trunkline.channel": subscription.channel,
            "trunkline.attempt": job.attempt,
        }
        with tracer.span("attempt", SpanKind.CLIENT, parent=traceparent, attributes=attributes) as span:
            result = await self._attempt(job, now_ms, span.traceparent)
            span.set({"trunkline.outcome": result.outcome, "http.response.status_code": result.status_code})
            if result.outcome is not Outcome.DELIVERED:
                reason, *_ = (result.error or f"status {result.status_code}").split(":")
                span.fail(reason)
        return result

    async def _attempt(self, job: Job, now_ms: int, traceparent: str | None) -> Result:
        event, route = job.event, job.route
        assert route.deliver is not None
        target = self._target(route, now_ms)
        if isinstance(target, Result):
            return target
        faults.point("deliver.before_attempt")
        result = await route.deliver(
            Push(
                event_id=str(event.position),
                event_type=event.type,
                delivery_id=f"dlv_{event.position}_{route.subscription.no}",
                attempt=job.attempt,
                timestamp=now_ms // 1000,
                body=self.schema_versions.body(event, job.route.pins if job.pins is None else job.pins),
                target=target,
                cursor=cursors.encode(event.position),
                traceparent=traceparent,
            ),
            self._http_for(event.company_id, route.subscription.timeout_seconds),
        )
        faults.point("deliver.after_attempt")
        return checked(result)

    async def tell_gap(self, route: Route, now_ms: int) -> Result:
        """Report the gap of *route* once, through a channel that has ``tell_gap``. Raises any exception of the channel."""
        subscription = route.subscription
        assert route.tell_gap is not None
        assert subscription.gap_position is not None
        target = self._target(route, now_ms)
        if isinstance(target, Result):
            return target
        gap = Gap(
            gap_id=f"gap_{subscription.gap_position}_{subscription.no}",
            cursor=cursors.encode(subscription.gap_position),
            timestamp=now_ms // 1000,
            target=target,
        )
        http = self._http_for(subscription.company_id, subscription.timeout_seconds)
        return checked(await route.tell_gap(gap, http))
