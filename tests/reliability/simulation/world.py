"""One world: dispatching machines, writers, pollers, targets of every kind, and faults, all from one seed."""

import asyncio
import contextlib
import logging
import random
from collections import Counter, deque
from types import SimpleNamespace

import pytest

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.contract import Channel
from trunkline.dispatch import dispatcher, supervision
from trunkline.dispatch.attempts import gates, open_limit, ordering, runner
from trunkline.dispatch.attempts.sender import Sender
from trunkline.dispatch.dispatcher import Dispatcher
from trunkline.dispatch.lanes import free_lane, lane, ordered_lane, paced_lane, replay_lane, starting
from trunkline.dispatch.leases import leases
from trunkline.dispatch.ledger import replay, settlement
from trunkline.dispatch.ledger.reports import Reports
from trunkline.dispatch.reading import matching_lane, reader
from trunkline.dispatch.shards import owned_shards
from trunkline.dispatch.signals import Signals
from trunkline.dispatch.upkeep import publishing, status_changes
from trunkline.errors import NotFound, StoreUnavailable
from trunkline.model import cursors
from trunkline.model.deliveries import OPEN, Key, Outcome, Result
from trunkline.model.events import Draft
from trunkline.model.parts import WHOLE
from trunkline.runtime import pauses
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.settings import Limits
from trunkline.store import order_changes, stream
from trunkline.store import ordering as queues
from trunkline.store.wakeup import Signal, Wakeup
from trunkline.stream.long_polls import LongPolls
from trunkline.stream.pages import Streaming
from trunkline.subscribing import creating
from trunkline.subscribing.catching_up import CatchUp
from trunkline.subscribing.changes import SubscriptionChanges
from trunkline.subscribing.creating import SubscriptionCreation
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.options import OPTIONS
from trunkline.subscribing.replays import Replays

from . import stores
from .checks import BATCH, FEWEST_SLOTS, Broken, Checks, must
from .database import Database
from .machines import Clock, Machine

ONE_VERSION = SchemaVersions(SchemaCatalog([]))

SHARDS = 4
TYPES = ("order.made", "order.paid", "note")
LIMITS = {
    leases: {"LEASE_MS": 1200, "RENEW_SECONDS": 0.3, "HAND_OVER_SECONDS": 0.05, "PATIENCE_SECONDS": 1},
    runner: {"SLOW_SECONDS": 0.4, "LEAVING_SECONDS": 0.1, "GRACE_SECONDS": 0.15, "CROWDED_MS": 100},
    dispatcher: {"STOP_SECONDS": 0.5, "SWEEP_SECONDS": 0.2, "IDLE_SECONDS": 0.4, "LOOK_SECONDS": 0.3},
    supervision: {"LOOK_SECONDS": 0.3},
    lane: {"IDLE_SECONDS": 0.6},
    free_lane: {"CROWDED_SECONDS": 0.03, "ROUND_SECONDS": 0.05, "WINDOW": 9, "IN_TURN": 2},
    reader: {"LOOK_SECONDS": 0.3, "PAGE": 7, "FAR_BEHIND": 9},
    matching_lane: {
        "COMPANY_COST": 4,
        "AT_ONCE": 2,
        "COMPANY_LISTED": 3,
        "MOST_LISTED": 6,
        "LOOK_SECONDS": 0.1,
    },
    replay_lane: {"LOOK_SECONDS": 0.3, "WITHDRAWAL_SECONDS": 0.2},
    ordering: {
        "LEAVING_SECONDS": 0.1,
        "LOOK_SECONDS": 0.3,
        "WAIT_SECONDS": 0.15,
        "MOST_WAITING": 6,
        "MOST_BLOCKED": 2,
    },
    gates: {"SHARE_SECONDS": 0.3, "MOST_WAITING": 3},
    paced_lane: {"LOOK_SECONDS": 0.3, "PERIOD_SECONDS": 0.05, "LOOKED_AT": 2},
    ordered_lane: {
        "LOOK_SECONDS": 0.3,
        "CROWDED_SECONDS": 0.05,
        "MOST_CLAIMED": 12,
        "FRONTS": 4,
        "RUN": 3,
        "IN_TURN": 2,
    },
    replay: {"PAGE": 5, "OUTSTANDING": 8, "LOOKED_AT": 7},
    starting: {"SHORTEST_PAGE": 2, "CROWDED_MS": 100},
    open_limit: {"SHARE_OF_SLOTS": 4, "SHARE_OF_COMPANY": 0.5},
    settlement: {"INTERVAL_SECONDS": 0.08, "CURSOR_SECONDS": 0.3},
}
"""The dispatcher's constants: times are about half as long, and pages are so small that a world reads many of them."""
TIMED = (
    *(status_changes, gates, lane, leases, matching_lane, ordering, owned_shards, publishing),
    *(reader, replay_lane, runner, settlement, pauses),
)
"""The modules that read the monotonic clock."""
TIMEOUT_SECONDS = 0.8
SWITCHER = "http://switcher"
BY_KEY = {"key": "/payload/k"}
QUIET_SECONDS = 180
"""Longer than ``store.ordering.CLAIM_MS`` and the steps after it: a claim whose answer was lost waits this long."""
HEALTHY_WAIT_MS = 450
"""Limit of ``Checks.waits``: ``LOOK_SECONDS`` (for a lost wake-up) and the time to read, match and push a few pages."""
HOUR_MS = 3_600_000
DISTURBANCES = ("kill", "kill", "freeze", "freeze", "outage", "stop", "cut")
CLOCK_DISTURBANCES = ("kill", "kill", "outage", "cut")
"""Disturbances for worlds whose clock is set back.

No machine is frozen with a transaction open, because nothing would correct its times afterwards. No last worker leaves, because a
worker's heartbeat shows the step.
"""
ACTS = ("pause", "pause", "pause", "resume", "change", "delete", "replay", "subscribe", "order", "skip")
"""What the operator of the API does; several of a kind make it more frequent."""
BAD = ("hang", "stubborn", "failing", "raises")
"""Targets that never succeed: they are never trusted, so they cannot use half of the slots."""
MODES = (
    "healthy",
    "flaky",
    "failing",
    "hang",
    "stubborn",
    "slow",
    "retry_after",
    "gone",
    "rejected",
    "raises",
)


