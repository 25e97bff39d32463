"""The pace of a subscription: limits of the attempts in flight, and of the attempts that begin per unit of time. Pure.

Attempts begin one *interval* apart. No timer is exact, so an attempt may begin late; the next one may then begin early,
by up to *tolerance*. The interval is a little longer than the rate requires. So no window of the rate's length contains
more attempts than the rate allows, wherever the window begins.
"""

import re

from msgspec import Struct

MAX_IN_FLIGHT = 10_000
MOST_A_SECOND = 10_000
LONGEST_INTERVAL_SECONDS = 60.0
"""The interval of the slowest allowed rate.

A new holder of a shard waits for one interval, because it has no record of the previous holder's attempts.
"""
TOLERANCE_SECONDS = 0.02
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}

_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)", re.ASCII)


class Rate(Struct, frozen=True):
    """A rate: at most *count* attempts in *seconds*."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """Read a rate such as ``50/second``; None if *text* is not a rate or is out of bounds."""
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
        """The time in seconds by which an attempt may begin early after a late one."""
        return TOLERANCE_SECONDS if self.seconds / self.count < 1 else 0.0

    @property
    def interval(self) -> float:
        """The seconds between the beginnings of two attempts."""
        return (self.seconds + self.tolerance) / self.count


class Pace(Struct, frozen=True):
    """The limits of a subscription; a limit that the subscription does not set is None."""

    max_in_flight: int | None = None
    rate: Rate | None = None


def pace_of(max_in_flight: int | None, rate: str | None) -> Pace | None:
    """Make a pace from a subscription's options; None if they set no limit."""
    read = None if rate is None else Rate.parse(rate)
    return None if max_in_flight is None and read is None else Pace(max_in_flight, read)
