"""Subscriptions, their deliveries and their replays.

A subscription with terms is named by its channel, renewed by its holder, and lapses if it is not renewed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.model.deliveries import FINAL, Result, Status
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


@dataclass(frozen=True, slots=True)
class FinishedAttempt:
    """An attempt that has ended, as the delivery log shows it.

    *status* is the status of the delivery after the attempt: ``pending`` if there will be another attempt, else ``delivered``,
    ``exhausted``, ``rejected`` or ``gone``.
    """

    delivery_id: str
    event_id: int
    event_type: str
    subscription_id: str
    company_id: int
    channel: str
    number: int
    duration_ms: int
    result: Result
    status: str = Status.PENDING

    @property
    def is_last(self) -> bool:
        """Return whether this was the last attempt of its delivery."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class ChangedSubscription:
    """A subscription that was made, changed, disabled or deleted; *status* is ``deleted`` after a deletion."""

    subscription_id: str
    company_id: int
    channel: str
    status: str


class Subscriptions(HeldSubscriptions, Protocol):
    """The subscriptions of the plugin's own channels; views are JSON as in ``/api/v1/subscriptions``."""

    async def create(self, company_id: int, request: Mapping[str, Json], *, channel: str) -> dict[str, Json]:
        """Make a subscription and return it with its secret, which is never shown again.

        If the name of its target does not resolve, the view has ``warnings``, a list of sentences.
        """
        ...

    async def list(
        self, company_id: int, *, channel: str | None, target_url: str | None = None
    ) -> list[dict[str, Json]]:
        """List the subscriptions of *channel* (None: of every channel), oldest first, without secrets."""
        ...

    async def page(
        self,
        company_id: int,
        *,
        channel: str | None,
        target_url: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Json]:
        """Return a page of subscriptions: ``subscriptions``, in the form of ``list``, and ``count``, their number.

        A page has at most *limit* subscriptions, and fewer if they are long. ``next_cursor`` is the *cursor* of the
        next page; None on the last page. Raises BadCursor.
        """
        ...

    async def subscribe(
        self, company_id: int, request: Mapping[str, Json], *, channel: str
    ) -> tuple[dict[str, Json], bool]:
        """Make a subscription, or find the one with the same target, event types and filter; the bool says whether it is new.

        In both cases the subscription is shown with its secret. A subscription that was disabled because it kept failing
        resumes with the missed events. A subscription whose target has answered 410, or whose maker has lost access, has
        ended, and a new one is made.

        Raises:
            BodyInvalid, TargetRefused: the request is not valid.
            TooManySubscriptions: the company has reached its limit.
        """
        ...

    async def get(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Json]:
        """Show a subscription without its secret. Raises NotFound."""
        ...

    async def update(
        self,
        company_id: int,
        subscription_id: str,
        changes: Mapping[str, Json],
        *,
        channel: str | None,
        if_match: str | None = None,
    ) -> dict[str, Json]:
        """Change those members of a subscription that are in *changes*. Raises NotFound, BodyInvalid, TargetRefused.

        Raises PreconditionFailed if the subscription's state is not the one in the header *if_match*. If the new target has
        another scheme, host or port and the subscription has ``headers``, *changes* must give ``headers`` too.
        """
        ...

    async def delete(
        self, company_id: int, subscription_id: str, *, channel: str | None, if_match: str | None = None
    ) -> None:
        """Delete a subscription; its pending deliveries end as ``gone``. Raises NotFound, PreconditionFailed."""
        ...

    async def disconnect(self, company_id: int | None, *, maker_id: str) -> int:
        """Disable the subscriptions that *maker_id* (``Principal.id``) made for a company (None: for any); returns their number.

        Subscriptions of every channel are disabled, with the reason ``disconnected``.
        """
        ...

    async def rotate_secret(
        self,
        company_id: int,
        subscription_id: str,
        *,
        channel: str | None,
        overlap_seconds: int,
        secret: str | None = None,
    ) -> dict[str, Json]:
        """Replace a subscription's secret with a new one, or with *secret* if given.

        The old secret also signs for *overlap_seconds*.

        Raises:
            NotFound: there is no such subscription.
            BodyInvalid: *secret* does not fit the signature scheme.
            Refused: five secrets already sign, which is the limit.
        """
        ...

    async def secrets(
        self, company_id: int, subscription_id: str, *, channel: str | None, reveal: bool = False
    ) -> Sequence[dict[str, Json]]:
        """List the signing secrets of a subscription, newest first, each with ``secret`` and ``expires_utc``.

        ``expires_utc`` is None if the secret never expires. Secrets are masked unless *reveal* is set; the audit log
        then records who saw them. For a key pair, ``secret`` is the public key. Raises NotFound.
        """
        ...

    async def test(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Json]:
        """Make one unlogged attempt with an example event, whatever the subscription's status. Raises NotFound, Refused."""
        ...


