"""When a failed delivery is tried again, and when a failing subscription is disabled."""

from dataclasses import dataclass

from trunkline.model.deliveries import BreakerPolicy, RetryPolicy
from trunkline.settings import Delivery


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of retries and of the circuit breaker."""

    retry: RetryPolicy
    breaker: BreakerPolicy


def of_settings(settings: Delivery) -> Policies:
    """Read the policies from a deployment's settings."""
    return Policies(
        RetryPolicy(settings.retry_schedule_seconds, settings.retry_jitter),
        BreakerPolicy(settings.breaker_failures, settings.breaker_span_seconds),
    )
