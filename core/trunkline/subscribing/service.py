"""The subscriptions of every channel, as plugins and the API call them.

A channel's plugin calls it with its own name as *channel*, and sees nothing of another channel's; the core's routes call it
with None and see all.
"""

from trunkline.subscribing.changes import SubscriptionChanges
from trunkline.subscribing.creating import SubscriptionCreation
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.renewing import Renewals
from trunkline.subscribing.rotation import SecretRotation
from trunkline.subscribing.trial import Trials


class SubscriptionService:
    """The services of subscriptions under one name (``contract.Subscriptions``)."""

    def __init__(
        self,
        *,
        finder: SubscriptionFinder,
        creation: SubscriptionCreation,
        changes: SubscriptionChanges,
        rotation: SecretRotation,
        trials: Trials,
        renewals: Renewals,
    ) -> None:
        self.list, self.get, self.find = finder.list, finder.get, finder.find
        self.create, self.subscribe = creation.create, creation.subscribe
        self.update, self.delete = changes.update, changes.delete
        self.rotate_secret = rotation.rotate_secret
        self.test = trials.test
        self.check, self.renew, self.held = renewals.check, renewals.renew, renewals.held
