"""The attempts of a delivery as a timeline: request, answer, duration, and the wait before.

The hub does not store requests: the head of a request is rebuilt from the stored delivery and the present subscription,
with secrets masked. Of each answer the status and the first KiB of the body are stored, and 2 KiB of the headers if the
attempt failed.
"""

from collections.abc import Iterator, Mapping, Sequence

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
        began_ms = moment(attempt["started_utc"]).timestamp() * 1000
        shown.append(
            ShownAttempt(
                attempt,
                attempt_sentence(attempt),
                None if ended_ms is None else max(began_ms - ended_ms, 0),
                _head(delivery, attempt, subscription, company_id=company_id),
                is_changed=subscription is not None
                and moment(subscription["updated_utc"]).timestamp() * 1000 > began_ms,
            )
        )
        ended_ms = began_ms + attempt["duration_ms"]
    return shown


def _head(
    delivery: Mapping[str, Json],
    attempt: Mapping[str, Json],
    subscription: Mapping[str, Json] | None,
    *,
    company_id: int,
) -> str | None:
    if subscription is None or subscription["channel"] not in SIGNED:
        return None
    headers = _headers(delivery, attempt, subscription, company_id=company_id)
    return "\n".join([f"POST {subscription['target_url']}", *(f"{name}: {value}" for name, value in headers)])


def _headers(
    delivery: Mapping[str, Json],
    attempt: Mapping[str, Json],
    subscription: Mapping[str, Json],
    *,
    company_id: int,
) -> Iterator[tuple[str, str]]:
    for name in subscription["headers"] or ():
        yield name, _MASK
    timestamp = int(moment(attempt["started_utc"]).timestamp())
    yield "webhook-id", str(delivery["event_id"])
    yield "webhook-timestamp", str(timestamp)
    name, value = _SIGNATURES[subscription["signature"]]
    yield name, value.format(timestamp=timestamp)
    yield "content-type", "application/json"
    yield "trunkline-event-type", delivery["event_type"]
    yield "trunkline-delivery-id", delivery["id"]
    yield "trunkline-attempt", str(attempt["number"])
    if environment_of(company_id) == "test":
        yield "trunkline-environment", "test"
