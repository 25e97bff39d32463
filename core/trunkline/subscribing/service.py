"""The services of subscriptions for plugins and for the API.

The plugin of a channel passes its own name as *channel*, and sees only subscriptions of its channel. The core's routes pass
None and see all.
"""

from typing import Self

from trunkline.access.company_limits import CompanyLimits
from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.plugins import Notifier
from trunkline.store.clock import ClockGuard
from trunkline.store.database import Database
from trunkline.subscribing.catching_up import CatchUp
from trunkline.subscribing.changes import SubscriptionChanges
from trunkline.subscribing.creating import SubscriptionCreation
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.renewing import Renewals
from trunkline.subscribing.requests import Checker
from trunkline.subscribing.trial import Trials


class SubscriptionService:
    """All services of subscriptions (``contract.Subscriptions``). Enter it to start; leaving it finishes queued requests."""

    def __init__(
        self,
        database: Database,
        *,
        records: SubscriptionRecords,
        checker: Checker,
        finder: SubscriptionFinder,
        catch_up: CatchUp,
        trials: Trials,
        notifier: Notifier,
        limits: CompanyLimits,
        clock: ClockGuard,
    ) -> None:
        changes = SubscriptionChanges(database, records, checker, catch_up, notifier, limits)
        self._creation = creation = SubscriptionCreation(
            database, records=records, checker=checker, catch_up=catch_up, changes=changes, limits=limits
        )
        renewals = Renewals(database, records, creation, changes, catch_up, finder, limits, clock)
        self.list, self.page = finder.list, finder.page
        self.get, self.find = finder.get, finder.find
        self.create, self.subscribe = creation.create, creation.subscribe
        self.update, self.delete, self.disconnect = changes.update, changes.delete, changes.disconnect
        self.rotate_secret, self.secrets = changes.rotate_secret, changes.secrets
        self.test = trials.test
        self.check, self.renew, self.held = renewals.check, renewals.renew, renewals.held

    async def __aenter__(self) -> Self:
        await self._creation.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._creation.__aexit__(*details)
