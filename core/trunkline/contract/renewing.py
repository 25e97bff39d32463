"""Subscriptions with terms: a channel names them, their holders renew them, and they lapse if they are not renewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.schemas.catalog import Json


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a subscription.

    *name* is the channel's name for the subscription, unique in a company. *holder* is the channel's name for its holder, who
    may have at most *most_of_holder* subscriptions at once. The subscription lapses after *lasts_seconds* without renewal
    (None: never). *notes* are passed to the channel with each attempt (``Target.notes``). If a renewal gives another secret,
    the previous secret also signs for *overlap_seconds*. A start before *oldest_ms* (Unix ms of acceptance) is moved to
    *oldest_ms*.
    """

    name: str
    holder: str
    lasts_seconds: float | None
    notes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    overlap_seconds: int = 3600
    oldest_ms: int | None = None
    most_of_holder: int | None = None


@dataclass(frozen=True, slots=True)
class Renewed:
    """A subscription that was made or renewed. *view* is JSON as in ``/api/v1/subscriptions``, without the secret.

    If *is_truncated*, some events after the requested start, or after the previous renewal, are left out, because they
    have expired or are too old for the terms. *failed_since_ms*: the subscription had been disabled because every
    attempt since this time (Unix ms) failed; it is active again.
    """

    view: Mapping[str, Json]
    is_new: bool
    is_truncated: bool
    failed_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription with its terms; *expires_ms* is Unix ms, None if it does not expire."""

    subscription_id: str
    name: str
    holder: str
    target_url: str
    status: str
    notes: Mapping[str, Json]
    expires_ms: int | None
    has_lapsed: bool


class HeldSubscriptions(Protocol):
    """Subscriptions of the plugin's own channels that are renewed by their holders."""

    async def check(
        self, company_id: int, request: Mapping[str, Json], *, channel: str, terms: Terms
    ) -> None:
        """Check that ``renew`` would accept *request* now, without making anything. Raises as ``renew`` does."""
        ...

    async def renew(
        self, company_id: int, request: Mapping[str, Json], *, channel: str, terms: Terms
    ) -> Renewed:
        """Make the subscription with the name in *terms*, or renew it with the secret of *request* and the new terms.

        A subscription that was disabled because it kept failing resumes with the missed events; a paused one stays paused. A
        subscription that has lapsed, or that its target has ended, is made again and begins at ``start``.

        Raises:
            BodyInvalid, TargetRefused: the request is not valid.
            LimitReached: the company or the holder has reached its limit.
        """
        ...

    async def held(self, company_id: int, *, channel: str, target_url: str | None = None) -> Sequence[Held]:
        """List the subscriptions of a company that have terms, oldest first, including lapsed ones that were not made again."""
        ...
