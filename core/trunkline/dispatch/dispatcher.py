"""The dispatcher: reads the log for the pushing channels. One runs in each worker process.

::

    leases ──► owned shards ──► reader ──► routing table ──► runner ──► channel.deliver
                                                              │ ▲
                              cursors, ledger ◄── settlement ◄┘ └── retries ◄── what is due
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.contract import ChangedSubscription, Channel, Deliver, FinishedAttempt, HttpClient
from trunkline.dispatch import reports
from trunkline.dispatch.jobs import Deferred, Ended, Job
from trunkline.dispatch.leases import Leases
from trunkline.dispatch.progress import Progress
from trunkline.dispatch.reader import Reader
from trunkline.dispatch.replay_lane import ReplayLane
from trunkline.dispatch.retries import Retries
from trunkline.dispatch.routing import RoutingTable
from trunkline.dispatch.runner import GRACE_SECONDS, Runner
from trunkline.dispatch.settlement import Settlement
from trunkline.dispatch.slots import Slots
from trunkline.errors import StoreUnavailable
from trunkline.model.deliveries import BreakerPolicy, RetryPolicy
from trunkline.plugins import Notifier
from trunkline.runtime.metrics import Metrics
from trunkline.schemas.versions import SchemaVersions
from trunkline.settings import Delivery
from trunkline.store import deliveries as ledger
from trunkline.store import shards as shard_store
from trunkline.store.database import Database
from trunkline.store.subscriptions import Row
from trunkline.store.wakeup import Signal, Wakeup

STOP_SECONDS = 5.0
"""How long a stopping dispatcher waits for what is in flight."""
_log = logging.getLogger(__name__)


class Dispatcher:
    """One worker. Enter it to start, leave it to stop; several may run on one PostgreSQL database."""

    def __init__(
        self,
        database: Database,
        *,
        channels: Mapping[str, Channel],
        http: HttpClient,
        settings: Delivery,
        wakeup: Wakeup,
        notifier: Notifier,
        metrics: Metrics,
        records: SubscriptionRecords,
        schema_versions: SchemaVersions,
        now_ms: Callable[[], int],
    ) -> None:
        self.worker = f"wrk_{secrets.token_hex(8)}"
        self._database = database
        self._channels = channels
        self._http = http
        self._settings = settings
        self._wakeup = wakeup
        self._notifier = notifier
        self._metrics = metrics
        self._records = records
        self._schema_versions = schema_versions
        self._now_ms = now_ms
        self._owned: dict[int, Progress] = {}
        self._due = Signal()
        self._replay = Signal()
        self._stack = contextlib.ExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        async with self._database.write() as connection:
            shards = await shard_store.count(connection)
            await ledger.release_held(connection, [c.name for c in self._channels.values() if c.deliver])
        self._live = live = self._stack.enter_context(self._wakeup.signal())
        self._assemble(shards)
        await self._leases.look_after()
        self._tasks = [
            asyncio.create_task(self._leases.run(), name="leases"),
            asyncio.create_task(self._reader.run(live), name="reader"),
            asyncio.create_task(self._retries.run(self._due), name="retries"),
            asyncio.create_task(self._replays.run(self._replay), name="replays"),
            asyncio.create_task(self._settlement.run(), name="settlement"),
            asyncio.create_task(self._sweep(), name="sweep"),
        ]
        for task in self._tasks:
            task.add_done_callback(self._report_death)
        return self

    async def __aexit__(self, *_: object) -> None:
        leases, reader, retries, replays, settlement, sweep = self._tasks
        await _stop([reader, retries, replays])
        await self._runner.drain(STOP_SECONDS)
        await _stop([leases, settlement, sweep])
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._settlement.flush()
                await self._leases.leave()
        except (StoreUnavailable, TimeoutError):
            _log.warning("the database did not answer while stopping; what was in flight may be sent twice")
        self._stack.close()

    @property
    def owned_shards(self) -> Mapping[int, Progress]:
        """The shards that this worker reads, and how far."""
        return self._owned

    @property
    def is_alive(self) -> bool:
        """Whether every part of it runs."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def _assemble(self, shards: int) -> None:
        settings = self._settings
        slots: Slots[Job] = Slots(
            settings.concurrency, per_subscription=settings.concurrency_per_subscription
        )
        table = RoutingTable(self._deliver_of, schema_versions=self._schema_versions)
        lease_ms = int((settings.timeout_seconds + 2 * GRACE_SECONDS + 5) * 1000)
        self._runner = Runner(
            slots,
            self._http,
            timeout_seconds=settings.timeout_seconds,
            body_of=self._schema_versions.body,
            sink=self._put,
            now_ms=self._now_ms,
        )
        self._settlement = Settlement(
            self._database,
            self.worker,
            self._owned,
            retry=RetryPolicy(settings.retry_schedule_seconds, settings.retry_jitter),
            breaker=BreakerPolicy(settings.breaker_failures, settings.breaker_span_seconds),
            shards=shards,
            overdue=lambda: self._runner.overdue(lease_ms),
            on_settled=self._settled,
            on_written=lambda count, seconds: self._metrics.batch_settled(count, seconds=seconds),
            on_disabled=self._disabled,
            on_due=self._due.set,
        )
        self._reader = Reader(
            self._database, table, self._runner, self._owned, shards=shards, records=self._records
        )
        self._retries = Retries(
            self._database,
            self.worker,
            table,
            self._runner,
            lease_ms=lease_ms,
            per_subscription=max(1, settings.concurrency_per_subscription // 2),
            may_claim=lambda: self._leases.is_alive,
        )
        self._replays = ReplayLane(
            self._database,
            self.worker,
            shards=shards,
            records=self._records,
            schema_versions=self._schema_versions,
            on_due=self._due.set,
        )
        self._leases = Leases(
            self._database, self.worker, self._owned, shards=shards, on_taken=self._live.set
        )
        self._metrics.watch_dispatcher(
            in_flight=lambda: slots.in_use,
            waiting=lambda: self._runner.waiting,
            open=lambda: self._runner.open,
            shards=lambda: len(self._owned),
        )

    def _put(self, item: Ended | Deferred) -> None:
        self._settlement.put(item)

    def _deliver_of(self, channel: str) -> Deliver | None:
        found = self._channels.get(channel)
        return found.deliver if found else None

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self._runner.sweep()

    def wake_retries(self) -> None:
        """Look at once for deliveries that are due."""
        self._due.set()

    def wake_replays(self) -> None:
        """Look at once for replays that run."""
        self._replay.set()

    def _settled(self, ended: Sequence[Ended]) -> None:
        self._metrics.attempts_ended(
            [(e.job.route.subscription.channel, e.result.outcome, e.duration_ms) for e in ended]
        )
        if ended and self._notifier.wants("attempt_finished"):
            self._notifier.attempt_finished([_finished(item) for item in ended])

    def _disabled(self, rows: Sequence[Row]) -> None:
        reports.subscriptions_disabled(rows)
        for row in rows:
            if self._notifier.wants("subscription_changed"):
                self._notifier.subscription_changed(
                    ChangedSubscription(row.id, row.company_id, row.channel, row.status)
                )

    def _report_death(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("the dispatcher's %s stopped", task.get_name(), exc_info=error)


def _finished(item: Ended) -> FinishedAttempt:
    job, subscription = item.job, item.job.route.subscription
    return FinishedAttempt(
        delivery_id=str(job.key),
        event_id=job.event.position,
        event_type=job.event.type,
        subscription_id=subscription.id,
        company_id=subscription.company_id,
        channel=subscription.channel,
        number=job.attempt,
        duration_ms=item.duration_ms,
        result=item.result,
    )


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
