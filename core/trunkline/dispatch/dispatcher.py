"""The dispatcher: reads the log for the pushing channels. One runs in each worker process.

::

    leases ──► owned shards ──► reader ──► routing table ──► runner ──► sender ──► channel.deliver
                                   └────► matching lane ─────┘│ ▲  ▲
                              cursors, ledger ◄── settlement ◄┘ │  └── ordering ◄── lane ◄── due in order
                                                                └── lanes ◄── retries, paced deliveries, replays
    agenda watch, once a second: wakes the other parts if another process left them work
"""

import asyncio
import contextlib
import functools
import logging
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Self

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.dispatch.agenda_watch import AgendaWatch, has_due_soon
from trunkline.dispatch.attempts.gathering import Gathering
from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.attempts.sender import Sender
from trunkline.dispatch.attempts.slots import Slots
from trunkline.dispatch.lanes.free_lane import FreeLane
from trunkline.dispatch.lanes.lane import Lane
from trunkline.dispatch.lanes.ordered_lane import OrderedLane
from trunkline.dispatch.lanes.paced_lane import PacedLane
from trunkline.dispatch.lanes.replay_lane import ReplayLane
from trunkline.dispatch.lanes.starting import Starter
from trunkline.dispatch.leases.dividing import Dividing
from trunkline.dispatch.leases.leases import Leases
from trunkline.dispatch.ledger import policies
from trunkline.dispatch.ledger.ordering import Ordering
from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.ledger.settlement import Settlement
from trunkline.dispatch.reading.matching_lane import MatchingLane
from trunkline.dispatch.reading.reader import Reader
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.dispatch.signals import KeepUp, Signals, kept_up
from trunkline.dispatch.supervision import Run, Supervision
from trunkline.dispatch.upkeep.gaps import Gaps
from trunkline.dispatch.upkeep.lapses import Lapses
from trunkline.dispatch.upkeep.publishing import Certificates, Publishing
from trunkline.dispatch.upkeep.status_changes import StatusChanges
from trunkline.dispatch.upkeep.unreadable import Unreadable
from trunkline.errors import StoreUnavailable
from trunkline.model.parts import Slice
from trunkline.model.workers import name_worker
from trunkline.settings import Delivery
from trunkline.store import deliveries as ledger
from trunkline.store import shards as shard_store
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline.store.wakeup import Signal

STOP_SECONDS = 5.0
"""How long a stopping dispatcher waits for attempts in flight."""
SWEEP_SECONDS = 0.1
"""How often a worker with deliveries in memory looks for deliveries that take too long."""
IDLE_SECONDS = 1.0
"""How often a worker without deliveries in memory drops state that it no longer needs."""
_UNTIL_DRAINED = ("leases", "settlement", "sweep")
"""Parts that run while a stopping dispatcher waits for attempts in flight, so that it keeps its shards and writes the results."""
_NOT_VITAL = frozenset({"replays", "lapses", "status_changes", "gaps", "publishing"})
"""Parts whose failure does not stop deliveries."""
_log = logging.getLogger(__name__)


