"""The dispatcher: reads the log for the pushing channels. One runs in each worker process.

::

    leases ──► owned shards ──► reader ──► routing table ──► runner ──► sender ──► channel.deliver
                                   └────► matching lane ─────┘│ ▲  ▲
                              cursors, ledger ◄── settlement ◄┘ │  └── ordering ◄── lane ◄── due in order
                                                                └── lanes ◄── retries, paced deliveries, replays
    agenda, once a second: wakes the other parts if another process left them work
"""

import asyncio
import contextlib
import functools
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.dispatch.attempts.gathering import deliver_for
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.attempts.sender import Sender
from trunkline.dispatch.attempts.slots import Slots
from trunkline.dispatch.lanes.free_lane import FreeLane
from trunkline.dispatch.lanes.ordered_lane import OrderedLane
from trunkline.dispatch.lanes.paced_lane import PacedLane
from trunkline.dispatch.lanes.replay_lane import ReplayLane
from trunkline.dispatch.lanes.starting import Starter
from trunkline.dispatch.leases.dividing import Dividing
from trunkline.dispatch.leases.leases import Leases
from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.ledger.settlement import Settlement
from trunkline.dispatch.reading.matching_lane import MatchingLane
from trunkline.dispatch.reading.reader import Reader
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.shards.progress import Progress
from trunkline.dispatch.signals import Signals
from trunkline.dispatch.supervision import Run, Step, Supervision, repeating
from trunkline.dispatch.upkeep.gaps import Gaps
from trunkline.dispatch.upkeep.lapses import Lapses
from trunkline.dispatch.upkeep.publishing import Certificates, Publishing
from trunkline.dispatch.upkeep.status_changes import StatusChanges
from trunkline.errors import StoreUnavailable
from trunkline.model.parts import Slice
from trunkline.model.treatments import PACE
from trunkline.model.workers import name_worker
from trunkline.settings import Delivery
from trunkline.store import agenda as agendas
from trunkline.store import deliveries as ledger
from trunkline.store import shards as shard_store
from trunkline.store.engines import EngineDatabase
from trunkline.store.wakeup import Signal

STOP_SECONDS = 5.0
"""How long a stopping dispatcher waits for attempts in flight."""
SWEEP_SECONDS = 0.1
"""How often a worker with deliveries in memory looks for deliveries that take too long."""
IDLE_SECONDS = 1.0
"""How often a worker without deliveries in memory drops state that it no longer needs."""
LOOK_SECONDS = 1.0
"""How often to query for work that other processes left, and for work whose wake-up was lost."""
NEAR_MS = 2_000
"""The free lane waits for a delivery that is due within this time, because the next query may come too late for the delivery."""
NOT_ALIVE_SECONDS = 0.05
"""How often to check whether a worker whose leases have lapsed may claim again."""
_UNTIL_DRAINED = ("leases", "settlement", "sweep")
"""Parts that run while a stopping dispatcher waits for attempts in flight, so that it keeps its shards and writes the results."""
_NOT_VITAL = frozenset({"replays", "lapses", "status_changes", "gaps", "publishing"})
"""Parts whose failure does not stop deliveries."""
_log = logging.getLogger(__name__)


