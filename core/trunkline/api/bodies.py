"""How many bytes of request bodies one process holds at once, and how companies share them.

``requests.read_body`` takes room before it reads a large body. The room is given back when the request has ended, as what
was read out of a body lives as long.
"""

import asyncio
import math
from collections import Counter, deque

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.errors import Overloaded

FREE_BYTES = 64 * 1024
"""A body up to this size takes no room: a connection may hold as much anyway."""
SHARES = 8
"""A company may have one of this many parts of the room."""
WAIT_SECONDS = 5.0
NO_COMPANY = 0
"""Whose the bodies are that come without a key."""
LEASE_KEY = "trunkline.body_room"
"""Where in the ASGI scope the ``Lease`` of a request stands."""

Owner = int | None
"""The company of a body; None for an operator's, who has no share but all."""
Turn = asyncio.Future[None]


class BodyRoom:
    """Room for *total* bytes. A request that finds none waits; companies have their turns one after the other.

    A body larger than a company's share, or than all the room, is let in while its company, or nobody, holds any.
    """

    def __init__(self, total: int, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._total = total
        self._wait_seconds = wait_seconds
        self._held = 0
        self._held_by: Counter[Owner] = Counter()
        self._lines: dict[Owner, deque[tuple[int, Turn]]] = {}

    async def take(self, owner: Owner, size: int) -> None:
        """Take room for *size* bytes.

        Raises:
            Overloaded: none became free in time.
        """
        turn: Turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(owner, deque()).append((size, turn))
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
        """Give room back, and let in who waits for it."""
        self._held -= size
        self._held_by[owner] -= size
        if not self._held_by[owner]:
            del self._held_by[owner]
        self._move()

    def _withdraw(self, owner: Owner, size: int, turn: Turn) -> None:
        if not turn.cancelled():  # it was let in just then
            self.give_back(owner, size)
            return
        line = self._lines.get(owner, deque())
        if (size, turn) in line:
            line.remove((size, turn))
            if not line:
                del self._lines[owner]
        self._move()

    def _move(self) -> None:
        """Let in the first of each line, and again, until nobody finds room."""
        has_moved = True
        while has_moved:
            has_moved = False
            for owner, line in tuple(self._lines.items()):
                size = line[0][0]
                if not self._has_share(owner, size):
                    continue
                if self._held and self._held + size > self._total:
                    return  # no one overtakes: a large body would wait for ever
                self._let_in(owner)
                has_moved = True

    def _let_in(self, owner: Owner) -> None:
        """Let in the first of a line; the line goes behind the others."""
        line = self._lines.pop(owner)
        size, turn = line.popleft()
        if line:
            self._lines[owner] = line
        if not turn.cancelled():
            self._held += size
            self._held_by[owner] += size
            turn.set_result(None)

    def _has_share(self, owner: Owner, size: int) -> bool:
        held = self._held_by[owner]
        return owner is None or not held or held + size <= self._total // SHARES


class Lease:
    """What one request has of the *room*."""

    __slots__ = ("_owner", "_room", "_size")

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self._owner: Owner = None
        self._size = 0

    async def take(self, owner: Owner, size: int) -> None:
        """Take room for a body, once. Raises Overloaded."""
        await self._room.take(owner, size)
        self._owner, self._size = owner, size

    def end(self) -> None:
        """Give back what was taken."""
        if self._size:
            self._room.give_back(self._owner, self._size)
            self._size = 0


class Bodies:
    """Gives each request that may have a body a lease, and ends it with the request."""

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


def install(app: FastAPI, room: BodyRoom) -> None:
    """Put the leases around *app*."""
    app.add_middleware(Bodies, room=room)