class Dispatcher:
    """One worker. Enter it to start, leave it to stop; several may run on one PostgreSQL database.

    It opens *connections* to PostgreSQL, and one more for its leases. It awaits *keep_up* before it looks for due deliveries.
    """

    _ordering: Ordering

    def __init__(
        self,
        database: EngineDatabase,
        settings: Delivery,
        *,
        records: SubscriptionRecords,
        sender: Sender,
        signals: Signals,
        reports: Reports,
        keep_up: KeepUp = kept_up,
        connections: int = 4,
        certificates: Certificates = dict[tuple[int, str, int], int],
    ) -> None:
        self.worker = name_worker(socket.gethostname(), os.getpid(), secrets.token_hex(3))
        self._engines = database
        self._settings = settings
        self._records = records
        self._sender = sender
        self._signals = signals
        self._reports = reports
        self._keep_up = keep_up
        self._connections = connections
        self._certificates = certificates
        self._stack = contextlib.AsyncExitStack()
        self._supervision = Supervision(self._rest)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        # A separate connection, so that a heartbeat never waits for other work.
        for_leases = await self._stack.enter_async_context(self._engines.direct(1))
        self._database = await self._stack.enter_async_context(self._engines.direct(self._connections))
        async with self._database.write() as connection:
            self._owned = OwnedShards(self.worker, await shard_store.count(connection))
            await ledger.release_held(connection, self._sender.pushing_channels())
        log_has_grown = self._stack.enter_context(self._signals.log.signal())
        self._handover = self._stack.enter_context(self._signals.log.handover())
        self._build(log_has_grown, for_leases)
        await self._reader.prepare()
        await self._leases.renew()
        self._start(log_has_grown)
        return self

    async def __aexit__(self, *_: object) -> None:
        await _stop([task for name, task in self._tasks.items() if name not in _UNTIL_DRAINED])
        self._ordering.stop()
        await self._runner.drain(STOP_SECONDS)
        await _stop([self._tasks[name] for name in _UNTIL_DRAINED])
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._settlement.flush(is_last=True)
                await self._leases.leave()
        except (StoreUnavailable, TimeoutError):
            _log.warning("the database did not answer while stopping; what was in flight may be sent twice")
        await self._stack.aclose()

    @property
    def owned_shards(self) -> Mapping[Slice, Progress]:
        """The shards, or parts of shards, that this worker owns, each with its read progress."""
        return self._owned.progress

    @property
    def is_alive(self) -> bool:
        """Whether every part of this worker runs."""
        is_running = bool(self._tasks) and not any(task.done() for task in self._tasks.values())
        return is_running and not self._owned.is_resting

    @property
    def state(self) -> str:
        """The state of this worker as text for ``/readyz``."""
        if self._owned.is_resting:
            return "has failed and begins again"
        return "ok" if self.is_alive else "stopped"

    async def failed(self) -> None:
        """Wait until a part has failed permanently, so that the process must be restarted."""
        await self._supervision.has_failed.wait()

    def _build(self, log_has_grown: Signal, for_leases: Database) -> None:
        """Create the parts, each after the parts that it needs."""
        settings = self._settings
        slots: Slots[Job] = Slots(
            settings.concurrency, per_subscription=settings.concurrency_per_subscription
        )
        table = RoutingTable(
            self._sender.channels.get,
            schema_versions=self._sender.schema_versions,
            deliver_for=Gathering(slots, self._reports.batch_began).deliver_for,
            treatment=policies.treatment_of(self._settings),
            tracer=self._sender.tracer,
        )

        def order_of(runner: Runner) -> Ordering:
            self._ordering = Ordering(runner, self._owned, table, turn=self._signals.turn)
            return self._ordering

        self._runner = Runner(
            slots, self._sender, timeout_seconds=settings.timeout_seconds, order_of=order_of
        )
        self._settlement = Settlement(
            self._database,
            self._owned,
            self._runner,
            policies=policies.of_settings(self._settings, self._sender.channels),
            reports=self._reports,
            due=self._signals.due,
            turn=self._signals.turn,
        )
        self._matching = MatchingLane(self._database, table, self._runner, self._runner.room, spills=True)
        self._catching_up = MatchingLane(
            self._database, table, self._runner, self._runner.room_of_stretches, spills=False
        )
        self._leases = Leases(
            for_leases,
            self._owned,
            log_has_grown,
            self._signals.log.lock,
            mark_hot=Dividing(self._owned, table, (self._matching, self._catching_up)).mark,
        )
        self._reader = self._build_reader(table)
        self._build_lanes(table)
        self._lapses = Lapses(self._database, table, reports=self._reports, now_ms=self._sender.lapsing_ms)
        self._status_changes = StatusChanges(self._database, due=self._signals.due)
        self._publishing = Publishing(self._database, self._signals.log, certificates=self._certificates)
        self._gaps = Gaps(
            self._database, table, self._sender, self._owned, timeout_seconds=self._settings.timeout_seconds
        )
        self._agenda_watch = self._build_agenda_watch(log_has_grown)
        self._reports.watch(self._runner, self._owned)

    def _build_lanes(self, table: RoutingTable) -> None:
        """Create the loop over deliveries that wait in the ledger, and its policies."""
        starter = Starter(self._database, self._owned, table, self._runner)
        self._lane = Lane(self._owned, keep_up=self._keep_up)
        self._free = FreeLane(starter, self._signals.due)
        self._paced = PacedLane(starter)
        self._ordered = OrderedLane(
            starter,
            self._ordering,
            self._signals.turn,
            per_subscription=max(1, self._settings.concurrency_per_subscription // 2),
        )
        self._replays = ReplayLane(
            starter, self._signals, records=self._records, schema_versions=self._sender.schema_versions
        )

    def _build_agenda_watch(self, log_has_grown: Signal) -> AgendaWatch:
        """Define, for each part that does not query the database itself, when to wake it."""
        agenda_watch = AgendaWatch(self._database)
        agenda_watch.wake(log_has_grown, when=self._reader.is_behind)
        agenda_watch.wake(self._signals.due, when=has_due_soon)
        agenda_watch.wake(
            self._signals.replay, when=lambda agenda: agenda.has_replays or self._runner.has_replayed
        )
        agenda_watch.wake(self._status_changes.signal, when=lambda agenda: agenda.has_unsettled)
        agenda_watch.wake(self._publishing.signal, when=lambda agenda: agenda.has_news)
        agenda_watch.wake(self._signals.erasure, when=lambda agenda: agenda.has_erasures)
        return agenda_watch

    def _build_reader(self, table: RoutingTable) -> Reader:
        unreadable = Unreadable(self._database, self._owned, records=self._records, reports=self._reports)
        return Reader(
            self._database,
            table,
            self._runner,
            self._owned,
            unreadable=unreadable,
            matching=self._matching,
            handover=self._handover,
            catching_up=self._catching_up,
        )

    def _start(self, log_has_grown: Signal) -> None:
        parts: dict[str, Run] = {
            "leases": self._leases.run,
            "reader": functools.partial(self._reader.run, log_has_grown),
            "stretches": self._reader.catch_up,
            "matching": self._matching.run,
            "matching of stretches": self._catching_up.run,
            "retries": functools.partial(self._lane.run, "retries", self._free),
            "paced": functools.partial(self._lane.run, "deliveries with a pace", self._paced),
            "ordered": functools.partial(self._lane.run, "deliveries in order", self._ordered),
            "replays": functools.partial(self._lane.run, "deliveries of replays", self._replays),
            "lapses": self._lapses.run,
            "status_changes": self._status_changes.run,
            "gaps": self._gaps.run,
            "publishing": self._publishing.run,
            "agenda_watch": self._agenda_watch.run,
            "settlement": self._settlement.run,
            "sweep": self._sweep,
        }
        self._tasks = {
            name: asyncio.create_task(
                self._supervision.keep(name, run, is_vital=name not in _NOT_VITAL), name=name
            )
            for name, run in parts.items()
        }

    async def _rest(self, seconds: float) -> None:
        """Release all shards and claims, and claim nothing for *seconds*."""
        try:
            await self._leases.rest(seconds)
        except StoreUnavailable as error:
            _log.warning("cannot give the shards back now, so that their leases have to lapse: %s", error)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._runner.sweep()
            self._ordering.sweep()
            await self._runner.has_work(IDLE_SECONDS)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
