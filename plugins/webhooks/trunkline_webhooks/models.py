"""Requests and answers that only this channel has."""

from typing import Literal

from pydantic import BaseModel, Field

from trunkline import Strict, SubscriptionView


class RotateSecret(Strict):
    """How to rotate."""

    overlap_seconds: int = Field(
        default=86_400, ge=0, le=30 * 86_400, description="how long the old secret still signs"
    )


class RotatedSecret(BaseModel):
    """The new secret, or the new public key of an `ed25519` subscription."""

    secret: str | None = None
    public_key: str | None = None


class ChangedSubscription(SubscriptionView):
    """A subscription after a change."""

    warnings: list[str] | None = Field(
        default=None, description="what a new target lacks, such as a name that resolves; else absent"
    )


class TestAttempt(BaseModel):
    """How the target took a test delivery."""

    __test__ = False
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    duration_ms: int
    response_body: str | None
    error: str | None
