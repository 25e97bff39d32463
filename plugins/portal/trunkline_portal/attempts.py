"""The attempts of a delivery as a timeline: request, answer, duration, and the wait before.

The hub does not store requests: the head of a request is rebuilt from the stored delivery and the present subscription,
with secrets masked. Of each answer the status and the first KiB of the body are stored, and 2 KiB of the headers if the
attempt failed.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trunkline import Json
from trunkline.routes import environment_of
from trunkline_portal.formats import moment
from trunkline_portal.outcomes import attempt_sentence

SIGNED = frozenset({"webhooks", "zapier", "n8n", "make"})
"""The channels that post the envelope itself; other channels make their own requests."""
_MASK = "••••"
_SIGNATURES: Mapping[str, tuple[str, str]] = {
    "standard": ("webhook-signature", f"v1,{_MASK}"),
    "ed25519": ("webhook-signature", f"v1a,{_MASK}"),
    "github": ("X-Hub-Signature-256", f"sha256={_MASK}"),
    "stripe": ("trunkline-signature", "t={timestamp},v1=" + _MASK),
}


class ShownAttempt(Struct, frozen=True):
    """One attempt. *waited_ms* is the time since the previous attempt ended.

    *request* is the head of the request; None if the channel makes its own requests, or the subscription is deleted.
    *is_changed* is true if the subscription was changed after the attempt.
    """

    stored: Mapping[str, Json]
    sentence: str | None
    waited_ms: float | None
    request: str | None
    is_changed: bool

    @property
    def answer_head(self) -> str:
        """Return the answer's headers as lines; empty if they are not stored."""
        headers: Mapping[str, str] = self.stored.get("response_headers") or {}
        return "\n".join(f"{name}: {value}" for name, value in headers.items())


def timeline(
    delivery: Mapping[str, Json], subscription: Mapping[str, Json] | None, *, company_id: int
) -> list[ShownAttempt]:
    """Show the attempts of *delivery* in order."""
    attempts: Sequence[Mapping[str, Json]] = delivery["attempts"]
    shown: list[ShownAttempt] = []
    ended_ms: float | None = None
    for attempt in attempts:
        began = moment(attempt["started_utc"]).timestamp()
        began_ms = began * 1000
        head = None
        if subscription is not None and subscription["channel"] in SIGNED:
            name, value = _SIGNATURES[subscription["signature"]]
            lines = [
                f"POST {subscription['target_url']}",
                *(f"{name}: {_MASK}" for name in subscription["headers"] or ()),
                f"webhook-id: {delivery['event_id']}",
                f"webhook-timestamp: {int(began)}",
                f"{name}: {value.format(timestamp=int(began))}",
                "content-type: application/json",
                f"trunkline-event-type: {delivery['event_type']}",
                f"trunkline-delivery-id: {delivery['id']}",
                f"trunkline-attempt: {attempt['number']}",
            ]
            if environment_of(company_id) == "test":
                lines.append("trunkline-environment: test")
            head = "\n".join(lines)
        shown.append(
            ShownAttempt(
                attempt,
                attempt_sentence(attempt),
                None if ended_ms is None else max(began_ms - ended_ms, 0),
                head,
                is_changed=subscription is not None
                and moment(subscription["updated_utc"]).timestamp() * 1000 > began_ms,
            )
        )
        ended_ms = began_ms + attempt["duration_ms"]
    return shown
