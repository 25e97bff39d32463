"""Subscriptions, their deliveries and their replays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trunkline.contract.renewing import HeldSubscriptions
from trunkline.model.deliveries import Result
from trunkline.schemas.catalog import Json


@dataclass(frozen=True, slots=True)
class FinishedAttempt:
    """An attempt that has ended, as the delivery log shows it."""

    delivery_id: str
    event_id: int
    event_type: str
    subscription_id: str
    company_id: int
    channel: str
    number: int
    duration_ms: int
    result: Result


@dataclass(frozen=True, slots=True)
class ChangedSubscription:
    """A subscription that was made, changed, disabled or deleted; *status* is ``deleted`` for the last."""

    subscription_id: str
    company_id: int
    channel: str
    status: str


class Subscriptions(HeldSubscriptions, Protocol):
    """The subscriptions of the plugin's own channels; the views are JSON as ``/api/v1/subscriptions`` has it."""

    async def create(self, company_id: int, request: Mapping[str, Json], *, channel: str) -> dict[str, Json]:
        """Make one and return it with its secret, which is never shown again.

        ``warnings``, sentences, are among its members where the name of its target does not resolve.
        """
        ...

    async def list(
        self, company_id: int, *, channel: str | None, target_url: str | None = None
    ) -> list[dict[str, Json]]:
        """List those of *channel* (every channel's for None), oldest first, without secrets."""
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
        """List them a page at a time: ``subscriptions``, as ``list`` gives them, and their ``count``.

        A page ends at *limit*, or early if its subscriptions are long. ``next_cursor`` is the *cursor* of the next page, None
        on the last one. Raises BadCursor.
        """
        ...

    async def subscribe(
        self, company_id: int, request: Mapping[str, Json], *, channel: str
    ) -> tuple[dict[str, Json], bool]:
        """Make one, or find the one that has the same target, event types and filter; tell whether it is new.

        Either way it is shown with its secret. One that was disabled because it kept failing goes on with what it missed;
        one whose target said 410 has ended, as has one whose maker may call no more, and a new one is made.

        Raises:
            BodyInvalid, TargetRefused: the request is not valid.
            TooManySubscriptions: the company has all it may have.
        """
        ...

    async def get(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Json]:
        """Show one, without its secret. Raises NotFound."""
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
        """Change what *changes* names. Raises NotFound, BodyInvalid, TargetRefused.

        Raises PreconditionFailed if it is not in the state that *if_match*, the header, names.

        A target whose scheme, host or port is another needs ``headers`` beside it where the subscription has some.
        """
        ...

    async def delete(
        self, company_id: int, subscription_id: str, *, channel: str | None, if_match: str | None = None
    ) -> None:
        """Delete one; its pending deliveries end as ``gone``. Raises NotFound, PreconditionFailed."""
        ...

    async def disconnect(self, company_id: int | None, *, maker_id: str) -> int:
        """Disable what *maker_id* (``Principal.id``) made for a company, or for any for None; returns how many there were.

        They are of every channel. Their reason is ``disconnected``.
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
        """Give it a new secret, or the caller's own *secret*; the old one signs beside it for *overlap_seconds*.

        Raises:
            NotFound: there is no such subscription.
            BodyInvalid: *secret* is none for its scheme.
            Refused: five secrets sign already, the most that may at once.
        """
        ...

    async def secrets(
        self, company_id: int, subscription_id: str, *, channel: str | None, reveal: bool = False
    ) -> Sequence[dict[str, Json]]:
        """Show the secrets that sign now, newest first: ``secret`` with its ``expires_utc``, None if it has no end.

        They are masked, unless *reveal* is set: the audit log then names who has seen them. Of a key pair it is the public key.
        Raises NotFound.
        """
        ...

    async def test(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Json]:
        """Make one unlogged attempt with an example event, whatever the status. Raises NotFound, Refused."""
        ...


class DeliveryLog(Protocol):
    """The delivery log of one company; the views are JSON as ``/api/v1/subscriptions/{id}/deliveries`` has it."""

    async def of_subscription(
        self,
        company_id: int,
        subscription_id: str,
        *,
        channel: str | None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Json]:
        """Show a subscription's deliveries, newest event first. Raises NotFound, BadCursor."""
        ...

    async def of_event(self, company_id: int, event_id: int) -> list[dict[str, Json]]:
        """Show an event's deliveries with their ``subscription_id``, those of deleted subscriptions too. Raises NotFound."""
        ...

    async def get(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """Show one delivery with its attempts. Raises NotFound."""
        ...

    async def count_open(self, company_id: int, subscription_id: str) -> int:
        """Count what is pending or held among a subscription's newest 10,000 deliveries. Raises NotFound."""
        ...

    async def watermark(
        self, company_id: int, subscription_id: str, *, event_id: int | None = None
    ) -> str | None:
        """Give the cursor up to which everything that is for a subscription has ended: delivered, or given up.

        With *event_id*, which is being delivered, it is never beyond that event, and at it where nothing before it is open.
        So a receiver that keeps the cursor of what it has last got, and later begins there, loses nothing.

        None of a subscription that has lapsed or whose target has ended it: what was open of it is given up, and no cursor is
        safe any more, so a channel that gives cursors sends nothing then. Raises NotFound.
        """
        ...

    async def retry(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """Make a delivery due now, whatever its state, and show it; in an order it keeps its place. Raises NotFound."""
        ...

    async def skip(self, company_id: int, delivery_id: str) -> dict[str, Json]:
        """End an open delivery as skipped, so that deliveries behind it go on, and show it. Raises NotFound."""
        ...

    async def explain(self, company_id: int, event_id: int) -> dict[str, Json]:
        """Tell for each subscription of the company whether it matched the event, and what became of it. Raises NotFound.

        Of one that was tried also the last answer: its status, and its first line without the subscription's secrets.
        """
        ...


class Replays(Protocol):
    """Replays of one company's subscriptions; the views are JSON as ``/api/v1/replays`` has it."""

    async def start(
        self, company_id: int, subscription_id: str, request: Mapping[str, Json], *, channel: str | None
    ) -> dict[str, Json]:
        """Start a replay and show it; with ``dry_run`` only count. Raises NotFound, BodyInvalid.

        A count has ``matched``, and ``complete`` false where there was no time to count all of it. A company has one count
        at a time: another one waits for it for a few seconds and is then refused with 429.
        """
        ...

    async def of_subscription(
        self, company_id: int, subscription_id: str, *, channel: str | None, limit: int = 20
    ) -> list[dict[str, Json]]:
        """Show a subscription's newest replays, newest first, with what each sends again.

        Beside what ``get`` shows: *kind* (``missed``, ``all`` or ``failed``), *event_types* (empty for all), and *remaining*,
        the positions of the log that are still to be looked at. Raises NotFound.
        """
        ...

    async def get(self, company_id: int, replay_id: str) -> dict[str, Json]:
        """Show a replay's progress. Raises NotFound."""
        ...

    async def cancel(self, company_id: int, replay_id: str) -> None:
        """Stop a replay, and take back what it has made due and nobody has begun. Raises NotFound."""
        ...
