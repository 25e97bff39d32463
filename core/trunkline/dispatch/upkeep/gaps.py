"""Reports gaps, which are events that a receiver will not get, to the receivers of renewable subscriptions.

When a subscription resumes after a pause, its gap is noted. It stays noted until it is reported here
(``Channel.tell_gap``) or in the answer to a renewal. After a crash a gap may be reported twice, under the same id.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from trunkline.dispatch.attempts.results import GRACE_SECONDS
from trunkline.dispatch.attempts.sender import Sender
from trunkline.dispatch.ledger import reports
from trunkline.dispatch.routing.table import Route, RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.errors import StoreUnavailable
from trunkline.model.deliveries import Outcome, Result
from trunkline.runtime import faults
from trunkline.store import subscriptions as store
from trunkline.store.database import Database

LOOK_SECONDS = 1.0
AT_ONCE = 32
PER_COMPANY = 4
WAITS_SECONDS = (3.0, 30.0, 120.0, 600.0)
"""Seconds before each further attempt to report a gap.

After the last attempt, the answer to the next renewal reports it.
"""
_log = logging.getLogger(__name__)


class _Telling(Struct):
    """The state of reporting one gap."""

    position: int
    attempts: int = 0
    not_before: float = 0.0
    is_under_way: bool = False


class Gaps:
    """Checks *table* once a second for subscriptions with a gap, among those in the shards that this worker owns."""

    def __init__(
        self,
        database: Database,
        table: RoutingTable,
        sender: Sender,
        owned: OwnedShards,
        *,
        timeout_seconds: float,
    ) -> None:
        self._database = database
        self._table = table
        self._sender = sender
        self._owned = owned
        self._timeout_seconds = timeout_seconds
        self._tellings: dict[int, _Telling] = {}

    async def run(self) -> None:
        """Report all gaps, at most ``AT_ONCE`` at the same time, and at most ``PER_COMPANY`` of them of one company."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                if self._table.gaps or self._tellings:
                    for route, telling in list(self._due()):
                        telling.is_under_way = True
                        group.create_task(self._tell(route, telling))

    def _due(self) -> Iterator[tuple[Route, _Telling]]:
        under_way = Counter[int]()
        for no, telling in list(self._tellings.items()):
            if telling.is_under_way:
                under_way[self._company_of(no)] += 1
            elif no not in self._table.gaps:
                del self._tellings[no]
        for no in sorted(self._table.gaps):
            route = self._table.route(no)
            if route is None or not self._is_own(route):
                continue
            company = route.subscription.company_id
            telling = self._telling_of(route)
            if telling.is_under_way or time.monotonic() < telling.not_before:
                continue
            if under_way.total() < AT_ONCE and under_way[company] < PER_COMPANY:
                under_way[company] += 1
                yield route, telling

    def _company_of(self, no: int) -> int:
        route = self._table.route(no)
        return 0 if route is None else route.subscription.company_id

    def _is_own(self, route: Route) -> bool:
        progress = self._owned.of(route.subscription.company_id, route.subscription.no)
        return progress is not None and not progress.lost and not progress.draining

    def _telling_of(self, route: Route) -> _Telling:
        no, position = route.subscription.no, route.subscription.gap_position or 0
        telling = self._tellings.get(no)
        if telling is None or (telling.position != position and not telling.is_under_way):
            telling = self._tellings[no] = _Telling(position)
        return telling

    async def _tell(self, route: Route, telling: _Telling) -> None:
        try:
            result = await self._attempt(route)
            faults.point("gap.after_tell")
            reports.gap_told(route.subscription, result, position=telling.position)
            if result.outcome is not Outcome.RETRY:
                async with self._database.write() as connection:
                    await store.forget_gap(connection, route.subscription.no, position=telling.position)
                telling.not_before = time.monotonic() + WAITS_SECONDS[-1]  # the table is refreshed by then
                return
        except StoreUnavailable as error:
            _log.warning("cannot note now that a gap was told: %s", error)
        finally:
            telling.is_under_way = False
        waits = [*WAITS_SECONDS, float("inf")]
        telling.not_before = time.monotonic() + waits[min(telling.attempts, len(WAITS_SECONDS))]
        telling.attempts += 1

    async def _attempt(self, route: Route) -> Result:
        """Make one attempt. If the channel raises or takes too long, the attempt has failed."""
        limit = (route.subscription.timeout_seconds or self._timeout_seconds) + GRACE_SECONDS
        try:
            async with asyncio.timeout(limit):
                return await self._sender.tell_gap(route, self._sender.now_ms())
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - a channel is a plugin
            return Result(Outcome.RETRY, error=f"channel_error: {type(error).__name__}")
