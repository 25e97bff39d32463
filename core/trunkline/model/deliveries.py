"""Deliveries: what became of one event for one subscription, and what happens next.

The pure centre of the dispatcher: values and decisions, no clock and no I/O.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60
"""CONTRACT §6: a target's ``Retry-After`` is honoured up to 24 hours."""

_ID = re.compile(r"dlv_([1-9][0-9]{0,18})_([1-9][0-9]{0,17})", re.ASCII)


class Status(StrEnum):
    """Where a delivery stands (CONTRACT §13)."""

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    REJECTED = "rejected"
    GONE = "gone"
    SKIPPED = "skipped"


FINAL = frozenset({Status.DELIVERED, Status.EXHAUSTED, Status.REJECTED, Status.GONE, Status.SKIPPED})
OPEN = frozenset({Status.PENDING, Status.HELD})


class Outcome(StrEnum):
    """How one attempt ended (CONTRACT §13)."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt brought.

    *response_body* is at most the first KiB of the answer, as text. *error* names what went wrong where there was no
    answer (``timeout``, ``address_refused``, ``connection_failed``, …). *retry_after_seconds* is the target's own wish.
    """

    outcome: Outcome
    status_code: int | None = None
    response_body: str | None = field(default=None, repr=False)
    error: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Which delivery: the event's position and the subscription's number. There is exactly one of each pair."""

    position: int
    subscription_no: int

    def __str__(self) -> str:
        return f"dlv_{self.position}_{self.subscription_no}"

    @classmethod
    def parse(cls, text: str) -> "Key | None":
        """Read a delivery id; None where *text* is not one."""
        match = _ID.fullmatch(text)
        if match is None:
            return None
        key = cls(int(match[1]), int(match[2]))
        return key if key.position < 2**63 else None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again: the n-th retry waits ``schedule_seconds[n-1]``, give or take *jitter*."""

    schedule_seconds: tuple[float, ...]
    jitter: float = 0.2


@dataclass(frozen=True, slots=True)
class NextState:
    """What ``next_state`` decided: the status, and how long to wait where it is ``pending``."""

    status: Status
    wait_seconds: float | None = None


def next_state(attempt: int, result: Result, policy: RetryPolicy, jitter: float) -> NextState:
    """Decide what follows attempt number *attempt* (from 1) with *result*.

    *jitter* is a number from -1 to 1 that places the wait within the policy's band. A target that names
    ``Retry-After`` is obeyed exactly, up to ``MAX_RETRY_AFTER_SECONDS``.
    """
    match result.outcome:
        case Outcome.DELIVERED:
            return NextState(Status.DELIVERED)
        case Outcome.GONE:
            return NextState(Status.GONE)
        case Outcome.REJECTED:
            return NextState(Status.REJECTED)
        case Outcome.RETRY:
            if attempt > len(policy.schedule_seconds):
                return NextState(Status.EXHAUSTED)
            wait = policy.schedule_seconds[attempt - 1] * (1 + policy.jitter * jitter)
            if result.retry_after_seconds is not None:
                wait = min(max(result.retry_after_seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
            return NextState(Status.PENDING, wait)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a subscription that only fails is disabled: after *failures* in a row that span *span_seconds*."""

    failures: int
    span_seconds: float

    def trips(self, *, failures: int, failing_since_ms: int, now_ms: int) -> bool:
        """Tell whether a subscription that failed *failures* times since *failing_since_ms* is to be disabled."""
        return failures >= self.failures and now_ms - failing_since_ms >= self.span_seconds * 1000
