"""The condition of a subscription: one vocabulary for the API, the CLI, the portal and the metrics (CONTRACT §15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Any

from trunkline.model.times import utc_or_none

HOURS = 24
BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 300_000)
"""Upper bounds of the classes by which delivered attempts are counted; an attempt takes at most 300 s."""
TELL_AGAIN_MS = 60 * 60 * 1000
"""A subscription that fails and recovers in turns is told of at most once in this time."""
UNTOLD, FIRST = 1, 2
"""What ``failing_level`` says of a subscription that is failing: nobody was told, or the first threshold was; then the second, and so on."""


class Health(StrEnum):
    """What becomes of the events of a subscription."""

    DELIVERING = "delivering"
    RETRYING = "retrying"
    FAILING = "failing"
    IDLE = "idle"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Figures:
    """Attempts of one subscription within ``HOURS``: those that *failed*, and the delivered ones by the classes of ``BOUNDS_MS``."""

    failed: int = 0
    delivered: Sequence[int] = ()

    @property
    def attempts(self) -> int:
        """How many attempts there were."""
        return self.failed + sum(self.delivered)

    @property
    def success_rate(self) -> float | None:
        """The share of the attempts that delivered; None if there were none."""
        return sum(self.delivered) / self.attempts if self.attempts else None

    @property
    def p95_ms(self) -> int | None:
        """The time within which 95 % of the delivered attempts ended, as the upper bound of its class; None if there were none."""
        total = sum(self.delivered)
        reached = zip(BOUNDS_MS, accumulate(self.delivered), strict=False)
        return next((bound for bound, count in reached if total and count >= 0.95 * total), None)


NO_FIGURES = Figures()


def health_of(status: str, *, failures: int, failing_level: int, attempts: int) -> Health:
    """Name the condition of a subscription with so many *failures* in a row, and *attempts* within ``HOURS``."""
    if status in (Health.PAUSED, Health.DISABLED):
        return Health(status)
    if failures:
        return Health.FAILING if failing_level else Health.RETRYING
    return Health.DELIVERING if attempts else Health.IDLE


def show(
    status: str, *, failures: int, failing_since_ms: int | None, failing_level: int, figures: Figures
) -> dict[str, Any]:
    """Give the members that the JSON of a subscription has of its condition."""
    rate = figures.success_rate
    attempts = figures.attempts
    return {
        "health": health_of(status, failures=failures, failing_level=failing_level, attempts=attempts),
        "failing_since": utc_or_none(failing_since_ms if failures else None),
        "success_rate_24h": None if rate is None else round(rate, 4),
        "p95_ms_24h": figures.p95_ms,
    }


@dataclass(frozen=True, slots=True)
class FailingPolicy:
    """When a subscription is failing: after *failures* in a row that span ``spans_seconds[0]``, or if a delivery is exhausted.

    That is threshold 1; each further span is a further threshold.
    """

    failures: int
    spans_seconds: tuple[float, ...]

    def threshold(self, *, failures: int, failing_ms: int, is_exhausted: bool) -> int:
        """Tell which threshold is reached; 0 for none."""
        if failures < self.failures:
            return 0
        reached = sum(failing_ms >= span * 1000 for span in self.spans_seconds)
        return max(reached, int(is_exhausted))


def next_level(level: int | None, *, threshold: int, told_ms: int | None, now_ms: int) -> int | None:
    """Tell what ``failing_level`` becomes at *threshold*; above ``UNTOLD``, and if it changes, people are told.

    A subscription of which *told_ms* was the last that people heard fails untold within ``TELL_AGAIN_MS``.
    """
    if not threshold or (level or 0) > threshold:
        return level
    if (level or UNTOLD) == UNTOLD and told_ms is not None and now_ms - told_ms < TELL_AGAIN_MS:
        return UNTOLD
    return threshold + 1
