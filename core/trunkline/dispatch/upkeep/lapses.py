"""Disables subscriptions that nobody renewed in time, and ends their open deliveries."""

from collections.abc import Callable

from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.routing.table import NEVER_MS, RoutingTable
from trunkline.model.subscriptions import LAPSED
from trunkline.runtime import faults
from trunkline.store import open_deliveries, streaks
from trunkline.store import subscriptions as store
from trunkline.store.database import Database
from trunkline.store.open_deliveries import Change
from trunkline.store.streaks import Ending
from trunkline.store.subscriptions import Row

LOOK_SECONDS = 1.0
AT_ONCE = 200


class Lapses:
    """Checks *table* once a second for a lapsed subscription, and queries the database only if there is one."""

    def __init__(
        self, database: Database, table: RoutingTable, *, reports: Reports, now_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._table = table
        self._reports = reports
        self._now_ms = now_ms

    async def step(self) -> float:
        """Disable lapsed subscriptions. Returns the seconds until the next check. Raises StoreUnavailable."""
        if self._now_ms() < self._table.first_expiry_ms:
            return LOOK_SECONDS
        self._table.first_expiry_ms = NEVER_MS  # rows read meanwhile may lower it again
        ended: list[Row] = []
        try:
            async with self._database.write() as connection:
                lapsed = await store.lapsed(connection, limit=AT_ONCE)
                ended = await streaks.disable(connection, [Ending(no, LAPSED, 0) for no in lapsed])
                if ended:
                    faults.point("lapse.after_disable")
                await open_deliveries.apply_to_all(connection, [row.no for row in ended], Change.END)
                next_ms = await store.first_expiry_ms(connection)
                if ended:
                    faults.point("lapse.before_commit")
        except BaseException:
            self._table.first_expiry_ms = 0
            raise
        if ended:
            faults.point("lapse.after_commit")
        if next_ms is not None:
            self._table.first_expiry_ms = min(self._table.first_expiry_ms, next_ms)
        self._reports.subscriptions_disabled(ended)
        return LOOK_SECONDS
