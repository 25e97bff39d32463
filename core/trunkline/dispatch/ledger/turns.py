"""The turns: claims the next deliveries of order keys, and hands them to ``ordering``.

The subscriptions take turns, whatever number of due deliveries each has. This module also reads which keys of a
subscription have deliveries in the ledger, because ``ordering`` needs them.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Collection, Mapping, Sequence

from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger.ordering import MOST_BLOCKED, Ordering
from trunkline.dispatch.ledger.unroutable import put_aside
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.signals import KeepUp
from trunkline.errors import StoreUnavailable
from trunkline.model import parts
from trunkline.model.deliveries import Key, Status
from trunkline.model.parts import Slice
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import ordering as store
from trunkline.store import replays as replay_store
from trunkline.store import stream
from trunkline.store.database import Database
from trunkline.store.deliveries import Settled
from trunkline.store.ordering import OrderedClaim, Place
from trunkline.store.shards import Reached
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
IDLE_SECONDS = 10.0
"""Pause between queries while no delivery has an order. A worker may still write deliveries of a deleted subscription."""
CROWDED_SECONDS = 0.05
"""Pause if no slot is free or all claimed targets are down.

Without it, a refusing target would be called again at once.
"""
MOST_CLAIMED = 1024
"""Number of claimed deliveries that may be in memory."""
MOST_OF_COMPANY = MOST_CLAIMED // 4
"""Number of a company's claimed deliveries in memory from which the company gets no turn until some have ended."""
FRONTS = 128
"""Number of keys whose deliveries are claimed at once."""
RUN = 128
"""Number of deliveries of one key that are claimed with its first delivery, which saves a transaction for each."""
LOOKED_AT = 50
"""Number of subscriptions whose keys are read in one step."""
_log = logging.getLogger(__name__)