@contextlib.contextmanager
def simulated(*faults):
    """Replace time, chance and the stores in the hub's modules by virtual time, seeded chance and the stores in memory."""

    def here():
        return asyncio.get_running_loop()

    def now():
        return here().time()

    clock = SimpleNamespace(monotonic=now, perf_counter=now)
    chance = SimpleNamespace(uniform=lambda low, high: low + (high - low) * here().chance.random())
    tokens = SimpleNamespace(
        token_hex=lambda n: f"{here().chance.getrandbits(8 * n):0{2 * n}x}",
        choice=lambda letters: letters[here().chance.randrange(len(letters))],
    )
    with pytest.MonkeyPatch.context() as patch:
        for module in TIMED:
            patch.setattr(module, "time", clock)
        patch.setattr(settlement, "random", chance)
        patch.setattr(replay, "secrets", tokens)
        patch.setattr(creating, "secrets", tokens)
        for module, limits in LIMITS.items():
            for name, value in limits.items():
                patch.setattr(module, name, value)
        stores.install(patch)
        for fault in faults:
            fault(patch)
        logging.disable(logging.CRITICAL)
        try:
            yield patch
        finally:
            logging.disable(logging.NOTSET)


class OpenVault:
    """Seals nothing."""

    def seal(self, content, *, context):
        return content

    def unseal(self, sealed, *, context):
        return sealed


async def _nothing(*_, **__):
    return []


async def _unlimited(_: int) -> SimpleNamespace:
    return SimpleNamespace(subscriptions=1000, filter_cost=1_000_000)


