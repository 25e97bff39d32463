"""Subscriptions whose secrets cannot be decrypted. A new secret makes such a subscription usable again."""

from collections.abc import Mapping
from typing import Any

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.errors import Conflict, SettingsInvalid, StoreUnavailable
from trunkline.model.subscriptions import Subscription

_NEEDS_SECRETS = frozenset({"status", "target_url", "target", "headers"})


def require_readable(subscription: Subscription) -> None:
    """Check that the secrets and headers of *subscription* were decrypted. Raises Conflict."""
    if not subscription.is_readable:
        msg = (
            "What is stored of this subscription's secrets and headers does not open. Rotate its secret, which makes a new "
            "one, send its 'headers' and the secrets of its 'target' again if it has any, and set 'status' to 'active'."
        )
        raise Conflict(msg)


def check_readable(before: Subscription, changes: Mapping[str, Any]) -> None:
    """Refuse changes that need the secrets and headers of *before* if these cannot be decrypted. Raises Conflict."""
    if not _NEEDS_SECRETS.isdisjoint(changes):
        require_readable(before)


async def require_keys(records: SubscriptionRecords) -> None:
    """Check that this process has the keys of the database, before a secret is replaced. Raises StoreUnavailable."""
    try:
        await records.require_keys()
    except SettingsInvalid as error:
        raise StoreUnavailable(str(error)) from None