class Turns:
    """Claims deliveries in order for the worker of *owned*, for at most *per_subscription* keys of a subscription at a time."""

    def __init__(
        self,
        database: Database,
        owned: OwnedShards,
        table: RoutingTable,
        runner: Runner,
        ordering: Ordering,
        *,
        keep_up: KeepUp,
        per_subscription: int,
    ) -> None:
        self._database = database
        self._owned = owned
        self._table = table
        self._runner = runner
        self._ordering = ordering
        self._keep_up = keep_up
        self._per_subscription = per_subscription
        self._idle: tuple[frozenset[Slice], int] | None = None
        """The slices and the routing version at the last query that found no delivery in order."""
        self._idle_since = 0.0
        self._after = 0
        """The number of the subscription whose turn was last."""

    async def run(self, turn: Signal) -> None:
        """Claim deliveries whenever the next one of a key may begin; query the ledger at least once a second."""
        while True:
            wait = LOOK_SECONDS
            try:
                wait = await self.step()
            except StoreUnavailable as error:
                _log.warning("cannot claim deliveries in order now: %s", error)
            await turn.wait(wait)

    async def step(self) -> float:
        """Query and claim once. Returns the seconds until the next call.

        If no subscription has an ordering, and the ledger has no delivery in order for these shards, it runs no query for a
        while.
        """
        written = {
            progress.lease.slice: progress.written
            for progress in self._owned.progress.values()
            if not progress.lost and not progress.draining
        }
        state = (frozenset(written), self._table.version)
        if not written or not self._owned.is_alive or self._is_idle(state):
            return LOOK_SECONDS
        await self._keep_up()
        await self._look()
        room = MOST_CLAIMED - self._ordering.claimed
        if room <= 0:
            return CROWDED_SECONDS
        async with self._database.read() as connection:
            due_ms = await store.next_due_ms(connection, {each.shard for each in written})
            self._idle, self._idle_since = (state if due_ms is None else None), time.monotonic()
            if due_ms is None or due_ms > 0:
                return LOOK_SECONDS if due_ms is None else min(LOOK_SECONDS, due_ms / 1000)
            settled = functools.partial(self._settled, written)
            fronts, self._after = await store.due_fronts(
                connection,
                settled,
                limit=min(FRONTS, room),
                most_of=self._most_of,
                busy=self._without_turn(),
                after=self._after,
            )
        claimed = await self._claim(fronts, settled, room=min(room, MOST_OF_COMPANY)) if fronts else []
        if not claimed:
            return CROWDED_SECONDS
        await self._start(claimed, settled)
        are_down = all(self._runner.slots.is_down(queue.subscription_no) for queue in claimed)
        return CROWDED_SECONDS if are_down else 0.0

    def _is_idle(self, state: tuple[frozenset[Slice], int]) -> bool:
        if self._table.ordered or self._idle != state:
            return False
        return time.monotonic() - self._idle_since < IDLE_SECONDS

    def _settled(self, written: Mapping[Slice, Reached], shard: int, subscription_no: int) -> int | None:
        """Return the position up to which the ledger has all deliveries of a subscription, given the progress in *written*.

        None if another worker has its shard.
        """
        reached = parts.find(written, shard, subscription_no)
        route = self._table.route(subscription_no)
        progress = parts.find(self._owned.progress, shard, subscription_no)
        if reached is None or route is None or progress is None:
            return reached and reached.cursor
        return progress.settled_of(route.subscription.company_id, reached)

    def _most_of(self, subscription_no: int) -> int:
        """Return how many keys of a subscription to claim. A claim that finds no slot would cost useless writes."""
        return min(max(self._runner.slots.room_of(subscription_no), 1), self._per_subscription)

    def _without_turn(self) -> Collection[int]:
        """List the subscriptions that get no turn: their slots are in use, or their company has too many deliveries in memory."""
        busy = self._runner.slots.busy
        full = {company for company, count in self._ordering.claimed_by.items() if count >= MOST_OF_COMPANY}
        if not full:
            return busy
        routes = ((no, self._table.route(no)) for no in self._table.ordered)
        return busy | {no for no, route in routes if route and route.subscription.company_id in full}

    async def _claim(self, fronts: Sequence[Key], settled: store.Settled, *, room: int) -> list[OrderedClaim]:
        faults.point("order.before_claim")
        async with self._database.write() as connection:
            claimed = await store.claim(
                connection,
                self._owned.worker,
                fronts,
                settled=settled,
                run=min(RUN, room // len(fronts)),
                lease_ms=self._runner.claim_ms,
            )
            faults.point("order.after_claim")
        faults.point("order.after_claim_commit")
        return claimed

    async def _look(self) -> None:
        """Read which keys have deliveries in the ledger, for the subscriptions that ``ordering`` has not read yet."""
        for no, blocked in self._ordering.unknown()[:LOOKED_AT]:
            blocked.begin_to_learn()
            async with self._database.read() as connection:
                if await store.is_held_back(connection, no):
                    continue
                keys = await store.busy_keys(connection, no, limit=MOST_BLOCKED + 1)
            blocked.learn(keys)

    async def _start(self, claimed: Sequence[OrderedClaim], settled: store.Settled) -> None:
        claims = [claim for queue in claimed for claim in queue.claims]
        async with self._database.read() as connection:
            events = await stream.by_positions(connection, [claim.position for claim in claims])
            pins = await replay_store.pins_of(connection, {c.replay_no for c in claims if c.replay_no})
        unroutable: list[OrderedClaim] = []
        for queue in claimed:
            await asyncio.sleep(0)
            route = self._table.route(queue.subscription_no)
            held = None if route is None else route.subscription
            progress = None if held is None else self._owned.of(held.company_id, held.no)
            if route is None or progress is None or queue.claims[0].position not in events:
                unroutable.append(queue)
                continue
            jobs = [
                Job.of_claim(claim, events[claim.position], route, progress=progress, pins=pins)
                for claim in queue.claims
                if claim.position in events
            ]
            reached = settled(progress.lease.shard, queue.subscription_no) or 0
            self._ordering.take(jobs, queue.order_key, is_all=queue.is_all, settled=reached)
        faults.point("order.after_start")
        if unroutable:
            await self._put_aside(unroutable, set(events))

    async def _put_aside(self, queues: Sequence[OrderedClaim], positions: set[int]) -> None:
        """End or postpone the first delivery of each of *queues*, and return the others to the state held.

        If the shard was given away meanwhile, the deliveries are left to its next holder.
        """
        worker = self._owned.worker
        fronts = [queue.claims[0] for queue in queues]
        behind = [
            Settled(c.position, c.subscription_no, Status.HELD, c.attempts, None, claim=c.claim)
            for queue in queues
            for c in queue.claims[1:]
        ]
        place_of = {queue.claims[0].key: Place(queue.subscription_no, queue.order_key) for queue in queues}
        async with self._database.write() as connection:
            await store.lock(connection, {front.subscription_no for front in fronts})
            gone = await put_aside(connection, worker, fronts, positions=positions)
            await ledger.settle(connection, worker, behind)
            await store.requeue(connection, place_of.values())
            await store.arrange(connection, [place_of[front.key] for front in gone])
