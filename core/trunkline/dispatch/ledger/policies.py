"""When a failed delivery is tried again, and when a failing subscription is disabled."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from trunkline.contract import Channel
from trunkline.model.deliveries import BreakerPolicy, RetryPolicy
from trunkline.settings import Delivery


class FailingPolicy(Struct, frozen=True):
    """Defines when a subscription is failing, and which threshold is reached.

    Threshold 1 needs *failures* failures in a row; also, these must span ``spans_seconds[0]``, or a delivery must be
    exhausted. Each further span in *spans_seconds* is the next threshold.
    """

    failures: int
    spans_seconds: tuple[float, ...]

    def threshold(self, *, failures: int, failing_ms: int, is_exhausted: bool) -> int:
        """Return the number of the highest threshold that is reached; 0 if none is reached."""
        if failures < self.failures:
            return 0
        reached = sum(failing_ms >= span * 1000 for span in self.spans_seconds)
        return max(reached, int(is_exhausted))


class Policies(Struct, frozen=True):
    """The policies of retries, circuit breakers and failure reports; *channels* may have their own breaker."""

    retry: RetryPolicy
    breaker: BreakerPolicy
    channels: Mapping[str, Channel]
    failing: FailingPolicy

    def breaker_of(self, channel: str) -> BreakerPolicy:
        """Return the circuit breaker for subscriptions of *channel*."""
        own = self.channels.get(channel)
        return own.breaker if own is not None and own.breaker is not None else self.breaker


def of_settings(settings: Delivery, channels: Mapping[str, Channel]) -> Policies:
    """Read the policies from a deployment's settings, and from its *channels*."""
    return Policies(
        RetryPolicy(settings.retry_schedule_seconds, settings.retry_jitter),
        BreakerPolicy(settings.breaker_failures, settings.breaker_span_seconds),
        channels,
        FailingPolicy(settings.failing_failures, settings.failing_spans_seconds),
    )


def treatment_of(settings: Delivery) -> Mapping[str, Any]:
    """Read the default pace of subscriptions from a deployment's settings. Default time limits and retries are read elsewhere."""
    pace = {"rate": settings.rate, "max_in_flight": settings.max_in_flight}
    return {name: value for name, value in pace.items() if value is not None}
