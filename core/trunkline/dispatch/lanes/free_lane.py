"""The free lane: due deliveries without an order and a pace, mainly retries. Any worker claims them.

If few deliveries are due, they are claimed by their due time. If many are due, the subscriptions take turns, whatever
number of due deliveries each has. So a target that recovers with a backlog of a hundred thousand deliveries delays no
other target.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from trunkline.dispatch.lanes.lane import Rounds
from trunkline.dispatch.lanes.starting import PAGE, Starter
from trunkline.model.deliveries import Key
from trunkline.runtime import faults
from trunkline.store import deliveries as ledger
from trunkline.store import due

WINDOW = 500
"""If at most this many deliveries are due, they are claimed by their time alone; otherwise the subscriptions take turns."""
IN_TURN = 200
"""Number of subscriptions in one query of the ledger; the next query continues after them."""
CROWDED_SECONDS = 0.01
BUSY_SECONDS = 0.05
"""How long the lane waits if deliveries are due but none of them may begin."""
ROUND_SECONDS = 0.1
"""Pause after all due deliveries were claimed.

In it, due deliveries accumulate: claiming ten costs little more than one.
"""


class FreeLane:
    """Claims, for each subscription, as many due deliveries as the runner has room for."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self._slots = starter.runner.slots
        self._rounds = Rounds(due.FREE, most=IN_TURN)

    async def step(self) -> float | None:
        """Claim due deliveries that can start soon. Returns the seconds until the next call, None if nothing waits."""
        room = self._starter.room
        if room <= 0:
            return CROWDED_SECONDS
        async with self._starter.database.read() as connection:
            due_ms = await ledger.next_due_ms(connection)
            if due_ms is None:
                return None
            if due_ms > 0:
                return due_ms / 1000
            oldest = await due.oldest(connection, limit=WINDOW)
            has_more = len(oldest) == WINDOW
            if has_more:
                ready = [w.subscription_no for w in await self._rounds.next(connection) if w.wait_ms <= 0]
                shares = self._rounds.divide(room, ready, self._room_of)
                keys = await due.pick(connection, due.FREE, shares)
            else:
                keys = self._with_room(oldest, room)
        claims = await self._starter.claim(due.FREE, keys)
        if not claims:
            return BUSY_SECONDS
        faults.point("retry.before_start")
        events, pins = await self._starter.read(claims)
        await self._starter.start(claims, events=events, pins=pins)
        faults.point("retry.after_start")
        if has_more or len(keys) < len(oldest):
            return CROWDED_SECONDS
        await asyncio.sleep(ROUND_SECONDS)  # a signal that is set meanwhile is handled afterwards
        return 0.0

    def _with_room(self, oldest: Iterable[Key], room: int) -> list[Key]:
        """Choose deliveries, the oldest first, as many as memory has *room* for."""
        chosen: list[Key] = []
        taken: Counter[int] = Counter()
        most_of: dict[int, int] = {}
        for key in oldest:
            no = key.subscription_no
            if no not in most_of:
                most_of[no] = self._room_of(no)
            if len(chosen) < room and taken[no] < most_of[no]:
                taken[no] += 1
                chosen.append(key)
        return chosen

    def _room_of(self, subscription_no: int) -> int:
        """Return how many deliveries of a subscription to claim.

        Deliveries with a pace are passed on to the paced lane, all at once, to keep the order of their due times.
        """
        return PAGE if self._starter.passes_on(subscription_no) else self._slots.room_of(subscription_no)