class DeliveryLog(Protocol):
    """The delivery log of one company; views are JSON as in ``/api/v1/subscriptions/{id}/deliveries``."""

    async def of_subscription(
        self,
        company_id: int,
        subscription_id: str,
        *,
        channel: str | None,
        status: str | None = None,
        since_ms: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Json]:
        """Show a subscription's deliveries of events accepted since *since_ms*, newest event first. Raises NotFound, BadCursor."""
        ...

    async def of_event(self, company_id: int, event_id: int) -> list[dict[str, Json]]:
        """Show an event's deliveries with their ``subscription_id``, also of deleted subscriptions. Raises NotFound."""
        ...

    async def get(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """Show a delivery with its attempts; a failed attempt also has the answer's ``response_headers``. Raises NotFound."""
        ...

    async def count_open(self, company_id: int, subscription_id: str) -> int:
        """Count the pending and held deliveries among the newest 10,000 of a subscription. Raises NotFound."""
        ...

    async def watermark(
        self, company_id: int, subscription_id: str, *, event_id: int | None = None
    ) -> str | None:
        """Return the cursor up to which all deliveries of a subscription have ended, whether delivered or given up.

        If *event_id* is an event that is being delivered, the cursor is never after that event, and is that event's own cursor
        if no earlier delivery is open. A receiver that stores the cursor of its last event, and later resumes there, loses
        nothing.

        Returns None if the subscription has lapsed, or its target has ended the subscription. Its open deliveries are then given
        up, and no cursor is safe any more, so a channel that sends cursors must send nothing. Raises NotFound.
        """
        ...

    async def retry(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """Make a delivery due now, whatever its state, and show it; an ordered delivery keeps its position. Raises NotFound."""
        ...

    async def skip(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """End an open delivery as skipped, so that the deliveries behind it continue, and show it. Raises NotFound."""
        ...

    async def explain(self, company_id: int, event_id: int) -> dict[str, Json]:
        """Show, for each subscription of the company, whether it matched the event, and the result of the delivery.

        Raises NotFound. If an attempt was made, the entry includes the last answer: its status, and its first line
        without the subscription's secrets.
        """
        ...


class Replays(Protocol):
    """Replays of one company's subscriptions; views are JSON as in ``/api/v1/replays``."""

    async def start(
        self, company_id: int, subscription_id: str, request: Mapping[str, Json], *, channel: str | None
    ) -> dict[str, Json]:
        """Start a replay and show it; with ``dry_run`` only count its events. Raises NotFound, BodyInvalid.

        A count has the members ``matched`` and ``complete``; ``complete`` is false if there was too little time to
        count all. Only one count runs per company at a time: a second one waits for a few seconds and is then refused
        with 429.
        """
        ...

    async def of_subscription(
        self, company_id: int, subscription_id: str, *, channel: str | None, limit: int = 20
    ) -> list[dict[str, Json]]:
        """List a subscription's newest replays, newest first, with the choice of events that each one sends again.

        Each view has three members that ``get`` does not show: *kind* (``missed``, ``all`` or ``failed``), *event_types*
        (empty for all), and *remaining*, the number of log positions that the replay has not read yet. Raises NotFound.
        """
        ...

    async def get(self, company_id: int, replay_id: str) -> dict[str, Json]:
        """Show a replay's progress. Raises NotFound."""
        ...

    async def cancel(self, company_id: int, replay_id: str) -> None:
        """Stop a replay, and withdraw its deliveries that have not started. Raises NotFound."""
        ...
