"""The dispatcher's own values: a delivery in memory, an attempt that ended, a delivery that was deferred."""

import asyncio
from collections.abc import Mapping
from itertools import takewhile

from msgspec import Struct

from trunkline.dispatch.attempts.open_limit import OpenLimit
from trunkline.dispatch.routing.table import Route
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.deliveries import Key, Result
from trunkline.model.events import Event
from trunkline.schemas.versions import Pins
from trunkline.store.deliveries import Claim

BATCH = 500
"""Number of waiting results that are written at once, without waiting for the next interval."""


class KeyQueue(Struct, eq=False):
    """The deliveries of one order key in memory: the one in flight, and the waiting ones in the log's order."""

    subscription_no: int
    order_key: int
    running: "Job | None" = None
    waiting: list["Job"] = []


class Job(Struct, eq=False, kw_only=True):
    """One delivery in this worker's memory.

    While the delivery has no row in the ledger, *claim* is 0. The delivery is then at its first attempt, in the live
    lane, and the cursor of *progress* cannot pass the event. From 1 on, *claim* is the claim number of the delivery's
    row. *attempt* counts from 1. A replay restarts the retry schedule: *round_start* is the number of attempts made
    before the replay.
    """

    event: Event
    route: Route
    attempt: int = 1
    round_start: int = 0
    claim: int = 0
    progress: Progress | None = None
    pins: Pins | None = None
    """The versions of event types to send that a replay chose. If None, those of the route are sent."""
    replay_no: int | None = None
    """The replay that requested this delivery, if any."""
    room: OpenLimit | None = None
    """The limit under which this delivery counts as open. If None, the runner uses the limit of the live reader."""
    started: float = 0.0
    """When the delivery was submitted; once its attempt has begun, when the attempt began (monotonic seconds)."""
    key_queue: KeyQueue | None = None
    """The deliveries with the same order key, if the subscription has an ordering (``dispatch.ordering``)."""
    task: asyncio.Task[None] | None = None
    has_room: bool = False
    """Whether *room* counts this delivery now.

    It does from the submission until the attempt has ended or the delivery has a row in the ledger.
    """
    timed_out: bool = False
    is_over: bool = False

    @classmethod
    def of_claim(
        cls, claim: Claim, event: Event, route: Route, *, progress: Progress | None, pins: Mapping[int, Pins]
    ) -> "Job":
        """Make the job of a claimed row in the ledger; *pins* has the versions to send, by the number of the replay."""
        return cls(
            event=event,
            route=route,
            attempt=claim.attempts + 1,
            round_start=claim.round_start,
            claim=claim.claim,
            progress=progress,
            pins=pins.get(claim.replay_no or 0),
            replay_no=claim.replay_no,
        )

    @property
    def key(self) -> Key:
        """The delivery's key in the ledger."""
        return Key(self.event.position, self.route.subscription.no)


class Ended(Struct, frozen=True):
    """An attempt that has ended."""

    job: Job
    result: Result
    started_ms: int
    duration_ms: int


class Deferred(Struct, frozen=True):
    """A delivery to write to the ledger without a finished attempt.

    It is written with *status*; *wait_ms* is the time until it is due again.
    """

    job: Job
    status: str
    wait_ms: int | None
    in_flight: bool = False
    """Whether an attempt is still running in this worker, under a claim."""


class ResultQueue:
    """Attempts that ended and deliveries that were deferred, waiting for the settlement to write them."""

    __slots__ = ("_items", "full")

    def __init__(self) -> None:
        self._items: list[Ended | Deferred] = []
        self.full = asyncio.Event()
        """Set once ``BATCH`` items wait."""

    def put(self, item: Ended | Deferred) -> None:
        """Add *item*; never blocks."""
        self._items.append(item)
        if len(self._items) >= BATCH:
            self.full.set()

    def __len__(self) -> int:
        return len(self._items)

    def take(self, most: int) -> list[Ended | Deferred]:
        """Remove and return up to *most* items, oldest first."""
        items, self._items = self._items[:most], self._items[most:]
        return items


def older(jobs: Mapping[Job, None], edge: float) -> list[Job]:
    """Return the *jobs* that started before *edge*; *jobs* are ordered by their start."""
    return list(takewhile(lambda job: job.started < edge, jobs))
