"""A name server on this machine, with names set by a test."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

A, AAAA = 1, 28
_FOUND, _NOT_FOUND = 0x8180, 0x8183


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers a question about a name in *addresses* with its addresses; other names get no answer.

    If a name has no addresses, the answer has no data.

    *asked* has the questions, each once for IPv4 and once for IPv6. Answers come after *delay_seconds*.
    """

    addresses: Mapping[str, Sequence[str]]
    delay_seconds: float = 0
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Give the server's address in the form of the settings."""
        host, port = self.transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address) -> None:
        end = data.index(b"\0", 12) + 5
        question, kind = data[12:end], struct.unpack("!H", data[end - 4 : end - 2])[0]
        labels: list[str] = []
        place = 0
        while length := question[place]:
            labels.append(question[place + 1 : place + 1 + length].decode().lower())
            place += 1 + length
        name = ".".join(labels)
        self.asked.append(name)
        if name not in self.addresses:
            return
        known = self.addresses[name]
        records = [_record(one) for one in known if (AAAA if ":" in one else A) == kind]
        flags = _FOUND if known else _NOT_FOUND
        head = data[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        answer = head + question + b"".join(records)
        asyncio.get_running_loop().call_later(self.delay_seconds, self._send, answer, address)

    def _send(self, answer: bytes, address) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(answer, address)


@contextlib.asynccontextmanager
async def name_server(
    addresses: Mapping[str, Sequence[str]], *, delay_seconds: float = 0
) -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(addresses, delay_seconds), local_addr=("127.0.0.1", 0), family=socket.AF_INET
    )
    try:
        yield server
    finally:
        transport.close()


def _record(address: str) -> bytes:
    packed = ip_address(address).packed
    kind = AAAA if len(packed) == 16 else A
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(packed)) + packed
