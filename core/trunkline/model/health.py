"""The condition of a subscription, with the same names in the API, the CLI, the portal and the metrics."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import accumulate

from msgspec import Struct

HOURS = 24
KEPT_HOURS = 8 * 24
"""The number of hours for which counts of attempts are kept: eight days, including the current hour."""
BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 300_000)
"""Upper bounds of the histogram of delivered attempts; an attempt takes at most 300 s."""
UNTOLD, FIRST = 1, 2
"""Values of ``failing_level``: 1 means failing and not yet reported, 2 reported at the first threshold, 3 at the second, and so on."""


class SubscriptionHealth(StrEnum):
    """The state of a subscription's deliveries."""

    DELIVERING = "delivering"
    RETRYING = "retrying"
    FAILING = "failing"
    IDLE = "idle"
    PAUSED = "paused"
    DISABLED = "disabled"


class Figures(Struct, frozen=True):
    """Counts of a subscription's attempts: *failed* ones, and *delivered* ones in each class of ``BOUNDS_MS``."""

    failed: int = 0
    delivered: Sequence[int] = ()

    @property
    def attempts(self) -> int:
        """The number of attempts."""
        return self.failed + sum(self.delivered)

    @property
    def success_rate(self) -> float | None:
        """The share of the attempts that delivered; None if there were no attempts."""
        return sum(self.delivered) / self.attempts if self.attempts else None

    @property
    def p95_ms(self) -> int | None:
        """The 95th percentile of the durations of delivered attempts, as the upper bound of its class.

        None if no attempt delivered.
        """
        return self._within(0.95)

    @property
    def p50_ms(self) -> int | None:
        """The median duration of the delivered attempts, as the upper bound of its class; None if there are none."""
        return self._within(0.5)

    def _within(self, share: float) -> int | None:
        total = sum(self.delivered)
        reached = zip(BOUNDS_MS, accumulate(self.delivered), strict=False)
        return next((bound for bound, count in reached if total and count >= share * total), None)


NO_FIGURES = Figures()


def health_of(status: str, *, failures: int, failing_level: int, figures: Figures) -> SubscriptionHealth:
    """Return the condition of a subscription.

    *failures* is the number of failures in a row, since it was last activated. *figures* are those of the last ``HOURS`` hours.
    """
    if status in (SubscriptionHealth.PAUSED, SubscriptionHealth.DISABLED):
        return SubscriptionHealth(status)
    if failures:
        return SubscriptionHealth.FAILING if failing_level else SubscriptionHealth.RETRYING
    return SubscriptionHealth.DELIVERING if any(figures.delivered) else SubscriptionHealth.IDLE
