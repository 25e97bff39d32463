"""A name server for tests: one name resolves at once, one name late, one name never; other names do not exist, or fail."""

import asyncio
import socket
import struct
from typing import cast

SLOW_SECONDS = 1.8
"""Longer than one try of the hub, shorter than all of its tries together."""
_SERVFAIL, _NXDOMAIN = 0x8182, 0x8183
_FOUND = 0x8180
_TYPE_A = 1


class NameServer(asyncio.DatagramProtocol):
    """Answers by the last label but one: ``x.silent.test`` never, ``.slow.`` late, ``.broken.`` SERVFAIL, ``.here.`` 127.0.0.1."""

    def __init__(self) -> None:
        self.asked = 0

    @classmethod
    async def start(cls) -> tuple[asyncio.DatagramTransport, str]:
        """Listen on a free port; return the transport to close, and the server's address."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        host, port = transport.get_extra_info("sockname")
        return transport, f"{host}:{port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question, or leave it unanswered."""
        self.asked += 1
        end = data.index(b"\0", 12) + 5
        question, kind = data[12:end], struct.unpack("!H", data[end - 4 : end - 2])[0]
        labels: list[bytes] = []
        at = 0
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]])
            at += 1 + question[at]
        behaviour = labels[-2] if len(labels) > 1 else b""
        if behaviour == b"silent":
            return
        found = behaviour in {b"here", b"slow"}
        answer = b""
        if found and kind == _TYPE_A:
            answer = b"\xc0\x0c" + struct.pack("!HHIH", _TYPE_A, 1, 1, 4) + socket.inet_aton("127.0.0.1")
        flags = _FOUND if found else _SERVFAIL if behaviour == b"broken" else _NXDOMAIN
        head = data[:2] + struct.pack("!HHHHH", flags, 1, 1 if answer else 0, 0, 0)
        delay_seconds = SLOW_SECONDS if behaviour == b"slow" else 0.0
        asyncio.get_running_loop().call_later(
            delay_seconds, self._transport.sendto, head + question + answer, addr
        )
