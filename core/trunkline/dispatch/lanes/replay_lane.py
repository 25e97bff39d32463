"""The replay lane: advances running replays page by page, in parallel with the live lane."""

import time
from collections.abc import Mapping

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.dispatch.lanes.lane import LOOK_SECONDS
from trunkline.dispatch.lanes.starting import Starter
from trunkline.dispatch.ledger import replay, reports
from trunkline.dispatch.signals import Signals
from trunkline.runtime import faults
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import order_changes, ordering, sql
from trunkline.store import replays as store
from trunkline.store import subscriptions as subscription_store
from trunkline.store.connection import Connection

WITHDRAWAL_SECONDS = 0.3
"""How often to check for cancelled replays while replays advance or deliveries of replays are in memory."""
BUSY_SECONDS = 0.05
MOST_COUNTED = 100
"""Upper bound for counting the running replays; the count shows whether all of them rest."""
SHORTEST_REST, LONGEST_REST = 0.005, 0.3
"""Shortest and longest rest, in seconds, of a replay that cannot advance.

A replay that waits for the live lane rests for milliseconds, a replay with a slow target for longer.
"""
REST_OF_EACH = 0.02
"""Seconds by which each resting replay prolongs the longest rest; so many replays need no more queries than a few."""


class Rests:
    """Pauses replays that cannot advance, each for twice as long as the last time, while others advance."""

    def __init__(self) -> None:
        self._rests: dict[int, tuple[float, float]] = {}
        """By replay number: the length of the rest in seconds, and its end (monotonic seconds)."""

    def begin(self, no: int, *, has_moved: bool) -> None:
        """Begin the rest of replay *no* after a step that made no delivery due.

        The rest is short if the replay *has_moved*.
        """
        seconds, _ = self._rests.get(no, (0.0, 0.0))
        longest = max(LONGEST_REST, REST_OF_EACH * len(self._rests))
        seconds = SHORTEST_REST if has_moved else max(SHORTEST_REST, min(2 * seconds, longest))
        self._rests[no] = seconds, time.monotonic() + seconds

    def end(self, no: int) -> None:
        """End the rest of replay *no*, or remove a replay that has ended."""
        self._rests.pop(no, None)

    def numbers(self) -> list[int]:
        """Return the replays that rest now.

        Replays whose rest ended long ago are removed, because another worker has advanced or ended them.
        """
        now = time.monotonic()
        self._rests = {no: rest for no, rest in self._rests.items() if rest[1] > now - LOOK_SECONDS}
        return [no for no, (_, until) in self._rests.items() if until > now]

    def seconds(self) -> float:
        """Return the seconds until the next rest ends."""
        now = time.monotonic()
        return min((until - now for _, until in self._rests.values() if until > now), default=0.0)


class ReplayLane:
    """Advances one replay by one page at a time; several workers advance different replays."""

    def __init__(
        self,
        starter: Starter,
        signals: Signals,
        *,
        records: SubscriptionRecords,
        schema_versions: SchemaVersions,
    ) -> None:
        self._starter = starter
        self._database = starter.database
        self._owned = starter.owned
        self._runner = starter.runner
        self._signals = signals
        self._records = records
        self._schema_versions = schema_versions
        self._begun: set[str] = set()
        self._noticed = 0.0
        self._look_at = 0.0
        self._running = 0
        self._rests = Rests()

    async def step(self) -> float | None:
        """Advance a replay. Returns the seconds until the next call, None if no replay runs.

        While a replay runs, the dispatcher also sets the signal once a second.
        """
        wait = await self._advance()
        if self._runner.has_replayed:
            return WITHDRAWAL_SECONDS if wait is None else min(wait, WITHDRAWAL_SECONDS)
        return wait

    async def _advance(self) -> float | None:
        """Advance the replay that has waited longest. Returns the seconds until the next call, None if no replay runs."""
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
        if done.claims:
            pins = {row.no: sql.pins_of(row.pins)} if row.pins else {}
            await self._starter.start(done.claims, events=done.events, pins=pins)
        elif done.made:
            self._signals.due.set()
            self._signals.turn.set()
        if done.made or done.has_ended:
            self._rests.end(row.no)
            return 0.0
        self._rests.begin(row.no, has_moved=done.has_moved)
        return 0.0 if len(self._rests.numbers()) < self._running else self._rests.seconds()

    async def _look(self) -> tuple[bool, float | None]:
        """Check for running replays, and withdraw deliveries of cancelled ones.

        Returns whether a replay runs, and if not, the seconds until the next check. While replays advance and nothing
        is left to withdraw, this check is not made before every page.
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
        """Start no more deliveries of cancelled replays, and withdraw some of those that wait in order.

        The runner gives back the deliveries in memory. Returns whether any deliveries with an order were withdrawn; if
        so, more may be left.
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
        """Report the start of a replay after its first step, and its end after its last step."""
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

    async def _notice_ends(self, connection: Connection) -> None:
        """Report, at most once a second, the replays of this worker that another process has ended."""
        if not self._begun or time.monotonic() - self._noticed < LOOK_SECONDS:
            return
        self._noticed = time.monotonic()
        for replay_id in sorted(self._begun):
            row = await store.get(connection, replay_id)
            status = row.status if row else "removed"
            if status == "running":
                continue
            self._begun.discard(replay_id)
            if status != "completed":  # the worker that completed the replay has reported it
                reports.replay_changed(status, replay_id, worker_id=self._owned.worker)
