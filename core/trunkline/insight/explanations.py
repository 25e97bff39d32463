"""The parts of ``explain`` for one subscription or consumer: whether an event matches, and the state of its delivery."""

from typing import Any

from trunkline.filters import filters
from trunkline.filters.reading import Reading
from trunkline.insight.last_answers import first_line
from trunkline.model.deliveries import Key, Status
from trunkline.model.event_groups import takes_type
from trunkline.model.events import Event
from trunkline.model.principals import show_maker
from trunkline.model.subscriptions import DISCONNECTED, FAILING, GONE, LAPSED, UNREADABLE, Subscription
from trunkline.model.subscriptions import Status as SubscriptionStatus
from trunkline.model.times import utc_or_none
from trunkline.store.consumers import Consumer
from trunkline.store.delivery_log import LastAttempt, Logged

NAMED_TYPES = 10
"""The number of a subscription's event types that ``explain`` lists."""
_SENTENCES = {
    Status.DELIVERED: "It matched and was delivered with attempt {attempts}.",
    Status.HELD: "It matched and is held until the channel '{channel}' is enabled.",
    Status.PENDING: "It matched; it will be retried (attempts so far: {attempts}){when}.",
    Status.EXHAUSTED: "It matched, but every attempt failed ({attempts} in all); send it again after the target is fixed.",
    Status.GONE: "It matched, but the target is gone.",
    Status.REJECTED: "It matched, but the channel said that it can never be delivered.",
    Status.SKIPPED: "It matched, and somebody skipped it (attempts: {attempts}).",
}
_DISABLED = {
    GONE: "its target answered that it is gone",
    FAILING: "every attempt had failed for too long",
    UNREADABLE: "the secrets that are stored of it do not open",
    LAPSED: "its holder has not renewed it",
    DISCONNECTED: "who made it was disconnected",
}


def explain_delivery(
    subscription: Subscription, event: Event, reading: Reading, logged: Logged | None, *, is_in_stretch: bool
) -> dict[str, Any]:
    """Explain whether *event* matches *subscription*, why not if it does not, and the state of its delivery."""
    reason = None if logged else _reason_against(subscription, event, reading)
    matched = logged is not None or reason is None
    state: str | None = logged.status if logged else Status.PENDING if matched else None
    return {
        "subscription_id": subscription.id,
        "channel": subscription.channel,
        "created_by": show_maker(subscription.created_by_kind, subscription.created_by),
        "matched": matched,
        "reason": reason or _describe_state(subscription, logged, is_in_stretch=is_in_stretch),
        "state": state,
        "attempts": logged.attempts if logged else 0,
        "next_attempt_utc": utc_or_none(logged.next_attempt_ms) if logged else None,
        "delivery_id": str(Key(event.position, subscription.no)) if logged else None,
        **(next_attempt_by(logged) | held_by_of(logged) if logged else {}),
    }


def explain_reader(consumer: Consumer, event: Event) -> dict[str, Any]:
    """Show whether a consumer of *event*'s type has read the event."""
    reach = consumer.reach
    is_given = event.position <= reach.position
    state = "committed" if reach.is_committed(event.position) else "leased" if is_given else "unread"
    return {"name": consumer.name, "state": state}


def last_answer(subscription: Subscription, last: LastAttempt | None) -> dict[str, Any]:
    """Show the result of the newest attempt; empty if there was none."""
    if last is None:
        return {}
    return {
        "last_status_code": last.status_code,
        "last_response": first_line(last.response_body or "", subscription),
        "last_error": last.error,
        **({"last_sent_twice": True} if last.sent_twice else {}),
    }


def why_disabled(subscription: Subscription) -> dict[str, Any]:
    """Show why and since when a subscription is disabled; empty if it is not disabled."""
    if subscription.status != SubscriptionStatus.DISABLED:
        return {}
    return {
        "disabled_reason": subscription.disabled_reason,
        "disabled_utc": utc_or_none(subscription.disabled_ms),
    }


def _state_of(subscription: Subscription) -> str:
    """Name the state of an inactive subscription, with the reason if it is disabled."""
    if subscription.disabled_reason is None:
        return subscription.status
    why = _DISABLED.get(subscription.disabled_reason)
    return f"{subscription.status} ({subscription.disabled_reason}{f': {why}' if why else ''})"


def _describe_state(subscription: Subscription, logged: Logged | None, *, is_in_stretch: bool) -> str:
    """Describe the state of the delivery of an event that matched."""
    if logged is None and is_in_stretch:
        return "It matches and waits: the workers catch up with a backlog, and have not come to it yet."
    if logged is None:
        return "It matches and is about to be delivered."
    if logged.status == Status.PENDING and subscription.status != "active":
        return f"It matched and waits, because the subscription is {_state_of(subscription)}."
    if logged.held_by is not None:
        earlier = Key(logged.held_by, logged.subscription_no)
        return f"It matched and is held by {earlier}, an earlier one in its order: it goes on when that has ended."
    if logged.is_queued:
        return "It matched and is held until the replay that runs has come to its place in the order."
    when = ", no sooner than the target's Retry-After asks" if logged.waits_as_asked else ""
    return _SENTENCES[Status(logged.status)].format(
        attempts=logged.attempts, channel=subscription.channel, when=when
    )


def _reason_against(subscription: Subscription, event: Event, reading: Reading) -> str | None:
    """Return the reason why *subscription* does not get *event*; None if it gets the event."""
    if not takes_type(subscription.event_types, event.type):
        names = subscription.event_types
        more = f" and {len(names) - NAMED_TYPES} more" if len(names) > NAMED_TYPES else ""
        return f"It subscribes to {', '.join(names[:NAMED_TYPES])}{more}, not to {event.type}."
    if subscription.filter and (unmet := filters.explain(subscription.filter, reading)):
        return f"Its filter was not met: {unmet}."
    if subscription.status != "active":
        return f"The subscription is {_state_of(subscription)}."
    if event.position <= subscription.start_position:
        return "The event was accepted before the subscription was made or resumed."
    return None


def next_attempt_by(logged: Logged) -> dict[str, str]:
    """Show what determines the time of the next attempt; empty if none is planned."""
    if logged.next_attempt_ms is None or not logged.attempts:
        return {}
    return {"next_attempt_by": "retry_after" if logged.waits_as_asked else "schedule"}


def held_by_of(logged: Logged) -> dict[str, str]:
    """Show the event that an ordered delivery waits for; empty if it waits for none."""
    return {} if logged.held_by is None else {"held_by": str(Key(logged.held_by, logged.subscription_no))}
