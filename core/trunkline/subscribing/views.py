"""How subscriptions and deliveries are shown (CONTRACT §6 and §13)."""

from collections.abc import Mapping
from typing import Any

from trunkline.model.subscriptions import Subscription
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.targets import signatures

MASK = "••••"


def view(
    subscription: Subscription, *, versions: Mapping[str, int], with_secret: bool = False
) -> dict[str, Any]:
    """Show *subscription* with the *versions* that it gets; its signing secret only *with_secret*."""
    shown: dict[str, Any] = {
        "id": subscription.id,
        "channel": subscription.channel,
        "target_url": subscription.target_url,
        "event_types": list(subscription.event_types),
        "description": subscription.description,
        "filter": subscription.filter,
        "versions": dict(versions),
        "headers": dict.fromkeys(subscription.headers, MASK),
        "signature": subscription.signature,
        "status": subscription.status,
        "disabled_reason": subscription.disabled_reason,
        "disabled_utc": utc_or_none(subscription.disabled_ms),
        "created_utc": utc_text_of_ms(subscription.created_ms),
        "updated_utc": utc_text_of_ms(subscription.updated_ms),
    }
    if subscription.signature == "ed25519":
        shown["public_key"] = signatures.public_key(subscription.secrets[0].text)
    elif with_secret:
        shown["secret"] = subscription.secrets[0].text
    return shown
