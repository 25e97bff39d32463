"""The outcome of an event, in sentences: for each subscription, each delivery and each attempt."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trunkline import Json
from trunkline.routes import takes_type
from trunkline_portal.delivery_states import DeliveryState, state_of

_ERRORS: Mapping[str, str] = {
    "timeout": "The target did not answer within the time limit.",
    "address_refused": "The target's address is one that the hub does not send to, such as one in a private network.",
    "dns_failed": "The target's host name could not be resolved.",
    "connection_refused": "Nothing listens at the target's address and port.",
    "connection_failed": "The connection could not be made, or broke before there was an answer.",
    "invalid_answer": "What came back is no valid HTTP answer.",
}
_STATUSES: Mapping[int, str] = {
    401: "The target asks for credentials; give them in the subscription's headers.",
    403: "The target forbids the call; check its access rules and how it verifies the signature.",
    404: "There is nothing at this address of the target; check the subscription's URL.",
    405: "The target does not take POST at this address; check the subscription's URL.",
    410: "The target said that it is gone for good, which disables its subscription.",
    413: "The target does not take an event of this size.",
    429: "The target is busy: it gets more requests than it takes. Set a rate for the subscription.",
    503: "The target is not available now.",
}


class Receiver(Struct, frozen=True):
    """A subscription shown with an event. *target_url* is None if the viewer may not see it.

    *is_deleted* is true if the subscription no longer exists; its *channel* is then unknown.
    """

    subscription_id: str
    channel: str | None = None
    target_url: str | None = None
    description: str | None = None
    is_deleted: bool = False


class MatchedSubscription(Struct, frozen=True):
    """The outcome for a subscription that the event matched; *delivery* is None until it is planned.

    *answer* is the first line of the target's last answer.
    """

    receiver: Receiver
    sentence: str
    delivery: Mapping[str, Json] | None
    state: DeliveryState
    answer: str | None = None


class SkippedSubscription(Struct, frozen=True):
    """The reason why a subscription did not get the event. *is_for_type* is true if it takes events of this type."""

    receiver: Receiver
    sentence: str
    is_for_type: bool


class EventOutcome(Struct, frozen=True):
    """The outcome of one event for each subscription of its company, and for the consumers of its type."""

    matched: Sequence[MatchedSubscription]
    skipped: Sequence[SkippedSubscription]
    consumers: Sequence[Mapping[str, Json]]

    @property
    def is_moving(self) -> bool:
        """Return True if the outcome may still change by itself."""
        return any(match.state.is_open for match in self.matched)


def outcome_of(
    event_type: str,
    explained: Mapping[str, Json],
    deliveries: Sequence[Mapping[str, Json]],
    subscriptions: Mapping[str, Mapping[str, Json]],
) -> EventOutcome:
    """Combine the results of ``explain`` with the delivery log.

    *subscriptions* has only the subscriptions of which the viewer may see details.
    """
    logged = {str(delivery["subscription_id"]): delivery for delivery in deliveries}
    matched: list[MatchedSubscription] = []
    skipped: list[SkippedSubscription] = []
    for entry in explained["subscriptions"]:
        view = subscriptions.get(entry["subscription_id"])
        receiver = Receiver(
            entry["subscription_id"],
            entry["channel"],
            view["target_url"] if view else None,
            view["description"] if view else None,
        )
        delivery = logged.pop(receiver.subscription_id, None)
        if entry["matched"] or delivery is not None:
            answer = entry.get("last_response")
            state = state_of(delivery, view) if delivery else DeliveryState("waiting")
            matched.append(MatchedSubscription(receiver, entry["reason"], delivery, state, answer))
        else:
            types = view["event_types"] if view else ()
            skipped.append(
                SkippedSubscription(receiver, entry["reason"], is_for_type=takes_type(types, event_type))
            )
    for subscription_id, delivery in logged.items():
        sentence = "The subscription was deleted; the event is not sent to it any more."
        if delivery["status"] == "delivered":
            sentence = "It was delivered; the subscription has been deleted since."
        receiver = Receiver(subscription_id, is_deleted=True)
        matched.append(MatchedSubscription(receiver, sentence, delivery, state_of(delivery)))
    return EventOutcome(matched, skipped, explained["consumers"])


def attempt_sentence(attempt: Mapping[str, Json]) -> str | None:
    """Explain an attempt's failure and its remedy; None if there is nothing to add."""
    if attempt["outcome"] == "delivered":
        return None
    error: str | None = attempt["error"]
    if error:
        code, _, detail = error.partition(":")
        if code == "tls_failed":
            return detail.rpartition(": ")[2]
        if code == "channel_error":
            return f"The plugin that delivers for this channel failed ({detail.strip() or 'without saying why'})."
        return _ERRORS.get(code, f"{error}.")
    status: int = attempt["status_code"] or 0
    if 300 <= status < 400:
        return "The target redirects, which is not followed: put the final address into the subscription."
    return _STATUSES.get(status)
