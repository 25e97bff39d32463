"""Deliveries: the state of one event's delivery to one subscription, and the decision about its next state.

The pure core of the dispatcher: values and decisions, without a clock and without I/O.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct, structs

MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60
"""The longest delay of a retry that a target can request by ``Retry-After``."""

MAX_RETRIES = 1000
"""The maximum number of retries of one delivery if its policy sets *for_seconds*, in case the waits are short."""
_ID = re.compile(r"dlv_([1-9][0-9]{0,18})_([1-9][0-9]{0,17})", re.ASCII)


class Status(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    REJECTED = "rejected"
    GONE = "gone"
    SKIPPED = "skipped"


FINAL = frozenset({Status.DELIVERED, Status.EXHAUSTED, Status.REJECTED, Status.GONE, Status.SKIPPED})
OPEN = frozenset({Status.PENDING, Status.HELD})
FAILED = frozenset({Status.EXHAUSTED, Status.REJECTED, Status.GONE})


class Outcome(StrEnum):
    """The result of one attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one attempt, with its details.

    *response_body* is the answer's first KiB at most, as text. *error* names the fault if there was no answer
    (``timeout``, ``address_refused``, ``connection_failed``, …). *retry_after_seconds* is the minimum wait that the
    target asks for. *sent_twice* is True if a kept-alive connection closed during the request, so that the attempt sent
    it again. *response_headers* are the answer's headers, in lower case; if the attempt did not deliver, the delivery
    log keeps 2 KiB of them.
    """

    outcome: Outcome
    status_code: int | None = None
    response_body: str | None = field(default=None, repr=False)
    error: str | None = None
    retry_after_seconds: float | None = None
    sent_twice: bool = False
    response_headers: Mapping[str, str] | None = field(default=None, repr=False, hash=False)


class Key(NamedTuple):
    """The key of a delivery: the event's position and the subscription's number. Each pair is unique."""

    position: int
    subscription_no: int

    def __str__(self) -> str:
        return f"dlv_{self.position}_{self.subscription_no}"

    @classmethod
    def parse(cls, text: str) -> "Key | None":
        """Read a delivery id; None if *text* is not a delivery id."""
        match = _ID.fullmatch(text)
        if match is None:
            return None
        key = cls(int(match[1]), int(match[2]))
        return key if key.position < 2**63 else None


class RetryPolicy(Struct, frozen=True):
    """Defines when a failed delivery is tried again: the n-th time after ``schedule_seconds[n-1]``, varied by *jitter*.

    If *for_seconds* is set, the schedule is cut off, or its last wait is repeated, so that the sum of all waits stays
    within *for_seconds*.
    """

    schedule_seconds: tuple[float, ...]
    jitter: float = 0.2
    for_seconds: float | None = None

    def of(self, retry: Mapping[str, Any] | None) -> "RetryPolicy":
        """Return this policy changed by a subscription's option *retry*; None changes nothing."""
        if retry is None:
            return self
        if "for_seconds" in retry:
            return structs.replace(self, for_seconds=retry["for_seconds"])
        return structs.replace(self, schedule_seconds=tuple(retry["schedule_seconds"]))

    def wait_before(self, retry: int) -> float | None:
        """Return the seconds before retry number *retry* (from 1), without jitter; None if there is no such retry."""
        schedule = self.schedule_seconds
        if self.for_seconds is None:
            return schedule[retry - 1] if retry <= len(schedule) else None
        if not schedule or retry > MAX_RETRIES:
            return None
        together = sum(schedule[:retry]) + schedule[-1] * max(retry - len(schedule), 0)
        return schedule[min(retry, len(schedule)) - 1] if together <= self.for_seconds else None


class NextState(Struct, frozen=True):
    """The decision of ``next_state``: the status, and the wait if it is ``pending``.

    *retry_after_seconds* equals *wait_seconds* if the target asked for a longer wait than planned; otherwise it is
    None.
    """

    status: Status
    wait_seconds: float | None = None
    retry_after_seconds: float | None = None


def next_state(attempt: int, result: Result, policy: RetryPolicy, jitter: float) -> NextState:
    """Decide what follows attempt number *attempt* (from 1) with *result*.

    *jitter* is a number from -1 to 1, which varies the wait by up to the policy's *jitter*. A target's ``Retry-After``
    may prolong the wait, up to ``MAX_RETRY_AFTER_SECONDS``, but never shortens it.
    """
    match result.outcome:
        case Outcome.DELIVERED:
            return NextState(Status.DELIVERED)
        case Outcome.GONE:
            return NextState(Status.GONE)
        case Outcome.REJECTED:
            return NextState(Status.REJECTED)
        case Outcome.RETRY:
            planned = policy.wait_before(attempt)
            if planned is None:
                return NextState(Status.EXHAUSTED)
            wait = planned * (1 + policy.jitter * jitter)
            asked = min(result.retry_after_seconds or 0, MAX_RETRY_AFTER_SECONDS)
            return NextState(Status.PENDING, max(wait, asked), asked if asked > wait else None)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Defines when a failing subscription is disabled: after *failures* in a row that span *span_seconds* or more."""

    failures: int
    span_seconds: float

    def trips(self, *, failures: int, failing_since_ms: int, now_ms: int) -> bool:
        """Return whether a subscription that failed *failures* times since *failing_since_ms* is to be disabled.

        Both times must come from a clock that never jumps.
        """
        return failures >= self.failures and now_ms - failing_since_ms >= self.span_seconds * 1000
