"""Limits the bytes of request bodies that one process holds at once, and shares them among companies.

``requests.read_body`` reserves memory before it reads a large body. The reservation ends with the request, because values
parsed from the body live as long as the request.
"""

import asyncio
import math
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.errors import Overloaded
from trunkline.runtime.fair_queue import FairQueue

FREE_BYTES = 64 * 1024
"""A body up to this size needs no reservation: a connection may buffer that much anyway."""
SHARES = 8
"""The share of one company is the whole memory for bodies divided by this number."""
WAIT_SECONDS = 5.0
NO_COMPANY = 0
"""The owner of bodies that come without a key."""
LEASE_KEY = "trunkline.body_room"
"""The key of a request's ``Lease`` in the ASGI scope."""

Owner = int | None
"""The company of a body; None for the body of an operator's call, which may use all memory for bodies."""
Turn = asyncio.Future[None]


class BodyRoom:
    """Reserves memory for bodies, *total* bytes at most. A request waits if too little is free; companies take turns.

    A body larger than a company's share is admitted when the company has no other reservation. A body larger than *total* is
    admitted when there is no other reservation at all.
    """

    def __init__(self, total: int, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._total = total
        self._wait_seconds = wait_seconds
        self._held = 0
        self._held_by: Counter[Owner] = Counter()
        self._queue: FairQueue[Owner, tuple[int, Turn]] = FairQueue()

    async def take(self, owner: Owner, size: int) -> None:
        """Reserve *size* bytes. Raises Overloaded if not enough memory becomes free in time."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._queue.put(owner, (size, turn))
        self._move()
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except TimeoutError:
            self._withdraw(owner, size, turn)
            what = "Too many large requests are being handled"
            raise Overloaded(what, retry_after_seconds=math.ceil(self._wait_seconds)) from None
        except asyncio.CancelledError:
            self._withdraw(owner, size, turn)
            raise

    def give_back(self, owner: Owner, size: int) -> None:
        """End a reservation, and admit waiting requests."""
        self._held -= size
        self._held_by[owner] -= size
        if not self._held_by[owner]:
            del self._held_by[owner]
        self._move()

    def _withdraw(self, owner: Owner, size: int, turn: Turn) -> None:
        if not turn.cancelled():  # it was admitted just now
            self.give_back(owner, size)
            return
        self._queue.remove(owner, (size, turn))
        self._move()

    def _move(self) -> None:
        """Admit waiting requests until the next one does not fit."""
        is_full = False

        def may_begin(owner: Owner, request: tuple[int, Turn]) -> bool:
            nonlocal is_full  # no other request may overtake one that waits for memory: a large body would wait for ever
            held, size = self._held_by[owner], request[0]
            is_within_share = owner is None or not held or held + size <= self._total // SHARES
            is_full |= is_within_share and 0 < self._held > self._total - size
            return is_within_share and not is_full

        while (admitted := self._queue.pop(may_begin)) is not None:
            owner, (size, turn) = admitted
            if not turn.cancelled():
                self._held += size
                self._held_by[owner] += size
                turn.set_result(None)


class Lease:
    """The reservation of one request in *room*."""

    __slots__ = ("_owner", "_room", "_size")

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self._owner: Owner = None
        self._size = 0

    async def take(self, owner: Owner, size: int) -> None:
        """Reserve memory for a body, once. Raises Overloaded."""
        await self._room.take(owner, size)
        self._owner, self._size = owner, size

    def end(self) -> None:
        """End the reservation."""
        if self._size:
            self._room.give_back(self._owner, self._size)
            self._size = 0


class Bodies:
    """Gives each HTTP request a lease, and ends it with the request."""

    def __init__(self, app: ASGIApp, *, room: BodyRoom) -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lease = scope[LEASE_KEY] = Lease(self._room)
        try:
            await self._app(scope, receive, send)
        finally:
            lease.end()
