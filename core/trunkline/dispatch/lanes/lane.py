"""The loop that claims the deliveries that wait in the ledger. It runs once for each kind of them, with a policy.

::

    free_lane     without order and pace: when they are due, by any worker
    paced_lane    with a pace: when their gate admits them, by the holder of their shard
    ordered_lane  with an order: when all earlier deliveries of their key have ended, by the holder of their shard
    replay_lane   of a replay: when a worker has read their page of the log
"""

import logging
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.dispatch.signals import KeepUp
from trunkline.errors import StoreUnavailable
from trunkline.store import due
from trunkline.store.connection import Connection
from trunkline.store.due import Waiting
from trunkline.store.wakeup import Signal

LOOK_SECONDS = 1.0
"""How long a lane waits if the database does not answer, and how often it queries the ledger without a signal."""
NOT_ALIVE_SECONDS = 0.05
"""How often to check whether a worker whose leases have lapsed may claim again."""
IDLE_SECONDS = 10.0
"""Pause between queries for a kind that no subscription needs. A worker may still write deliveries of a deleted subscription."""
_log = logging.getLogger(__name__)


class Policy(Protocol):
    """Claims the deliveries of one kind. *signal* is set if some of them may begin."""

    signal: Signal

    async def step(self) -> float | None:
        """Claim and start deliveries once.

        Returns the seconds until the next step; None if it depends on the signal alone. Raises StoreUnavailable.
        """
        ...


class Lane:
    """Runs policies for the worker of *owned*. It awaits *keep_up* before each step."""

    def __init__(self, owned: OwnedShards, *, keep_up: KeepUp) -> None:
        self._owned = owned
        self._keep_up = keep_up

    async def run(self, kind: str, policy: Policy) -> None:
        """Claim deliveries by *policy* until cancelled."""
        while True:
            wait: float | None = LOOK_SECONDS
            try:
                await self._keep_up()
                wait = await policy.step() if self._owned.is_alive else NOT_ALIVE_SECONDS
            except StoreUnavailable as error:
                _log.warning("cannot claim %s now: %s", kind, error)
            await policy.signal.wait(wait)


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
