"""The replay lane: moves running replays on, page by page, beside the live lane."""

import logging
import time
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger import replay, reports
from trunkline.dispatch.ledger.starting import Starter
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.errors import StoreUnavailable
from trunkline.runtime import faults
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import order_changes, ordering, sql
from trunkline.store import replays as store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.database import Database
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
WITHDRAWAL_SECONDS = 0.3
"""How often to look for cancelled replays while pages follow each other or their deliveries are in memory."""
BUSY_SECONDS = 0.05
MOST_COUNTED = 100
"""Running replays that are counted to know whether all of them rest."""
SHORTEST_REST, LONGEST_REST = 0.005, 0.3
"""Seconds that a replay rests when it cannot go on: milliseconds for the live lane, longer for a slow target."""
REST_OF_EACH = 0.02
"""Longest rest in seconds per resting replay, so that many replays cost no more looks than a few."""
_log = logging.getLogger(__name__)


class Rests:
    """Lets replays rest that cannot go on, each twice as long as the last time, while others move on."""

    def __init__(self) -> None:
        self._rests: dict[int, tuple[float, float]] = {}
        """By number: the length of the rest in seconds, and its end (monotonic seconds)."""

    def begin(self, no: int, *, has_moved: bool) -> None:
        """Let replay *no* rest after a step that made nothing due; only shortly if it *has_moved* in the log."""
        seconds, _ = self._rests.get(no, (0.0, 0.0))
        longest = max(LONGEST_REST, REST_OF_EACH * len(self._rests))
        seconds = SHORTEST_REST if has_moved else max(SHORTEST_REST, min(2 * seconds, longest))
        self._rests[no] = seconds, time.monotonic() + seconds

    def end(self, no: int) -> None:
        """Let replay *no* go on, or forget it if it has ended."""
        self._rests.pop(no, None)

    def numbers(self) -> list[int]:
        """Give the replays that rest now; forget those whose rest ended long ago, as another worker moved or ended them."""
        now = time.monotonic()
        self._rests = {no: rest for no, rest in self._rests.items() if rest[1] > now - LOOK_SECONDS}
        return [no for no, (_, until) in self._rests.items() if until > now]

    def seconds(self) -> float:
        """Give the seconds until the first rest ends."""
        now = time.monotonic()
        return min((until - now for _, until in self._rests.values() if until > now), default=0.0)


