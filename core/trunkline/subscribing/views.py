"""Subscriptions as shown over HTTP."""

from collections.abc import Sequence
from typing import Any

from trunkline.model.health import Figures, health_of
from trunkline.model.principals import show_maker
from trunkline.model.subscriptions import Subscription
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.store.subscriptions import Row
from trunkline.subscribing import declared, options
from trunkline.subscribing.requests import Checker
from trunkline.targets import signatures


def view(
    subscription: Subscription,
    *,
    checker: Checker,
    with_secret: bool = False,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Show *subscription*. The signing secret is shown only *with_secret*, and ``warnings`` only if there are any."""
    versions = checker.shown_versions(subscription.event_types, subscription.pins)
    members: dict[str, Any] = {
        "id": subscription.id,
        "channel": subscription.channel,
        **options.show(subscription, versions, checker.options),
        "status": subscription.status,
        "disabled_reason": subscription.disabled_reason,
        "disabled_utc": utc_or_none(subscription.disabled_ms),
        "created_utc": utc_text_of_ms(subscription.created_ms),
        "created_by": show_maker(subscription.created_by_kind, subscription.created_by),
        "updated_utc": utc_text_of_ms(subscription.updated_ms),
    }
    if (target := declared.show(checker.channel(subscription.channel), subscription)) is not None:
        members["target"] = target
    if not subscription.is_readable:
        members |= {"public_key": None} if subscription.signature == "ed25519" else {}
    elif subscription.signature == "ed25519":
        members["public_key"] = signatures.public_key(subscription.secrets[0].text)
    elif with_secret:
        members["secret"] = subscription.secrets[0].text
    if subscription.name is not None:
        members |= {
            "name": subscription.name,
            "holder": subscription.holder,
            "expires_utc": utc_or_none(subscription.expires_ms),
        }
    if warnings:
        members["warnings"] = list(warnings)
    return members


NEW_CONDITION: dict[str, Any] = {
    "health": "idle",
    "failing_since": None,
    "success_rate_24h": None,
    "p95_ms_24h": None,
}
"""The health members (see ``show_condition``) of a new subscription."""


def show_condition(row: Row, figures: Figures) -> dict[str, Any]:
    """Return the members of a subscription's JSON that describe its health."""
    rate, level = figures.success_rate, row.options.get("failing_level", 0)
    health = health_of(row.status, failures=row.failures, failing_level=level, figures=figures)
    return {
        "health": health,
        "failing_since": utc_or_none(row.failing_since_ms if row.failures else None),
        "success_rate_24h": None if rate is None else round(rate, 4),
        "p95_ms_24h": figures.p95_ms,
    }
