"""Requests and answers that only this channel has. What a subscription may hold is checked by the hub."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from trunkline import Strict

Scheme = Annotated[
    Literal["standard", "github", "stripe", "ed25519"],
    Field(description="how pushes are signed; `standard` follows the Standard Webhooks specification"),
]
EventTypeNames = Annotated[
    list[str],
    Field(description='event types, or `["*"]` for all', examples=[["client.created", "payment.failed"]]),
]
Filter = Annotated[
    dict[str, Any],
    Field(description="conditions on the payload", examples=[{"payload.amount": {"gte": 100}}]),
]
Headers = Annotated[
    dict[str, str], Field(description="sent along with every push; values are never shown again")
]


Versions = Annotated[
    dict[str, int],
    Field(
        description="which version of an event type to send; those that were current when it was made, if absent",
        examples=[{"invoice.created": 1}],
    ),
]


class CreateSubscription(Strict):
    """A new subscription."""

    target_url: str = Field(description="where to push", examples=["https://example.com/hooks/trunkline"])
    event_types: EventTypeNames
    description: str | None = Field(default=None, max_length=500)
    secret: str | None = Field(default=None, description="your own `whsec_…` secret; one is made if absent")
    headers: Headers | None = None
    filter: Filter | None = None
    versions: Versions | None = None
    start: str | None = Field(
        default=None,
        description="`now` (default), `earliest`, a cursor of `GET /api/v1/events`, or an ISO 8601 time",
    )
    signature: Scheme = "standard"


class UpdateSubscription(Strict):
    """What to change."""

    target_url: str | None = None
    event_types: EventTypeNames | None = None
    description: str | None = Field(default=None, max_length=500)
    headers: Headers | None = None
    filter: Filter | None = None
    versions: Versions | None = None
    status: Literal["active", "paused"] | None = None
    catch_up: bool = Field(default=True, description="on resuming: deliver what was missed")


class RotateSecret(Strict):
    """How to rotate."""

    overlap_seconds: int = Field(
        default=86_400, ge=0, le=30 * 86_400, description="how long the old secret still signs"
    )


class RotatedSecret(BaseModel):
    """The new secret, or the new public key of an `ed25519` subscription."""

    secret: str | None = None
    public_key: str | None = None


class TestAttempt(BaseModel):
    """How the target took a test delivery."""

    __test__ = False
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    duration_ms: int
    response_body: str | None
    error: str | None