class ReplayLane:
    """Moves one replay on by one page at a time; several workers move different ones."""

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        runner: Runner,
        *,
        starter: Starter,
        records: SubscriptionRecords,
        schema_versions: SchemaVersions,
        due: Signal,
        turn: Signal,
    ) -> None:
        self._database = database
        self._owned = owned
        self._runner = runner
        self._starter = starter
        self._records = records
        self._schema_versions = schema_versions
        self._due = due
        self._turn = turn
        self._begun: set[str] = set()
        self._noticed = 0.0
        self._look_at = 0.0
        self._running = 0
        self._rests = Rests()

    async def run(self, replay_runs: Signal) -> None:
        """Move replays on whenever one runs; the agenda watch sets *replay_runs* once a second while one does."""
        while True:
            wait: float | None = LOOK_SECONDS
            try:
                wait = await self.step()
            except StoreUnavailable as error:
                _log.warning("cannot move replays on now: %s", error)
            if self._runner.has_replayed:
                wait = WITHDRAWAL_SECONDS if wait is None else min(wait, WITHDRAWAL_SECONDS)
            await replay_runs.wait(wait)

    async def step(self) -> float | None:
        """Move on the replay that waited longest; returns in how many seconds to look again, None if none runs."""
        if time.monotonic() >= self._look_at:
            is_any_running, wait = await self._look()
            if not is_any_running:
                return wait
        faults.point("replay.before_take")
        async with self._database.write() as connection:
            resting = self._rests.numbers()
            row = await store.take_next(connection, but=resting)
            if row is None:
                self._look_at = 0.0
                return self._rests.seconds() if resting else LOOK_SECONDS
            faults.point("replay.after_take")
            subscription = await subscription_store.by_number(connection, row.subscription_no)
            done = await replay.step(
                connection,
                row,
                self._records.open(subscription),
                shards=self._owned.total,
                schema_versions=self._schema_versions,
                claiming=self._starter.claiming(subscription.no),
            )
            faults.point("replay.before_commit")
        faults.point("replay.after_commit")
        self._report(row, subscription.id, has_ended=done.has_ended)
        await self._begin(row, done)
        if done.made or done.has_ended:
            self._rests.end(row.no)
            return 0.0
        self._rests.begin(row.no, has_moved=done.has_moved)
        return 0.0 if len(self._rests.numbers()) < self._running else self._rests.seconds()

    async def _begin(self, row: store.Row, done: replay.Step) -> None:
        """Start the claims of a step; if it only made deliveries due, wake the lanes that claim them."""
        if done.claims:
            pins = {row.no: sql.pins_of(row.pins)} if row.pins else {}
            await self._starter.start(done.claims, events=done.events, pins=pins)
        elif done.made:
            self._due.set()
            self._turn.set()

    async def _look(self) -> tuple[bool, float | None]:
        """Look for running replays, and take back deliveries of cancelled ones.

        Returns whether a replay runs, and if not, in how many seconds to look again. While pages follow each other and nothing
        is left to take back, this is not done before every page.
        """
        async with self._database.read() as connection:
            await self._notice_ends(connection)
            withdrawing = await store.withdrawing(connection)
            self._running = await store.running(connection, limit=MOST_COUNTED)
        has_taken_back = await self._withdraw(withdrawing)
        if self._running:
            if not has_taken_back:
                self._look_at = time.monotonic() + WITHDRAWAL_SECONDS
            return True, None
        if withdrawing:
            return False, BUSY_SECONDS if has_taken_back else WITHDRAWAL_SECONDS
        return False, LOOK_SECONDS if self._begun else None

    async def _withdraw(self, withdrawing: Mapping[int, int]) -> bool:
        """Start no deliveries of cancelled replays, and take back the next of them, including those other workers had in memory.

        Returns whether it took back deliveries in order, of which more may be left.
        """
        self._runner.withdraw(withdrawing)
        has_taken_back = False
        for no, subscription_no in withdrawing.items():
            async with self._database.write() as connection:
                if not await ordering.lock(connection, [subscription_no], skip=True):
                    continue
                has_taken_back |= await order_changes.take_back(connection, no, subscription_no)
        return has_taken_back

    def _report(self, row: store.Row, subscription_id: str, *, has_ended: bool) -> None:
        """Report that the replay started, if this was its first step, and that it ended, if this was its last."""
        facts = {
            "worker_id": self._owned.worker,
            "subscription_id": subscription_id,
            "company_id": row.company_id,
            "kind": row.kind,
            "end_position": row.end_position,
        }
        if row.id not in self._begun and row.updated_ms - row.created_ms <= 1:
            reports.replay_changed("started", row.id, **facts)
        self._begun.add(row.id)
        if has_ended:
            self._begun.discard(row.id)
            reports.replay_changed("completed", row.id, **facts, matched=row.matched)

    async def _notice_ends(self, connection: AsyncConnection) -> None:
        """Report once a second which replays that were moved here have been ended by another process."""
        if not self._begun or time.monotonic() - self._noticed < LOOK_SECONDS:
            return
        self._noticed = time.monotonic()
        for replay_id in sorted(self._begun):
            status = await self._status(connection, replay_id)
            if status == "running":
                continue
            self._begun.discard(replay_id)
            if status != "completed":  # the worker that completed it has reported it
                reports.replay_changed(status, replay_id, worker_id=self._owned.worker)

    async def _status(self, connection: AsyncConnection, replay_id: str) -> str:
        row = await store.get(connection, replay_id)
        return row.status if row else "removed"
