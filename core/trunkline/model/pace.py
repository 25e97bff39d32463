"""The pace of a subscription: how many attempts are in flight at once, and how many begin in a time. Pure.

A rate is kept by even steps: attempts begin one *interval* after the other. Where steps are short they may be made up for
within *tolerance*, since no clock wakes anybody that exactly; the interval is so much longer that no window of the rate's
unit, wherever it begins, has more than the rate.
"""

import re
from dataclasses import dataclass

MAX_IN_FLIGHT = 10_000
MOST_A_SECOND = 10_000
LONGEST_INTERVAL_SECONDS = 60.0
"""A slower rate is refused: the next holder of a shard waits for one interval, as it cannot know what the last one began."""
TOLERANCE_SECONDS = 0.02
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}

_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *count* in any *seconds*."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """Read ``50/second``; None where it is no rate, or beyond the bounds."""
        match = _RATE.fullmatch(text)
        if match is None:
            return None
        rate = cls(int(match[1]), UNITS[match[2]])
        is_within = rate.count <= MOST_A_SECOND * rate.seconds and (
            rate.seconds <= LONGEST_INTERVAL_SECONDS * rate.count
        )
        return rate if is_within else None

    @property
    def tolerance(self) -> float:
        """By how many seconds a step may be made up for."""
        return TOLERANCE_SECONDS if self.seconds / self.count < 1 else 0.0

    @property
    def interval(self) -> float:
        """Seconds from one beginning to the next."""
        return (self.seconds + self.tolerance) / self.count


@dataclass(frozen=True, slots=True)
class Pace:
    """What a subscription asks for; None where it does not."""

    max_in_flight: int | None = None
    rate: Rate | None = None


def pace_of(max_in_flight: int | None, rate: str | None) -> Pace | None:
    """Read the options of a subscription; None where it asks for nothing."""
    read = None if rate is None else Rate.parse(rate)
    return None if max_in_flight is None and read is None else Pace(max_in_flight, read)
