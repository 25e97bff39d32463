"""The matching lane: events that the reader cannot hand over at once are matched here, beside it, company after company.

The reader matches what is cheap, in a few milliseconds for each page. An event whose filters are dear, or whose company has no
room for more deliveries in memory, waits here by its position only, and the cursor of its shard waits with it, while the
reader goes on with what is for others. A company whose event waits has its later events wait behind it, so that they stay in
their order, unless too many wait: those have their deliveries written to the ledger.
"""

import asyncio
import itertools
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence

from trunkline.dispatch.jobs import Job
from trunkline.dispatch.progress import Progress
from trunkline.dispatch.routing import Route, RoutingTable
from trunkline.dispatch.runner import Runner
from trunkline.errors import StoreUnavailable
from trunkline.model.deliveries import Key
from trunkline.model.events import Event
from trunkline.runtime.pauses import Pauses
from trunkline.store import stream
from trunkline.store.database import Database

PAGE_COST = 50_000
"""What the filters of all companies may cost in one page of the reader, in units of ``filters.costs``: 5 ms."""
COMPANY_COST = 20_000
"""And those of one company."""
UNIT_BYTES = 64
"""Bytes of an event that are parsed in the time of a unit."""
AT_ONCE = 20
"""Events of one company that are matched before the next company has its turn."""
MOST_WAITING = 40_000
"""Events that may wait here; the reader reads on when fewer do."""
COMPANY_WAITING = 10_000
"""Events of one company that may wait here for room."""
LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


class Budget:
    """What matching may cost in one page of the reader, where more would hold up others."""

    __slots__ = ("_left", "_of_company")

    def __init__(self) -> None:
        self._left = PAGE_COST
        self._of_company: dict[int, int] = {}

    def allows(self, event: Event, cost: int) -> bool:
        """Tell whether *event*, whose filters have *cost*, may be matched now; then it is counted."""
        cost += len(event.body) // UNIT_BYTES
        spent = self._of_company.get(event.company_id, 0) + cost
        if spent > COMPANY_COST or cost > self._left:
            return False
        self._of_company[event.company_id] = spent
        self._left -= cost
        return True


class MatchingLane:
    """Matches the events that were ``put`` here, and hands their deliveries to *runner*."""

    def __init__(self, database: Database, table: RoutingTable, runner: Runner) -> None:
        self._database = database
        self._table = table
        self._runner = runner
        self._waiting: OrderedDict[int, deque[tuple[int, Progress]]] = OrderedDict()
        self._count = 0
        self._has_work = asyncio.Event()
        self.pauses = Pauses()
        self.has_room = asyncio.Event()
        self.has_room.set()

    def waiting(self, company_id: int) -> int:
        """Tell how many events of a company wait."""
        line = self._waiting.get(company_id)
        return len(line) if line else 0

    def put(self, event: Event, progress: Progress) -> None:
        """Let *event* wait; the cursor of its shard does not pass it before it is matched."""
        progress.open(event.position, 1)
        self._waiting.setdefault(event.company_id, deque()).append((event.position, progress))
        self._count += 1
        self._has_work.set()
        if self._count >= MOST_WAITING:
            self.has_room.clear()

    async def run(self) -> None:
        """Match whatever waits."""
        while True:
            await self._has_work.wait()
            try:
                await self.step()
            except StoreUnavailable as error:
                _log.warning("cannot read the events to match now: %s", error)
                await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Match the next events of the company whose turn it is, the first that has room."""
        company_id = await self._next_company()
        waiting = self._waiting[company_id]
        self._waiting.move_to_end(company_id)
        positions = [position for position, _ in itertools.islice(waiting, AT_ONCE)]
        async with self._database.read() as connection:
            events = await stream.by_positions(connection, positions)
        for position in positions:
            if not self._runner.room.has_room_for(company_id):
                break
            await self._match(position, waiting[0][1], events.get(position))
            waiting.popleft()
            self._count -= 1
        if not waiting:
            del self._waiting[company_id]
        if self._count < MOST_WAITING // 2:
            self.has_room.set()
        if not self._waiting:
            self._has_work.clear()

    async def _next_company(self) -> int:
        room = self._runner.room
        while True:
            room.company_has_room.clear()
            for company_id in self._waiting:
                if room.has_room_for(company_id):
                    return company_id
            await room.company_has_room.wait()

    async def _match(self, position: int, progress: Progress, event: Event | None) -> None:
        """Match the event at *position*; None was removed by retention, and of a lost shard others make the deliveries."""
        await self._runner.room.has_room.wait()
        while not progress.lost and time.monotonic() >= progress.valid_until:  # noqa: ASYNC110 - the clock sets no event
            await asyncio.sleep(LOOK_SECONDS)
        routes: Sequence[Route] = ()
        if event is not None and not progress.lost:
            routes = unsettled(await self._table.match_with_pauses(event, self.pauses), event, progress)
        if progress.lost:
            return
        if event is not None and routes:
            progress.add(position, len(routes))
            for route in routes:
                self._runner.submit(Job(event, route, progress=progress))
        progress.close(position)
        self._runner.stir()


def unsettled(routes: Sequence[Route], event: Event, progress: Progress) -> Sequence[Route]:
    """Choose from *routes* those for which no earlier owner of the shard has written the delivery of *event*."""
    if not (progress.settled and routes):
        return routes
    return [route for route in routes if Key(event.position, route.subscription.no) not in progress.settled]
