"""Subscriptions that whoever holds them renews: named by their channel, and ended when nobody renews them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.schemas.catalog import Json


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a subscription is held.

    *name* is the channel's own for it: there is one of a name in a company. *holder* says whose it is, in the channel's words, and
    has at most *most_of_holder* at once. It lapses after *lasts_seconds* (never, for None) unless it is renewed before.
    *notes* are handed to the channel with each attempt (``Target.notes``). Where a renewal brings another secret, the one
    before signs beside it for *overlap_seconds*. A start that was accepted before *oldest_ms* (Unix ms) moves up to there.
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
    """A subscription that was made or renewed. *view* is JSON as ``/api/v1/subscriptions`` has it, without the secret.

    *is_truncated*: events are left out that it should have got since the start that was asked for, or since it was renewed before,
    because they are gone, or too old for the terms. *failed_since_ms*: it was disabled, since from then on (Unix ms) it only failed;
    it goes on now.
    """

    view: Mapping[str, Json]
    is_new: bool
    is_truncated: bool
    failed_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription with its terms; *expires_ms* is Unix ms, None where it lasts until it is ended."""

    subscription_id: str
    name: str
    holder: str
    target_url: str
    status: str
    notes: Mapping[str, Json]
    expires_ms: int | None
    has_lapsed: bool


class HeldSubscriptions(Protocol):
    """The subscriptions of the plugin's own channels that their holders renew."""

    async def check(
        self, company_id: int, request: Mapping[str, Json], *, channel: str, terms: Terms
    ) -> None:
        """Make sure that ``renew`` would take *request* now, and make nothing. Raises as it does."""
        ...

    async def renew(
        self, company_id: int, request: Mapping[str, Json], *, channel: str, terms: Terms
    ) -> Renewed:
        """Make the subscription of that name, or renew it: with the secret of *request*, and from now on for as long as *terms* say.

        One that was disabled because it kept failing goes on with what it missed; one that was paused stays so. One that has
        lapsed, or whose target has ended it, has nothing left: it is made anew, and begins where ``start`` says.

        Raises:
            BodyInvalid, TargetRefused: the request is not valid.
            LimitReached: the company, or the holder, has all it may have.
        """
        ...

    async def held(self, company_id: int, *, channel: str, target_url: str | None = None) -> Sequence[Held]:
        """List those of a company, oldest first, lapsed ones that were not made anew among them."""
        ...