class Dispatcher:
    """One worker. Enter it to start, leave it to stop; several may run on one PostgreSQL database.

    It opens *connections* to PostgreSQL, and one more for its leases. It awaits *keep_up* before it looks for due deliveries,
    so that a jump of the clock makes none due (``store.clock``).
    """

    def __init__(
        self,
        database: EngineDatabase,
        settings: Delivery,
        *,
        records: SubscriptionRecords,
        sender: Sender,
        signals: Signals,
        reports: Reports,
        keep_up: Callable[[], Awaitable[None]],
        connections: int,
        certificates: Certificates,
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
        self._log_has_grown = self._stack.enter_context(self._signals.log.signal())
        slots = Slots(
            self._settings.concurrency, per_subscription=self._settings.concurrency_per_subscription
        )
        table = RoutingTable(
            self._sender.channels.get,
            schema_versions=self._sender.schema_versions,
            deliver_for=functools.partial(deliver_for, slots, self._reports.batch_began),
            treatment={name: value for name in PACE if (value := getattr(self._settings, name)) is not None},
            tracer=self._sender.tracer,
        )
        self._runner = Runner(
            slots,
            self._sender,
            self._owned,
            table,
            timeout_seconds=self._settings.timeout_seconds,
            turn=self._signals.turn,
        )
        self._matching = MatchingLane(self._database, table, self._runner, self._runner.room, spills=True)
        catching_up = MatchingLane(
            self._database, table, self._runner, self._runner.room_of_stretches, spills=False
        )
        self._reader = Reader(
            self._database,
            table,
            self._runner,
            self._owned,
            records=self._records,
            reports=self._reports,
            matching=self._matching,
            handover=self._stack.enter_context(self._signals.log.handover()),
            catching_up=catching_up,
        )
        self._leases = Leases(
            for_leases,
            self._owned,
            self._log_has_grown,
            self._signals.log.lock,
            mark_hot=Dividing(self._owned, table, (self._matching, catching_up)).mark,
        )
        self._reports.watch(self._runner, self._owned)
        await self._reader.prepare()
        await self._leases.renew()
        self._tasks = {
            name: asyncio.create_task(
                self._supervision.keep(name, run, is_vital=name not in _NOT_VITAL), name=name
            )
            for name, run in self._parts(table, catching_up).items()
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await _stop([task for name, task in self._tasks.items() if name not in _UNTIL_DRAINED])
        self._runner.ordering.stop()
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

    def _parts(self, table: RoutingTable, catching_up: MatchingLane) -> dict[str, Run]:
        """Make the parts that run side by side, by name."""
        signals = self._signals
        starter = Starter(self._database, self._owned, table, self._runner)
        free = FreeLane(starter)
        self._paced = PacedLane(starter)
        self._ordered = OrderedLane(
            starter, per_subscription=max(1, self._settings.concurrency_per_subscription // 2)
        )
        replays = ReplayLane(
            starter, signals, records=self._records, schema_versions=self._sender.schema_versions
        )
        self._settlement = Settlement(
            self._database,
            self._owned,
            self._runner,
            settings=self._settings,
            channels=self._sender.channels,
            reports=self._reports,
            due=signals.due,
            turn=signals.turn,
        )
        lapses = Lapses(self._database, table, reports=self._reports, now_ms=self._sender.lapsing_ms)
        self._changes = changes = StatusChanges(self._database, due=signals.due)
        self._publishing = publishing = Publishing(
            self._database, signals.log, certificates=self._certificates
        )
        gaps = Gaps(
            self._database, table, self._sender, self._owned, timeout_seconds=self._settings.timeout_seconds
        )

        return {
            "leases": self._leases.run,
            "reader": repeating("read the log", self._reader.read_on, self._log_has_grown),
            "stretches": repeating(
                "catch up with the log", self._reader.read_stretch, self._reader.has_stretch
            ),
            "matching": repeating("read the events to match", self._matching.step),
            "matching of stretches": repeating("read the events to match", catching_up.step),
            "retries": self._claiming("retries", free.step, signals.due),
            "paced": self._claiming("deliveries with a pace", self._paced.step, self._runner.gates.signal),
            "ordered": self._claiming("deliveries in order", self._ordered.step, signals.turn),
            "replays": self._claiming("deliveries of replays", replays.step, signals.replay),
            "lapses": repeating("end subscriptions that have lapsed", lapses.step),
            "status_changes": repeating(
                "go on with what subscriptions left open", changes.step, changes.signal
            ),
            "gaps": gaps.run,
            "publishing": repeating("publish operational events", publishing.step, publishing.signal),
            "agenda": repeating("look for work of other processes", self._look),
            "settlement": self._settlement.run,
            "sweep": self._sweep,
        }

    async def _look(self) -> float:
        """Wake the parts for which other processes left work: one query a second, however many parts wait."""
        async with self._database.read() as connection:
            agenda = await agendas.read(connection)
        wanted = {
            self._log_has_grown: self._reader.is_behind(agenda),
            self._signals.due: agenda.due_in_ms is not None and agenda.due_in_ms < NEAR_MS,
            self._signals.replay: agenda.has_replays or self._runner.has_replayed,
            self._changes.signal: agenda.has_unsettled,
            self._publishing.signal: agenda.has_news,
            self._signals.erasure: agenda.has_erasures,
        }
        for signal, is_wanted in wanted.items():
            if is_wanted:
                signal.set()
        return LOOK_SECONDS

    def _claiming(self, kind: str, step: Step, signal: Signal) -> Run:
        """Return the part that claims deliveries of a *kind* as long as other workers count this worker as alive."""

        async def claim() -> float | None:
            await self._keep_up()
            return await step() if self._owned.is_alive else NOT_ALIVE_SECONDS

        return repeating(f"claim {kind}", claim, signal)

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
            self._runner.ordering.sweep()
            await self._runner.has_work(IDLE_SECONDS)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
