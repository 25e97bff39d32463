"""The gauges of the metrics, refreshed from the database every few seconds.

A scrape does not query the database. The lag of this process's shards is computed from its progress in memory and the last
snapshot. Figures of the whole deployment (head, due deliveries, replays) are as old as the last refresh.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from msgspec import Struct

from trunkline.dispatch.shards.progress import Progress
from trunkline.errors import StoreUnavailable
from trunkline.ingest.writability import Writability
from trunkline.model.environments import company_number, is_test
from trunkline.model.parts import Slice
from trunkline.plugins import Notifier
from trunkline.runtime import log_writing
from trunkline.runtime.background import Background
from trunkline.runtime.metrics import DeploymentSnapshot, Lag, Metrics
from trunkline.store import consumers, epochs
from trunkline.store import status as store
from trunkline.store.database import Database

REFRESH_SECONDS = 3.0
COUNTED = 10_000
"""The limit up to which due deliveries are counted; a larger number would not help the operator."""
CONSUMERS_EVERY, MOST_CONSUMERS = 5, 100
"""Refreshes per read of the consumers, and the number of consumers (those furthest behind) with a gauge."""


class LagSnapshot(Struct, frozen=True):
    """The state of the log at *taken_at* (monotonic seconds), when the database's clock showed *now_ms*.

    *oldest* maps each owned shard, or part of a shard, to the first event after its cursor: the event's position and
    time of acceptance.
    """

    taken_at: float
    now_ms: int
    head: int
    head_ms: int
    oldest: Mapping[Slice, tuple[int, int]]

    def lag(self, held: Slice, progress: Progress, *, now: float) -> Lag | None:
        """Compute how far *progress* is behind at *now* (monotonic seconds); None for a shard taken over later.

        Between two snapshots the cursor may pass the oldest event. Then the acceptance time at the cursor is interpolated
        between those of the oldest event and of the head.
        """
        cursor, _, live_cursor = progress.reached
        head = max(self.head, progress.live.read)
        positions, live_positions = head - cursor, head - (live_cursor or cursor)
        if cursor >= self.head:
            return Lag(held.shard, max(positions, 0), 0.0, max(live_positions, 0))
        if held not in self.oldest:
            return None
        position, accepted_ms = self.oldest[held]
        skipped = max(position - 1 - cursor, 0)  # ids without an event, as after a restore
        if cursor >= position:
            share = (cursor + 1 - position) / (self.head - position)
            accepted_ms += round(share * (self.head_ms - accepted_ms))
        age_ms = self.now_ms + (now - self.taken_at) * 1000 - accepted_ms
        return Lag(
            held.shard, positions - skipped, max(age_ms / 1000, 0.0), min(live_positions, positions - skipped)
        )


class Observer:
    """Refreshes the gauges from the database while the hub runs. *owned_shards* gives the shards that this process reads."""

    def __init__(
        self,
        database: Database,
        *,
        metrics: Metrics,
        notifier: Notifier,
        writability: Writability,
        owned_shards: Callable[[], Mapping[Slice, Progress]],
    ) -> None:
        self._database = database
        self._writability = writability
        self._metrics = metrics
        self._owned_shards = owned_shards
        self._lag_snapshot: LagSnapshot | None = None
        self._background = Background(
            "the look at the gauges", self.refresh, seconds=REFRESH_SECONDS, first_seconds=0
        )
        self._consumers: Sequence[tuple[str, float]] = ()
        self._looks = 0
        metrics.watch_each("trunkline_consumer_lag_seconds", lambda: self._consumers)
        metrics.watch_lag(self.lags)
        metrics.watch("trunkline_log_writable", lambda: writability.fault is None)
        metrics.watch_each("trunkline_notifications_dropped", lambda: [*notifier.dropped.items()])
        metrics.watch_each("trunkline_log_lines_dropped", lambda: [("", log_writing.dropped())])

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._background.__aexit__(*details)

    def lags(self) -> list[Lag]:
        """Compute the lag of each shard of this process, without a query; a divided shard has the largest lag of its parts."""
        snapshot, now = self._lag_snapshot, time.monotonic()
        if snapshot is None:
            return []
        furthest: dict[int, Lag] = {}
        for held, progress in self._owned_shards().items():
            lag = snapshot.lag(held, progress, now=now)
            known = furthest.get(held.shard)
            if lag is not None and (known is None or lag.positions > known.positions):
                furthest[held.shard] = lag
        return [*furthest.values()]

    async def refresh(self) -> None:
        """Read the figures and the state of the log once, and set the gauges."""
        try:
            snapshot = await self._read()
        except StoreUnavailable:
            self._metrics.set("trunkline_database_up", 0)  # the other gauges keep their last values
        else:
            self._metrics.deployment_observed(snapshot)
        await self._writability.look()

    async def _read(self) -> DeploymentSnapshot:
        cursors = {held: progress.cursor for held, progress in self._owned_shards().items()}
        async with self._database.read() as connection:
            figures = await store.figures(connection, cursors.values(), limit=COUNTED)
            behind_furthest = await epochs.count_between(connection, figures.lowest, figures.head.position)
            if self._looks % CONSUMERS_EVERY == 0:
                behind = await consumers.furthest_behind(connection, limit=MOST_CONSUMERS)
                self._consumers = [
                    (
                        f"{company_number(company)}{'/test' if is_test(company) else ''}/{name}",
                        max(age_ms, 0) / 1000,
                    )
                    for company, name, age_ms in behind
                ]
        self._looks += 1
        head, oldest, lowest = figures.head, figures.oldest, figures.lowest
        self._lag_snapshot = LagSnapshot(
            time.monotonic(),
            head.now_ms,
            head.position,
            head.accepted_ms,
            {held: oldest[cursor] for held, cursor in cursors.items() if cursor in oldest},
        )
        return DeploymentSnapshot(
            head=head.position,
            lag_positions=max(behind_furthest, 0),
            lag_seconds=_age(oldest[lowest][1] if lowest in oldest else None, head.now_ms),
            due=figures.due,
            oldest_due_seconds=_age(figures.oldest_due_ms, head.now_ms),
            replays=figures.replays,
            replay_positions=figures.replay_positions,
            quarantined=figures.quarantined,
            workers=figures.workers,
            failing=figures.failing,
        )


def _age(then_ms: int | None, now_ms: int) -> float:
    return 0.0 if then_ms is None else max(now_ms - then_ms, 0) / 1000
