"""Disables exactly the subscriptions whose secrets cannot be decrypted; all others continue.

First it checks that this process has the keys of the database. If not, this process is misconfigured, and must not disable
subscriptions that other processes deliver.
"""

from collections.abc import Iterable

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.model.events import shard_of
from trunkline.model.subscriptions import UNREADABLE
from trunkline.store import cursors, open_deliveries, streaks
from trunkline.store.database import Database
from trunkline.store.open_deliveries import Change
from trunkline.store.streaks import Ending
from trunkline.store.subscriptions import Row


async def disable(
    database: Database, rows: Iterable[Row], *, records: SubscriptionRecords, shards: int
) -> list[Row]:
    """Disable the subscriptions of *rows*, of a log in so many *shards*. Returns those that this process has disabled.

    When one resumes, it continues after the position up to which the log was delivered. Several processes may find the
    same subscriptions; the first one disables them.

    Raises:
        SettingsInvalid: the keys of this process are wrong.
        StoreUnavailable: nothing was changed.
    """
    await records.require_keys()
    async with database.write() as connection:
        reached = await cursors.cursors_of(
            connection, {row.no: shard_of(row.company_id, shards) for row in rows}
        )
        endings = [Ending(no, UNREADABLE, cursor) for no, cursor in reached.items()]
        disabled = await streaks.disable(connection, endings)
        await open_deliveries.apply_to_all(connection, [row.no for row in disabled], Change.PARK)
    return disabled
