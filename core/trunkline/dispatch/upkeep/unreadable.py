"""Disables exactly the subscriptions whose secrets cannot be decrypted; all others continue.

First it checks that this process has the keys of the database. If not, this process is misconfigured, and must not disable
subscriptions that other processes deliver.
"""

from collections.abc import Iterable

from trunkline.access.subscription_records import OpenedRow, SubscriptionRecords
from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.events import shard_of
from trunkline.model.subscriptions import UNREADABLE
from trunkline.store import cursors, open_deliveries, streaks
from trunkline.store.database import Database
from trunkline.store.open_deliveries import Change
from trunkline.store.streaks import Ending
from trunkline.store.subscriptions import Row


class Unreadable:
    """Opens subscriptions, and disables active ones whose secrets cannot be decrypted."""

    def __init__(
        self, database: Database, owned: OwnedShards, *, records: SubscriptionRecords, reports: Reports
    ) -> None:
        self._database = database
        self._owned = owned
        self._records = records
        self._reports = reports

    def open(self, rows: Iterable[Row]) -> list[OpenedRow]:
        """Decrypt the rows of subscriptions; if a row cannot be decrypted, ``is_readable`` of its result is False."""
        return list(map(self._records.unseal, rows))

    async def disable(self, rows: Iterable[Row]) -> None:
        """Disable the subscriptions of *rows*.

        When one resumes, it continues after the position up to which the log was delivered. Several processes may find
        the same subscriptions; the first one disables and reports them.

        Raises:
            SettingsInvalid: the keys of this process are wrong.
            StoreUnavailable: nothing was changed.
        """
        await self._records.require_keys()
        shards = {row.no: shard_of(row.company_id, self._owned.total) for row in rows}
        async with self._database.write() as connection:
            reached = await cursors.cursors_of(connection, shards)
            endings = [Ending(no, UNREADABLE, cursor) for no, cursor in reached.items()]
            disabled = await streaks.disable(connection, endings)
            await open_deliveries.apply_to_all(connection, [row.no for row in disabled], Change.PARK)
        self._reports.subscriptions_disabled(disabled)
