"""Answers that only this channel has."""

from pydantic import Field

from trunkline.routes import SubscriptionView


class ChangedSubscription(SubscriptionView):
    """A subscription after a change."""

    warnings: list[str] | None = Field(
        default=None, description="what a new target lacks, such as a name that resolves; else absent"
    )
