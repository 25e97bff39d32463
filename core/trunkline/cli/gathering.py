"""The metrics and the readiness of all processes of one command, collected by their supervisor.

The supervisor shares two pairs of sockets with each child, which inherits its ends. Over the first pair the supervisor asks
and the child answers. Over the second pair a child that serves ``/metrics`` asks for the metrics of all processes. A
question is one byte; an answer is its length, and then JSON or text.
"""

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from msgspec import Struct, convert

from trunkline.hub.hub import Hub
from trunkline.runtime.merging import Family, MergedMetrics, families_of

ANSWER_SECONDS = 2.0
"""How long (seconds) one child may take to answer; after that its last known counts are used."""
_METRICS, _READINESS, _WHOLE = b"m", b"r", b"w"
_LENGTH_BYTES = 4


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: bytes) -> bytes:
    writer.write(question)
    await writer.drain()
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    return await reader.readexactly(length)


async def _answer(end: socket.socket, reply: Callable[[bytes], Awaitable[bytes]]) -> None:
    """Answer every question on *end* until the other end is closed."""
    reader, writer = await asyncio.open_connection(sock=end)
    with contextlib.closing(writer), contextlib.suppress(ConnectionError):
        while question := await reader.read(1):
            answer = await reply(question)
            writer.write(len(answer).to_bytes(_LENGTH_BYTES, "big") + answer)
            await writer.drain()


class Seat(Struct):
    """The sockets between the supervisor and one child."""

    number: int
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    given: tuple[socket.socket, socket.socket]
    """The child's ends of the sockets."""
    asking: asyncio.Task[bytes] | None = None

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that the child inherits."""
        return [end.fileno() for end in self.given]

    async def ask(self, question: bytes) -> bytes | None:
        """Ask the child; None if it does not answer in time. The next question waits for a late answer."""
        if self.asking is not None:
            await asyncio.wait({self.asking}, timeout=ANSWER_SECONDS)
            if not self.asking.done():
                return None
        self.asking = asyncio.create_task(_ask(*self.line, question))
        await asyncio.wait({self.asking}, timeout=ANSWER_SECONDS)
        if not self.asking.done() or self.asking.exception() is not None:
            return None
        return self.asking.result()

    def leave_to_child(self) -> None:
        """Close the child's ends in this process, once it has inherited them."""
        for end in self.given:
            end.close()

    async def close(self) -> None:
        """Close all ends."""
        self.leave_to_child()
        if self.asking is not None:
            self.asking.cancel()
            await asyncio.wait({self.asking})
        self.line[1].close()


class Gathering:
    """Collects the metrics and the readiness of a supervisor's children."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._seats: dict[int, Seat] = {}
        self._merged = MergedMetrics()
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def seat(self) -> AsyncGenerator[Seat]:
        """Yield the sockets for a child that is about to be started; close them when the block ends."""
        asks, answered = socket.socketpair()
        answers, asked = socket.socketpair()
        line = await asyncio.open_connection(sock=asks)
        seat = Seat(next(self._numbers), line, (answered, asked))
        answering = asyncio.create_task(_answer(answers, lambda _: self.text()), name="metrics of all")
        self._seats[seat.number] = seat
        try:
            yield seat
        finally:
            del self._seats[seat.number]
            answering.cancel()
            await asyncio.wait({answering})
            await seat.close()
            async with self._lock:
                self._merged.ended(seat.number)

    async def text(self) -> bytes:
        """Ask every child, and write the metrics of all in Prometheus's text format."""
        async with self._lock:
            seats = list(self._seats.values())
            answers = await asyncio.gather(*(seat.ask(_METRICS) for seat in seats))
            for seat, answer in zip(seats, answers, strict=True):
                if answer is not None:
                    self._merged.seen(seat.number, convert(json.loads(answer), list[Family]))
            return self._merged.text()

    async def readiness(self) -> dict[str, str]:
        """Ask every child for its readiness; a fault of one child is a fault of all."""
        async with self._lock:
            answers = await asyncio.gather(*(seat.ask(_READINESS) for seat in self._seats.values()))
        checks: dict[str, str] = {}
        for answer in answers:
            one = {"dispatcher": "a process does not answer"} if answer is None else json.loads(answer)
            for name, state in one.items():
                known = checks.get(name, "off")
                if known == "off" or (known == "ok" and state != "off"):
                    checks[name] = state
        return checks or {"dispatcher": "no process runs"}


@contextlib.asynccontextmanager
async def seated(seat: str, hub: Hub) -> AsyncGenerator[None]:
    """While the block runs, answer the supervisor's questions about *hub*, and ask the supervisor for the hub's ``/metrics``.

    *seat* is the argument that the supervisor gave this child.
    """
    answers, asks = (socket.socket(fileno=int(number)) for number in seat.split(","))
    turn = asyncio.Lock()
    reader, writer = await asyncio.open_connection(sock=asks)

    async def ask() -> bytes:
        async with turn:
            return await _ask(reader, writer, _WHOLE)

    async def reply(question: bytes) -> bytes:
        value: Any = await hub.readiness() if question == _READINESS else families_of(hub.metrics)
        return json.dumps(value).encode()

    hub.metrics.gather_with(ask)
    answering = asyncio.create_task(_answer(answers, reply), name="seat")
    try:
        yield
    finally:
        answering.cancel()
        writer.close()
