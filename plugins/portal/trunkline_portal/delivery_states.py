"""The state of a delivery in words: waiting, in flight, retrying, delivered, failed for good or skipped. Pure."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from trunkline import Json

FAILED = "failed for good"
WORDS: Mapping[str, str] = {
    "pending": "waiting",
    "held": "waiting",
    "exhausted": FAILED,
    "rejected": FAILED,
    "gone": FAILED,
}
"""The word for a status; other statuses are shown unchanged."""
_TONES: Mapping[str, str] = {
    "delivered": "good",
    "retrying": "warn",
    FAILED: "bad",
    "waiting": "info",
    "in flight": "info",
}
_WHY_FAILED: Mapping[str, str] = {
    "exhausted": "every attempt failed",
    "rejected": "it can never be delivered",
    "gone": "the target is gone",
}
FILTERS = (
    ("pending", "Waiting, in flight or retrying"),
    ("held", "Waiting: held back"),
    ("delivered", "Delivered"),
    ("exhausted", "Failed for good: every attempt failed"),
    ("rejected", "Failed for good: rejected"),
    ("gone", "Failed for good: target gone"),
    ("skipped", "Skipped"),
)
"""The statuses by which deliveries can be filtered."""


class DeliveryState(Struct, frozen=True):
    """A state in a word, its tone, and a remark, which may be empty: the reason for waiting or failing, or the last answer."""

    word: str
    why: str = ""

    @property
    def is_open(self) -> bool:
        """Return True if the state may still change by itself."""
        return self.word in {"waiting", "in flight", "retrying"}

    @property
    def tone(self) -> str:
        """Return the tone in which the state is shown."""
        return _TONES.get(self.word, "plain")


def state_of(delivery: Mapping[str, Json], subscription: Mapping[str, Json] | None = None) -> DeliveryState:
    """Describe the state of *delivery*, a row of the delivery log. It is sent to *subscription*."""
    status = str(delivery["status"])
    if status == "held":
        earlier = "held_by" in delivery
        return DeliveryState("waiting", "for an earlier delivery" if earlier else "until it is released")
    if status != "pending":
        return DeliveryState(WORDS.get(status, status), _WHY_FAILED.get(status, ""))
    if subscription is not None and subscription["status"] != "active":
        return DeliveryState("waiting", f"for the subscription, which is {subscription['status']}")
    made: int = delivery["attempts"] if isinstance(delivery["attempts"], int) else len(delivery["attempts"])
    if made:
        return DeliveryState("retrying", f"last answer {delivery['last_status_code'] or 'none'}")
    if delivery["next_attempt_utc"] is None:
        return DeliveryState("in flight")
    return DeliveryState("waiting", "for its turn")


def counted(by_status: Mapping[str, int]) -> list[tuple[DeliveryState, int]]:
    """Add up the counts by status into states; states that need attention come first."""
    counts: Counter[str] = Counter()
    for status, count in by_status.items():
        counts[WORDS.get(status, status)] += count
    order = [FAILED, "retrying", "in flight", "waiting", "skipped", "delivered"]
    words = sorted(counts, key=lambda word: order.index(word) if word in order else len(order))
    return [(DeliveryState(word), counts[word]) for word in words]