class World:
    """All choices of a seed."""

    def __init__(self, seed, *, has_switcher=False, sets_clock=False, takes_batches=False):
        self.seed = seed
        self.has_switcher = has_switcher
        self.sets_clock = sets_clock
        self.takes_batches = takes_batches
        self.disturbances = CLOCK_DISTURBANCES if sets_clock else DISTURBANCES
        self.chance = chance = random.Random(seed)
        self.order_chance = random.Random(-seed)
        self.pace_chance = random.Random(seed + 0.5)
        self.divide_chance = random.Random(seed + 0.25)
        self.has_pace = seed % 2 == 1
        """In half of the worlds subscriptions have a pace, a time limit and retries; in the other half all slots are contended for."""
        self.clock = Clock(chance)
        self.is_calm = chance.random() < 0.25
        self.records = SubscriptionRecords(OpenVault())
        self.database = Database(
            self.clock,
            shards=SHARDS,
            chance_of_wait=chance.choice((0.05, 0.2, 0.5)),
            unsure=0 if self.is_calm else chance.choice((0, 0.02)),
        )
        self.schedule = (0.15, 0.3, 0.5)
        self.slots = chance.choice((FEWEST_SLOTS, 8, 16))
        self.slots_per_subscription = chance.choice((2, 4))
        self.trace = deque(maxlen=50)
        self.machines = []
        self.workers = []
        self.modes = {}
        self.promised = set()
        self.polled = {}
        self.accepted_by_target = Counter()
        self.switcher = None
        self.is_healed = False
        self.largest_batch = 0
        self.busy = 0
        self.broken = None
        self.cancelled = {}
        """The time of each replay's cancellation, by replay."""
        self.disturbed = 0.0
        """The last time when a machine was kept from reading the database."""
        self.front = self._machine("front")
        self.replays = Replays(
            self.front.door,
            finder=None,
            checker=None,
            dry_runs=None,
            limits=None,
            replay_signal=Signal(),
        )
        self.service = self._service(self.front)
        self.checks = Checks(self)

    # --- running ---------------------------------------------------------------------------------------------------

    def run(self):
        """Run the seed; raise Broken at the first invariant that does not hold."""
        try:
            self._live()
        finally:
            self.clock.bury(self.machines)

    def _live(self):
        chance = self.chance
        for _ in range(chance.choice((1, 2, 2, 3))):
            self.start_worker()
        self.companies = chance.sample(range(1, 40), chance.randint(2, 3))
        self.on_front(self._prepare())
        self._run(until=lambda: not self.busy, limit=QUIET_SECONDS)
        self.chaos_ends = self.clock.now + chance.uniform(1, 2.5)
        for _ in range(chance.randint(1, 3)):
            self.on_front(self._write())
        for company in self.companies:
            self.polled[company] = []
            self.front.create_task(self._poll(company))
        if self.has_switcher:
            self.switcher = Switcher(self, chance.choice(self.companies))
            self.on_front(self.switcher.live())
        self._stir()
        self._run(until=lambda: self.clock.now >= self.chaos_ends, limit=QUIET_SECONDS)
        self._heal()
        self.front.create_task(self._resume_all())
        if not self._run(until=self._is_quiet, limit=QUIET_SECONDS):
            raise Broken(f"everything comes to an end: {self._unfinished()}")
        self.checks.finish()
        if self.has_switcher:
            self.switcher.finish()
        if self.is_calm and not self.sets_clock:  # else acceptance times stand still for an hour
            for waited_ms, key in self.checks.waits:
                must(
                    waited_ms <= HEALTHY_WAIT_MS,
                    "a healthy target is not delayed by others",
                    str(key),
                    waited_ms,
                )

    def _stir(self):
        if not self.is_calm:
            self.on_front(self._operate())
            self.clock.after(self.chance.expovariate(3), self._disturb)
            if self.divide_chance.random() < 0.5:
                self.clock.after(self.divide_chance.expovariate(2), self._divide)
        if self.sets_clock:
            self.clock.after(self.chance.uniform(0.2, 1), self._set_clock_back)

    def _run(self, *, until, limit):
        def is_over():
            return self.broken is not None or self.clock.failures or until()

        done = self.clock.run(until=is_over, limit=limit)
        if self.broken is not None:
            raise self.broken
        must(not self.clock.failures, "no part of a machine dies", self.clock.failures[:1])
        return done

    def say(self, who, what, *facts):
        self.trace.append((self.clock.now, who, what, facts))

    def guard(self, check, *arguments):
        """Run a check inside a machine; a broken invariant ends the world, not only the task."""
        try:
            return check(*arguments)
        except Exception as broken:  # otherwise a channel's error would count as a failed attempt
            self.broken = self.broken or broken
            raise

    def _is_quiet(self):
        if self.busy or int(self.clock.now * 4) == self._looked:
            return False
        self._looked = int(self.clock.now * 4)
        return not any(self._unfinished().values())

    _looked = 0

    def _unfinished(self):
        tables = self.database.tables
        head = tables["head"][1]["position"]
        last = dict.fromkeys(self.companies, 0)
        last |= {event.company_id: event.position for event in tables["events"].values()}
        return {
            "deliveries": [r for r in tables["deliveries"].values() if r["status"] in {"pending", "held"}],
            "replays": [r for r in tables["replays"].values() if r["status"] == "running"],
            "shards": [s for s in self._held() if s["cursor"] != head],
            "polls": [c for c, seen in self.polled.items() if last[c] and (not seen or seen[-1] < last[c])],
            "switcher": self.switcher.missing() if self.switcher else None,
            "subscriptions": [
                r["no"] for r in tables["subscriptions"].values() if r["status"] in {"paused", "disabled"}
            ],
        }

    def _held(self):
        """Give the rows of leases: shards, and the parts of divided shards."""
        parts = self.database.tables["shard_parts"].values()
        divided = {row["shard"] for row in parts}
        return [*(r for s, r in self.database.tables["shards"].items() if s not in divided), *parts]

    # --- machines --------------------------------------------------------------------------------------------------

    def _machine(self, name):
        machine = Machine(self.clock, name)
        machine.door = self.database.on(machine)
        machine.worker = name
        self.machines.append(machine)
        return machine

    def _service(self, machine):
        checker = SimpleNamespace(
            catalog=SchemaCatalog([]),
            options=OPTIONS,
            channel=lambda _: None,
            options_of=lambda _: OPTIONS,
            check_creation=lambda *_, **__: None,
            check_change=lambda *_, **__: None,
            check_conditions=lambda *_, **__: None,
            check_name=_nothing,
            pins_for=lambda *_, **__: {},
            shown_versions=lambda *_: {},
        )
        finder = SubscriptionFinder(machine.door, records=self.records, checker=checker)
        needed = {
            "records": self.records,
            "checker": checker,
            "catch_up": CatchUp(shards=lambda: SHARDS, replay_signal=Signal()),
            "limits": SimpleNamespace(of=_unlimited),
        }
        notifier = SimpleNamespace(wants=lambda _: False)
        changing = SubscriptionChanges(machine.door, notifier=notifier, **needed)

        async def create(company_id, request, *, channel):
            async with SubscriptionCreation(machine.door, changes=changing, **needed) as creation:
                return await creation.create(company_id, request, channel=channel)

        return SimpleNamespace(
            find=finder.find, create=create, update=changing.update, delete=changing.delete
        )

    def on_front(self, coro):
        """Start a coroutine on the machine that serves the API (``front``); the world waits for its end."""
        self.busy += 1

        def ended(task):
            self.busy -= 1
            self._part_ended(task)

        self.front.create_task(coro).add_done_callback(ended)

    def start_worker(self):
        name = f"w{len(self.machines) - 1}"
        machine = self._machine(name)
        machine.stop = None
        machine.dispatcher = None
        self.workers.append(machine)
        machine.create_task(self._work(machine)).add_done_callback(
            lambda task: self._worker_ended(machine, task)
        )
        self.say(name, "starts")

    def _worker_ended(self, machine, task):
        self._part_ended(task)
        self.say(machine.name, "has stopped")
        self.checks.excuse(lambda m: m is machine)
        self.clock.kill(machine)
        self.database.abort(lambda m: m is machine)
        if machine in self.workers:
            self.workers.remove(machine)

    async def _work(self, machine):
        machine.stop = asyncio.Event()
        wakeup = Wakeup(machine.door)
        machine.log_has_grown = wakeup._set_all
        while True:
            started = self._dispatcher(machine, wakeup)
            try:
                await started.__aenter__()
            except StoreUnavailable:
                await asyncio.sleep(0.3)
                continue
            break
        machine.dispatcher = started
        for task in started._tasks.values():
            task.add_done_callback(self._part_ended)
        await machine.stop.wait()
        machine.is_stopping = True
        await started.__aexit__()

    def _dispatcher(self, machine, wakeup):
        built = Dispatcher(
            machine.door,
            SimpleNamespace(
                concurrency=self.slots,
                concurrency_per_subscription=self.slots_per_subscription,
                timeout_seconds=TIMEOUT_SECONDS,
                rate=None,
                max_in_flight=None,
                retry_schedule_seconds=self.schedule,
                retry_jitter=0.2,
                breaker_failures=9,
                breaker_span_seconds=0.6,
                failing_failures=3,
                failing_spans_seconds=(0.3,),
            ),
            records=self.records,
            sender=Sender(
                {"push": self._channel_on(machine)},
                lambda *_: None,
                schema_versions=ONE_VERSION,
                now_ms=lambda: self.clock.now_ms,
                aged_ms=lambda now_ms: now_ms,
            ),
            signals=Signals(wakeup, due=Signal(), replay=Signal(), turn=Signal()),
            reports=Reports(
                SimpleNamespace(
                    watch=lambda *_: None,
                    watch_each=lambda *_: None,
                    count=lambda *_: None,
                    observe=lambda *_: None,
                    attempts_ended=lambda _: None,
                ),
                SimpleNamespace(wants=lambda _: False),
            ),
            keep_up=_nothing,
            connections=4,
            certificates=dict,
        )
        built.worker = machine.name
        return built

    def _part_ended(self, task):
        if not task.cancelled():
            self.broken = self.broken or task.exception()

    # --- faults ----------------------------------------------------------------------------------------------------

    def _disturb(self):
        if self.is_healed:
            return
        getattr(self, "_" + self.chance.choice(self.disturbances))()
        self.clock.after(self.chance.expovariate(3), self._disturb)

    def _divide(self):
        """Make a worker treat one of its shards as a hot company's shard, if the worker may divide one."""
        started = [w.dispatcher for w in self.workers if w.dispatcher is not None]
        shards = [p for d in started for held, p in d.owned_shards.items() if held.part == WHOLE]
        if shards and not self.is_healed:
            progress = self.divide_chance.choice(shards)
            progress.dividing = True
            self.say("world", "has a shard divided", str(progress.lease.slice))
        if not self.is_healed:
            self.clock.after(self.divide_chance.expovariate(2), self._divide)

    def _pick(self):
        awake = [w for w in self.workers if not w.is_frozen]
        return self.chance.choice(awake) if awake else None

    def _kill(self):
        if (machine := self._pick()) is None:
            return
        self.say(machine.name, "is killed")
        self.checks.excuse(lambda m: m is machine)
        self.clock.kill(machine)
        self.workers.remove(machine)
        self.clock.after(self.chance.uniform(0, 0.3), self.database.abort, lambda m: m is machine)
        self.clock.after(self.chance.uniform(0, 0.8), self.start_worker)

    def _stop(self):
        if (machine := self._pick()) is None or machine.dispatcher is None or machine.stop.is_set():
            return
        self.say(machine.name, "is asked to stop")
        self.checks.excuse(lambda m: m is machine)
        machine.ready.append(asyncio.Handle(machine.stop.set, (), machine))
        self.clock.wake(machine)
        self.clock.after(self.chance.uniform(0, 0.8), self.start_worker)

    def _freeze(self):
        if (machine := self._pick()) is None:
            return
        seconds = self.chance.choice((0.3, 1, 1.5, 3))
        self.say(machine.name, "is frozen", seconds)
        self.clock.freeze(machine)
        self.checks.excuse(lambda m: True)  # it keeps its locks, and others wait for them
        self.checks.note_frozen(machine)
        self.clock.after(seconds, self._thaw, machine)

    def _thaw(self, machine):
        if machine.is_frozen:
            self.disturbed = self.clock.now
            self.say(machine.name, "wakes")
            self.checks.excuse(lambda m: True)
            self.clock.thaw(machine)

    def _outage(self):
        if self.database.is_down:
            return
        self.say("database", "goes away")
        self.checks.excuse(lambda m: True)
        self.database.go_down()
        self.clock.after(self.chance.choice((0.1, 0.3, 1.5)), self._come_back)

    def _come_back(self):
        self.disturbed = self.clock.now
        self.say("database", "is back")
        self.checks.excuse(lambda m: True)
        self.database.come_back()

    def _cut(self):
        if (machine := self._pick()) is not None:
            self.disturbed = self.clock.now
            self.say(machine.name, "loses its connections")
            self.checks.excuse(lambda m: m is machine)
            self.database.abort(lambda m: m is machine)

    def _set_clock_back(self):
        self.say("database", "has its clock set back")
        self.checks.excuse(lambda m: True)
        self.database.step_ms -= HOUR_MS

    def _heal(self):
        self.is_healed = True
        self.say("world", "heals")
        self._come_back()
        for machine in [*self.workers]:
            self._thaw(machine)
        if not self.workers:
            self.start_worker()

    # --- targets ---------------------------------------------------------------------------------------------------

    def mode_of(self, no):
        return "healthy" if self.is_healed else self.modes.get(no, "healthy")

    def _channel_on(self, machine):
        deliver = self._deliver_on(machine)
        machine.takes_batches = self.takes_batches
        if not self.takes_batches:
            return Channel("push", "", "", deliver)

        async def deliver_batch(pushes, http):
            assert len({push.target.subscription_id for push in pushes}) == 1
            self.largest_batch = max(self.largest_batch, len(pushes))
            return await asyncio.gather(*(deliver(push, http) for push in pushes))

        return Channel("push", "", "", deliver_batch=deliver_batch, batch=BATCH)

    def _deliver_on(self, machine):
        async def deliver(push, http):
            key = self.guard(self.checks.attempt_began, machine, push)
            mode = self.mode_of(key.subscription_no)
            self.say(machine.name, "pushes", str(key), push.attempt, mode)
            if push.target.url == SWITCHER:
                self.switcher.take(key.position)
            if self.modes.get(key.subscription_no) == "healthy":
                self.checks.received(key)
            result = await self._answer(mode)
            if mode in {"healthy", "slow"}:
                self.checks.answered(key)
            if result.outcome is Outcome.DELIVERED:
                self.accepted_by_target[key] += 1
                self.checks.trusted.setdefault((machine, key.subscription_no), self.clock.now_ms)
            return result

        return deliver

    async def _answer(self, mode):
        chance = self.chance
        match mode:
            case "hang":
                await asyncio.sleep(1000)
            case "stubborn":
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)
                await asyncio.sleep(chance.uniform(0.05, 1))
            case "slow":
                await asyncio.sleep(chance.uniform(0.3, 0.75))
            case _:
                await asyncio.sleep(chance.uniform(0.002, 0.05))
        match mode:
            case "failing":
                return Result(Outcome.RETRY, status_code=500)
            case "flaky" if chance.random() < 0.4:
                return Result(Outcome.RETRY, status_code=503)
            case "retry_after" if chance.random() < 0.5:
                return Result(Outcome.RETRY, status_code=429, retry_after_seconds=chance.uniform(0, 2))
            case "gone" if chance.random() < 0.3:
                return Result(Outcome.GONE, status_code=410)
            case "rejected" if chance.random() < 0.5:
                return Result(Outcome.REJECTED, status_code=400)
            case "raises":
                raise ValueError(mode)
        return Result(Outcome.DELIVERED, status_code=200)

    # --- clients of the hub ----------------------------------------------------------------------------------------

    async def _prepare(self):
        for _ in range(self.chance.randint(2, 6)):
            await self.persist(self._subscribe)
        for company in self.companies:
            await self.persist(self._append, company)
        await asyncio.sleep(0.6)

    async def persist(self, call, *arguments, **named):
        while True:
            try:
                return await call(*arguments, **named)
            except StoreUnavailable:
                await asyncio.sleep(0.2)

    async def _subscribe(self, **more):
        chance = self.chance
        company = chance.choice(self.companies)
        request = {
            "target_url": "http://target",
            "event_types": self._types(),
            "secret": "s",
            "filter": self._filter(),
            "ordering": self._ordering(),
            **self._pace(),
            **self._attempts(),
            **more,
        }
        view = await self.service.create(company, request, channel="push")
        no = next(n for n, r in self.database.tables["subscriptions"].items() if r["id"] == view["id"])
        self.modes[no] = "healthy" if chance.random() < 0.4 else chance.choice(BAD if self.is_calm else MODES)
        self.say(
            *("front", "subscribes", no, company, request["event_types"], request["filter"]),
            *(request["ordering"], request["rate"], request["max_in_flight"], self.modes[no]),
        )
        return no

    def _types(self):
        return ["*"] if self.chance.random() < 0.5 else self.chance.sample(TYPES, self.chance.randint(1, 2))

    def _ordering(self):
        return self.order_chance.choice((None, None, "subscription", BY_KEY))

    def _pace(self):
        chance = self.pace_chance
        if not self.has_pace or chance.random() < 0.6:
            return {"rate": None, "max_in_flight": None}
        return {
            "rate": chance.choice((None, "4/second", "12/second", "900/minute")),
            "max_in_flight": chance.choice((None, 1, 1, 2)),
        }

    def _attempts(self):
        chance = self.pace_chance
        if not self.has_pace:
            return {"timeout_seconds": None, "retry": None}
        return {
            "timeout_seconds": chance.choice((None, None, None, 0.5, 1.2)),
            "retry": chance.choice(
                (None, None, None, {"schedule_seconds": [0.1, 0.2]}, {"for_seconds": 2.0})
            ),
        }

    def _filter(self):
        return {"payload.n": {"gte": 3}} if self.chance.random() < 0.3 else None

    async def _append(self, company):
        chance = self.chance
        drafts = [
            Draft(
                company,
                chance.choice(TYPES),
                "2026-01-01T00:00:00Z",
                b'{"n":%d,"k":%d}' % (number := chance.randrange(10), number % 3),
            )
            for _ in range(chance.choice((1, 1, 2, 5)))
        ]
        async with self.front.door.write() as connection:
            events = (await stream.append(connection, drafts, shards=SHARDS)).events
            if not self.is_calm and chance.random() < 0.05:
                await asyncio.sleep(chance.uniform(0, 0.2))
        self.promised |= {event.position for event in events}
        self.say("front", "appends", company, [event.position for event in events])
        for worker in self.workers:
            if hasattr(worker, "log_has_grown") and chance.random() < 0.8:
                self.clock.after(chance.uniform(0, 0.01), worker.log_has_grown)

    async def _write(self):
        while self.clock.now < self.chaos_ends:
            await self.persist(self._append, self.chance.choice(self.companies))
            await asyncio.sleep(self.chance.expovariate(5))

    def streaming(self):
        return Streaming(
            self.front.door,
            catalog=None,
            schema_versions=ONE_VERSION,
            wakeup=None,
            long_polls=LongPolls(Limits()),
            directory=None,
        )

    async def _poll(self, company):
        streaming, cursor = self.streaming(), None
        while True:
            with contextlib.suppress(StoreUnavailable):
                page = await streaming.page(company, cursor=cursor, limit=self.chance.choice((1, 3, 50)))
                cursor = page.next_cursor
                positions = [_position(body) for body in page.bodies]
                self.polled[company] += positions
                if positions:
                    must_follow = cursors.decode(cursor) == positions[-1]
                    self.guard(must, must_follow, "a cursor resumes after what was shown", company, positions)
                if page.more:
                    continue
            await asyncio.sleep(self.chance.expovariate(2))

    async def _operate(self):
        while self.clock.now < self.chaos_ends:
            await asyncio.sleep(self.chance.expovariate(3))
            with contextlib.suppress(StoreUnavailable, NotFound):
                await self._operate_once()

    async def _operate_once(self):
        chance = self.chance
        known = [
            r
            for r in self.database.tables["subscriptions"].values()
            if r["status"] != "deleted" and r["target_url"] != SWITCHER
        ]
        act = chance.choice(ACTS)
        if act == "subscribe" or not known:
            await self._subscribe(start=chance.choice((None, "earliest")) if not self.is_calm else None)
            return
        row = chance.choice(known)
        company, name = row["company_id"], row["id"]
        self.say("front", act, row["no"])
        match act:
            case "pause":
                await self.change(row, status="paused")
                await asyncio.sleep(chance.expovariate(2))
                await self.change(row, status="active")
            case "resume":
                await self.change(row, status="active")
            case "change" if self.pace_chance.random() < 0.5:
                await self.change(row, **self._pace())
            case "change":
                await self.change(row, event_types=self._types())
            case "order":
                await self.change(row, ordering=self._ordering())
            case "skip":
                await self._skip(row["no"])
            case "delete" if chance.random() < 0.4:
                await self.service.delete(company, name, channel=None)
            case "replay":
                await self._replay(row)

    async def _replay(self, row):
        """Replay all or only the failed deliveries; some replays are cancelled soon."""
        kind = self.chance.choice((replay.ALL, replay.FAILED))
        subscription = await self.service.find(row["company_id"], row["id"], channel=None)
        start = self.checks.versions[row["no"]][0]["start_position"]
        async with self.front.door.write() as connection:
            head = (await stream.head(connection)).position
            begun = await replay.begin(connection, subscription, replay.Range(start, head, kind=kind))
        if self.has_pace and self.pace_chance.random() < 0.5:
            await asyncio.sleep(self.pace_chance.uniform(0, 0.5))
            await self._cancel(row["company_id"], begun)

    async def _cancel(self, company, begun):
        """Cancel a replay, as ``DELETE /api/v1/replays/{id}`` does."""
        self.checks.excuse(lambda _: True)  # another replay may reopen its attempts in flight
        await self.replays.cancel(company, begun.id)
        self.say("front", "has cancelled", begun.no)

    async def _skip(self, no):
        """Skip the first open delivery of a subscription, as ``DeliveryLog.skip`` does."""
        rows = self.database.tables["deliveries"].values()
        positions = [r["position"] for r in rows if r["no"] == no and r["status"] in OPEN]
        if not positions:
            return
        key = Key(min(positions), no)
        self.checks.excuse_delivery(key)
        async with self.front.door.write() as connection:
            await queues.lock(connection, [no])
            await order_changes.skip(connection, key)
        self.checks.excuse_delivery(key)

    async def change(self, row, **changes):
        await self.service.update(row["company_id"], row["id"], changes, channel=None)

    async def _resume_all(self):
        while True:
            for row in [*self.database.tables["subscriptions"].values()]:
                if row["status"] in {"paused", "disabled"}:
                    with contextlib.suppress(StoreUnavailable, NotFound):
                        await self.change(row, status="active")
            await asyncio.sleep(0.3)


