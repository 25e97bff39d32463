"""Parts that the lanes share. Each lane claims the deliveries of one kind that wait in the ledger.

::

    free_lane     without order and pace: when they are due, by any worker
    paced_lane    with a pace: when their gate admits them, by the holder of their shard
    ordered_lane  with an order: when all earlier deliveries of their key have ended, by the holder of their shard
    replay_lane   of a replay: when a worker has read their page of the log
"""

import time
from collections.abc import Callable, Hashable, Sequence

from trunkline.store import due
from trunkline.store.connection import Connection
from trunkline.store.due import Waiting

LOOK_SECONDS = 1.0
"""How often a lane queries the ledger without a signal."""
IDLE_SECONDS = 10.0
"""Pause between queries for a kind that no subscription needs. A worker may still write deliveries of a deleted subscription."""


class Rounds:
    """The order in which the subscriptions of one kind have their turn, whatever number of due deliveries each has.

    One step reads up to *most* subscriptions.
    """

    def __init__(self, kind: due.Kind, *, most: int) -> None:
        self._kind = kind
        self._most = most
        self._after = 0
        """The number of the subscription whose turn was last."""
        self.has_more = False
        """Whether the last step may have left subscriptions out."""

    async def next(self, connection: Connection) -> list[Waiting]:
        """List the next subscriptions that have deliveries in the ledger."""
        waiting = await due.waiting(connection, self._kind, after=self._after, limit=self._most)
        if self._after and len(waiting) < self._most:
            more = await due.waiting(connection, self._kind, after=0, limit=self._most - len(waiting))
            waiting += [each for each in more if each.subscription_no <= self._after]
        self.has_more = len(waiting) == self._most
        self._after = waiting[-1].subscription_no if self.has_more else 0
        return waiting

    def divide(self, room: int, ready: Sequence[int], most_of: Callable[[int], int]) -> dict[int, int]:
        """Divide *room* deliveries evenly among the *ready* subscriptions, at most *most_of* for each."""
        shares: dict[int, int] = {}
        for place, no in enumerate(ready):
            count = min(most_of(no), max(room // (len(ready) - place), 1), room)
            if count > 0:
                shares[no] = count
                room -= count
                if not room:
                    self._after = no
                    break
        return shares


class Idleness:
    """Saves the queries for a kind of deliveries that no subscription needs."""

    def __init__(self) -> None:
        self._state: Hashable = None
        self._until = 0.0

    def begin(self, state: Hashable) -> None:
        """Note that a query found no delivery in *state*, which names the owned slices and the routing version."""
        self._state, self._until = state, time.monotonic() + IDLE_SECONDS

    def lasts(self, state: Hashable) -> bool:
        """Return whether a query is unnecessary in *state*."""
        return self._state == state and time.monotonic() < self._until
