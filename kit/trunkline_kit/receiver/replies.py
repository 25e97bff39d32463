"""The replies of a receiver: whole, slow, broken and missing answers."""
# ruff: noqa: D102  # the class docstring describes __call__

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline_kit.receiver.connections import Connection


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole, valid answer, *delay_seconds* after the request; ``content-length`` is added."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    delay_seconds: float = 0

    def render(self) -> bytes:
        """Return head and body as they are sent."""
        lines = [f"HTTP/1.1 {self.status} ", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    async def __call__(self, connection: "Connection") -> None:
        await asyncio.sleep(self.delay_seconds)
        connection.write(self.render())


@dataclass(frozen=True, slots=True)
class Redirect:
    """A 302, or another *status*, to *url*."""

    url: str
    status: int = 302

    async def __call__(self, connection: "Connection") -> None:
        connection.write(Answer(self.status, {"location": self.url}).render())


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer, while the connection stays open."""

    async def __call__(self, connection: "Connection") -> None:  # noqa: ARG002  # nothing is written
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Drip:
    """An endless answer with *status*: one byte of the body every *interval_seconds*."""

    interval_seconds: float = 0.05
    status: int = 200

    async def __call__(self, connection: "Connection") -> None:
        connection.write(b"HTTP/1.1 %d \r\ncontent-length: 1000000000\r\n\r\n" % self.status)
        while True:
            await asyncio.sleep(self.interval_seconds)
            connection.write(b".")


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset, without an answer."""

    async def __call__(self, connection: "Connection") -> None:
        connection.reset()


@dataclass(frozen=True, slots=True)
class CloseWithoutAnswer:
    """The connection is closed properly, without an answer."""

    async def __call__(self, connection: "Connection") -> None:
        connection.close()


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that are not HTTP; then the connection is closed."""

    data: bytes = b"\x00\x15\xff\xfe not HTTP at all \r\n\r\n\x00"

    async def __call__(self, connection: "Connection") -> None:
        connection.write(self.data)
        connection.close()


@dataclass(frozen=True, slots=True)
class EndlessHeaders:
    """Endless header lines: one every *interval_seconds*, or as fast as the other side reads."""

    interval_seconds: float = 0

    async def __call__(self, connection: "Connection") -> None:
        connection.write(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while True:
            connection.write(b"x-%d: %s\r\n" % (number, b"y" * 64))
            number += 1
            await asyncio.sleep(self.interval_seconds)
            await connection.drain()


@dataclass(frozen=True, slots=True)
class HugeBody:
    """A 200 with a body of *size_bytes*, sent as fast as the other side reads."""

    size_bytes: int = 100 * 1024 * 1024

    async def __call__(self, connection: "Connection") -> None:
        connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self.size_bytes)
        left = self.size_bytes
        while left > 0:
            piece = min(left, 65_536)
            connection.write(b"x" * piece)
            left -= piece
            await connection.drain()


Reply = Callable[["Connection"], Coroutine[object, object, None]]
"""One of the classes above, or an ``async def`` that writes to the connection; cancelled when the connection is lost."""
