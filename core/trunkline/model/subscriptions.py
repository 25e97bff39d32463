"""Subscriptions: which events go to which target.

The value that the services pass around, and decisions over it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trunkline.model.ordering import Ordering

ID = re.compile(r"sub_[0-9a-z]{20}", re.ASCII)


class Status(StrEnum):
    """Whether a subscription takes events. A deleted subscription is kept only as long as deliveries refer to it."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    DELETED = "deleted"


MAX_SECRETS = 5
"""The maximum number of a subscription's secrets that sign at the same time.

Each adds a signature to the headers of every push.
"""

GONE = "gone"
FAILING = "failing"
UNREADABLE = "unreadable"
LAPSED = "lapsed"
DISCONNECTED = "disconnected"
"""Reasons for ``disabled``.

In this order: the target answered 410; the target failed for too long; the subscription's secrets cannot be decrypted;
the holder has not renewed the subscription; the creator of the subscription may no longer call.
"""
ENDED = frozenset({GONE, LAPSED})
"""Reasons for ``disabled`` after which a subscription has no work left."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret. It signs until *expires_ms* (Unix ms), for ever if None."""

    text: str = field(repr=False)
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription as it is stored. *secrets* are newest first."""

    no: int
    id: str
    company_id: int
    channel: str
    target_url: str
    event_types: tuple[str, ...]
    filter: Mapping[str, Any] | None
    description: str | None
    signature: str
    secrets: tuple[Secret, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    status: str
    disabled_reason: str | None
    disabled_ms: int | None
    start_position: int
    resume_position: int | None
    created_ms: int
    updated_ms: int
    pins: Mapping[str, int] = field(default_factory=dict[str, int])
    """The versions of event types that the subscription gets."""
    ordering: Ordering | None = None
    """Which of the subscription's deliveries must be made in order."""
    timeout_seconds: float | None = None
    """The time limit of one attempt; None means that the company's or the deployment's limit applies."""
    retry: Mapping[str, Any] | None = None
    """The rule for retries (``deliveries.RetryPolicy.of``); None means that the company's or deployment's applies."""
    max_in_flight: int | None = None
    """The maximum number of attempts in flight at once, over all workers."""
    rate: str | None = None
    """The maximum rate of attempts, over all workers (``pace.Rate``)."""
    name: str | None = None
    """The channel's own name for a subscription that a holder renews (``contract.Terms``)."""
    holder: str | None = None
    notes: Mapping[str, Any] | None = None
    expires_ms: int | None = None
    """When the subscription lapses unless it is renewed (Unix ms)."""
    is_readable: bool = True
    """Whether the secrets and headers could be decrypted; if not, they are empty."""
    target: Mapping[str, Any] | None = None
    """The visible members of the target, if the channel declares its targets; None if *target_url* is the whole target."""
    target_secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The secrets of *target*, by name."""
    defaults: Mapping[str, Any] | None = None
    """The limits that the operator set for the company; they apply to options without a value here (``treatments``)."""
    created_by: str | None = None
    """The id of the principal that created the subscription, or set its current target."""
    created_by_kind: str | None = None
    gap_position: int | None = None
    """The holder does not get missed events up to this position; None if there is no gap, or it was reported."""
    failing_level: int | None = None
    """The level of a failing subscription: the threshold that was reported, if any (``health``).

    None if it is not failing.
    """
    told_ms: int | None = None
    """When an operational event last reported that the subscription fails or was disabled."""

    def lapses_by(self, now_ms: int) -> bool:
        """Return whether the subscription has lapsed at *now_ms*."""
        return self.expires_ms is not None and self.expires_ms <= now_ms

    def live_secrets(self, now_ms: int) -> tuple[str, ...]:
        """Return the secrets that sign at *now_ms*, newest first."""
        return tuple(s.text for s in self.secrets if s.expires_ms is None or s.expires_ms > now_ms)

    def overlapping_secrets(self, now_ms: int, overlap_seconds: int) -> tuple[Secret, ...]:
        """Return the old secrets that still sign together with a new one, each until its overlap ends.

        The result is empty if *overlap_seconds* is 0.
        """
        if not overlap_seconds:
            return ()
        newest, *older = self.secrets
        live = [secret for secret in older if secret.expires_ms is not None and secret.expires_ms > now_ms]
        return (Secret(newest.text, now_ms + overlap_seconds * 1000), *live)
