"""The replay lane: moves running replays on, page by page, beside everything that is live."""

import logging
from collections.abc import Callable

from trunkline import replay
from trunkline.database import Database
from trunkline.errors import StoreUnavailable
from trunkline.store import replays as store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.subscriptions import Row
from trunkline.subscriptions import Subscription
from trunkline.wakeup import Bell

LOOK_SECONDS = 1.0
BUSY_SECONDS = 0.05
_log = logging.getLogger(__name__)


class ReplayLane:
    """Takes one step of one replay at a time; several workers take steps of different ones."""

    def __init__(
        self,
        database: Database,
        *,
        shards: int,
        unseal: Callable[[Row], Subscription],
        on_due: Callable[[], None],
    ) -> None:
        self._database = database
        self._shards = shards
        self._unseal = unseal
        self._on_due = on_due

    async def run(self, bell: Bell) -> None:
        """Step whenever a replay runs, looking once a second."""
        while True:
            wait = LOOK_SECONDS
            try:
                wait = await self.step()
            except StoreUnavailable as error:
                _log.warning("cannot move replays on now: %s", error)
            await bell.wait(wait)

    async def step(self) -> float:
        """Move the replay on that has waited longest; returns in how many seconds to look again."""
        async with self._database.read() as connection:
            if not await store.is_any_running(connection):
                return LOOK_SECONDS
        async with self._database.write() as connection:
            row = await store.take_next(connection)
            if row is None:
                return LOOK_SECONDS
            subscription = (await subscription_store.by_numbers(connection, [row.subscription_no]))[
                row.subscription_no
            ]
            made = await replay.step(connection, row, self._unseal(subscription), shards=self._shards)
        if made:
            self._on_due()
        return 0.0 if made else BUSY_SECONDS