class Switcher:
    """A client that reads one company alternately by push and by poll, and identifies events only by their position.

    Its cursor is the end of its last poll. To change to push it makes a subscription that starts at that cursor. To change back it
    deletes the subscription and polls from the same cursor, skipping the positions that it has.
    """

    def __init__(self, world, company):
        self.world = world
        self.company = company
        self.cursor = cursors.encode(0)
        self.handled = []
        self._seen = set()

    def take(self, position):
        if position not in self._seen:
            self._seen.add(position)
            self.handled.append(position)

    async def live(self):
        world, chance = self.world, self.world.chance
        streaming = world.streaming()
        while world.clock.now < world.chaos_ends:
            if chance.random() < 0.5:
                await self._poll(streaming)
            else:
                await self._be_pushed(chance.expovariate(1.5))
        if chance.random() < 0.5:
            await self._subscribe()
        else:
            world.front.create_task(self._poll_on(streaming))

    async def _poll_on(self, streaming):
        while True:
            await self._poll(streaming)

    async def _poll(self, streaming):
        with contextlib.suppress(StoreUnavailable):
            while True:
                page = await streaming.page(
                    self.company, cursor=self.cursor, limit=self.world.chance.choice((1, 9))
                )
                for body in page.bodies:
                    self.take(_position(body))
                self.cursor = page.next_cursor
                if not page.more:
                    break
        await asyncio.sleep(self.world.chance.expovariate(4))

    async def _subscribe(self):
        request = {"target_url": SWITCHER, "event_types": ["*"], "secret": "s", "start": self.cursor}
        view = await self.world.persist(self.world.service.create, self.company, request, channel="push")
        rows = self.world.database.tables["subscriptions"]
        no = next(no for no, row in rows.items() if row["id"] == view["id"])
        self.world.modes[no] = self.world.chance.choice(("healthy", "flaky", "slow"))
        return view["id"]

    async def _be_pushed(self, seconds):
        name = await self._subscribe()
        await asyncio.sleep(seconds)
        # The operator may be quicker, or the answer to the first call was lost.
        with contextlib.suppress(NotFound):
            await self.world.persist(self.world.service.delete, self.company, name, channel=None)

    def missing(self):
        rows = self.world.database.tables["events"].values()
        return {event.position for event in rows if event.company_id == self.company} - self._seen

    def finish(self):
        must(not self.missing(), "who switches misses nothing", self.missing())
        must(len(self.handled) == len(self._seen), "no event is handled twice")


def _position(body):
    return int(body[6 : body.index(b",")])


def explain(world):
    """Give the last steps of a world, one per line."""
    lines = [
        f"{moment - world.trace[0][0]:8.3f}  {who:9} {what} {' '.join(map(str, facts))}"
        for moment, who, what, facts in world.trace
    ]
    return "\n".join(lines)
