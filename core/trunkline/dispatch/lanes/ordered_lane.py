"""The ordered lane: the next deliveries of order keys. The holder of the shard claims them, for ``ordering``.

This module also reads which keys of a subscription have deliveries in the ledger, because ``ordering`` needs them.
"""

import asyncio
import functools
from collections.abc import Collection, Mapping, Sequence

from trunkline.dispatch.attempts.jobs import Job
from trunkline.dispatch.attempts.ordering import MOST_BLOCKED
from trunkline.dispatch.lanes.lane import LOOK_SECONDS, Idleness, Rounds
from trunkline.dispatch.lanes.starting import Starter
from trunkline.model import parts
from trunkline.model.deliveries import Status
from trunkline.model.parts import Slice
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import due
from trunkline.store import ordering as store
from trunkline.store.deliveries import Settled
from trunkline.store.ordering import OrderedClaim, Place
from trunkline.store.shards import Reached

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
IN_TURN = 200
"""Number of subscriptions in one search for keys; the next search continues after them."""
LOOKED_AT = 50
"""Number of subscriptions whose keys are read in one step."""


class OrderedLane:
    """Claims deliveries in order, for at most *per_subscription* keys of a subscription at a time."""

    def __init__(self, starter: Starter, *, per_subscription: int) -> None:
        self._starter = starter
        self._database = starter.database
        self._owned = starter.owned
        self._table = starter.table
        self._slots = starter.runner.slots
        self._ordering = starter.runner.ordering
        self._per_subscription = per_subscription
        self._rounds = Rounds(due.ORDERED, most=IN_TURN)
        self._idleness = Idleness()

    async def step(self) -> float:
        """Query and claim once. Returns the seconds until the next call."""
        written = {
            progress.lease.slice: progress.written
            for progress in self._owned.progress.values()
            if not progress.lost and not progress.draining
        }
        state = (frozenset(written), self._table.version)
        if not written or (not self._table.ordered and self._idleness.lasts(state)):
            return LOOK_SECONDS
        await self._learn_keys()
        room = MOST_CLAIMED - self._ordering.claimed
        if room <= 0:
            return CROWDED_SECONDS
        settled = functools.partial(self._settled, written)
        async with self._database.read() as connection:
            due_ms = await store.next_due_ms(connection, {each.shard for each in written})
            if due_ms is None:
                self._idleness.begin(state)
            if due_ms is None or due_ms > 0:
                return LOOK_SECONDS if due_ms is None else min(LOOK_SECONDS, due_ms / 1000)
            reached = {
                each.subscription_no: settled(each.shard, each.subscription_no)
                for each in await self._rounds.next(connection)
                if each.wait_ms <= 0 and each.shard is not None
            }
            busy = self._without_turn()
            ready = [no for no, position in reached.items() if position is not None and no not in busy]
            shares = self._rounds.divide(min(FRONTS, room), ready, self._most_of)
            fronts = await store.fronts(
                connection, [(no, reached[no] or 0, most) for no, most in shares.items()]
            )
        if not fronts:
            return CROWDED_SECONDS
        faults.point("order.before_claim")
        async with self._database.write() as connection:
            claimed = await store.claim(
                connection,
                self._owned.worker,
                fronts,
                settled=settled,
                run=min(RUN, min(room, MOST_OF_COMPANY) // len(fronts)),
                lease_ms=self._starter.runner.claim_ms,
            )
            faults.point("order.after_claim")
        faults.point("order.after_claim_commit")
        if not claimed:
            return CROWDED_SECONDS
        await self._start(claimed, settled)
        are_down = all(self._slots.is_down(queue.subscription_no) for queue in claimed)
        return CROWDED_SECONDS if are_down else 0.0

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
        return min(max(self._slots.room_of(subscription_no), 1), self._per_subscription)

    def _without_turn(self) -> Collection[int]:
        """List the subscriptions that get no turn: their slots are in use, or their company has too many deliveries in memory."""
        busy = self._slots.busy
        full = {company for company, count in self._ordering.claimed_by.items() if count >= MOST_OF_COMPANY}
        if not full:
            return busy
        routes = ((no, self._table.route(no)) for no in self._table.ordered)
        return busy | {no for no, route in routes if route and route.subscription.company_id in full}

    async def _learn_keys(self) -> None:
        """Read which keys have deliveries in the ledger, for the subscriptions that ``ordering`` has not read yet."""
        for no, blocked in self._ordering.unknown()[:LOOKED_AT]:
            blocked.begin_to_learn()
            async with self._database.read() as connection:
                keys = await store.busy_keys(connection, no, limit=MOST_BLOCKED + 1)
            if keys is not None:
                blocked.learn(keys)

    async def _start(self, claimed: Sequence[OrderedClaim], settled: store.Settled) -> None:
        events, pins = await self._starter.read([claim for queue in claimed for claim in queue.claims])
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
        fronts = [queue.claims[0] for queue in queues]
        behind = [
            Settled(c.position, c.subscription_no, Status.HELD, c.attempts, None, claim=c.claim)
            for queue in queues
            for c in queue.claims[1:]
        ]
        place_of = {queue.claims[0].key: Place(queue.subscription_no, queue.order_key) for queue in queues}
        async with self._database.write() as connection:
            await store.lock(connection, {front.subscription_no for front in fronts})
            gone = await self._starter.put_aside(connection, fronts, positions=positions)
            await ledger.settle(connection, self._owned.worker, behind)
            await store.requeue(connection, place_of.values())
            await store.arrange(connection, [place_of[front.key] for front in gone])
